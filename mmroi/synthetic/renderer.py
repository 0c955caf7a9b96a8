"""Renders scenes: dressed people and boxes in front of a background, antialiased, with camera effects."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmroi.geometry import Fragments, interpolate, rasterize, vertex_normals
from mmroi.synthetic.backgrounds import sample_background
from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.camera import Camera
from mmroi.synthetic.drape import drape_mesh
from mmroi.synthetic.fabric import cloth_color, smooth_noise, smoothstep
from mmroi.synthetic.hands import HandCurler
from mmroi.synthetic.lighting import Lights, floor_shadow, sample_lights
from mmroi.synthetic.scene import Box, Person, Scene
from mmroi.synthetic.wardrobe import Outfit, Wardrobe

_SAMPLES = 2  # per pixel along each axis
_BOX_FACES = np.array(
    [
        [0, 2, 3],
        [0, 3, 1],
        [4, 5, 7],
        [4, 7, 6],
        [0, 1, 5],
        [0, 5, 4],
        [2, 6, 7],
        [2, 7, 3],
        [0, 4, 6],
        [0, 6, 2],
        [1, 3, 7],
        [1, 7, 5],
    ]
)


# Lookup table from the square root of linear light to sRGB in [0, 255]; the root spaces the entries evenly.
_GAMMA = (255 * np.linspace(0, 1, 4096) ** (2 / 2.2)).astype(np.float32)


@dataclass
class Rendering:
    """A rendered scene.

    Attributes:
        image: (H, W, 3) uint8, BGR.
        boxes: (N, 4) x, y, width, height of each person's visible pixels; zero if none are visible.
        visible: (N,) visible share of each person's silhouette, 0 to 1.
        owner: (2H, 2W) int8 index of the person at each sample; -1 is the background, -2 a box.
        depth: (2H, 2W) float32 depth of each sample, meters; infinite for the background.
    """

    image: np.ndarray
    boxes: np.ndarray
    visible: np.ndarray
    owner: np.ndarray
    depth: np.ndarray


@dataclass
class _Item:
    """A rasterized object: the attributes of its fragments and how to color them."""

    fragments: Fragments
    pixels: np.ndarray
    normals: np.ndarray
    rest: np.ndarray
    outfit: Outfit | None
    color: np.ndarray
    draped: np.ndarray | None = None


class Renderer:
    """Renders scenes.

    Args:
        body: The body model.
    """

    def __init__(self, body: StudioBody) -> None:
        self._body = body
        self._wardrobe = Wardrobe(body)
        self._hands = HandCurler(body)
        self._rest = np.ascontiguousarray(body.rest_vertices, np.float32)

    def render(self, rng: np.random.Generator, scene: Scene) -> Rendering:
        """Render a scene with random clothes, lights and background.

        Args:
            rng: Random generator.
            scene: The scene.

        Returns:
            The image, with boxes, visibility and depth.
        """
        camera = scene.camera
        background, floor = sample_background(rng, scene)
        lights = sample_lights(rng, camera, background.mean((0, 1))[::-1].astype(float))
        strength = float(lights.colors[0].mean() / (lights.colors[0].mean() + lights.sky.mean()))
        shadow = floor_shadow(scene, lights.directions[0], 0.75 * strength, rng.uniform(0.02, 0.15))
        background[floor] *= shadow[floor][:, None]

        height, width = camera.height * _SAMPLES, camera.width * _SAMPLES
        depth = np.full(height * width, np.inf, np.float32)
        owner = np.full(height * width, -1, np.int8)
        items, alone = [], []
        for k, person in enumerate(scene.people):
            item = self._person(rng, camera, person)
            items.append(item)
            alone.append(len(item.fragments.pixel_index))
            _merge(item.fragments, k, depth, owner)
        for box in scene.boxes:
            items.append(self._crate(rng, camera, box))
            _merge(items[-1].fragments, -2 - len(items), depth, owner)

        image = self._shade(items, camera, lights, depth, owner, len(scene.people))
        image = _compose(image, owner.reshape(height, width) != -1, background)
        owner[owner < -1] = -2
        plane = owner.reshape(height, width)
        boxes = np.stack([_visible_box(plane == k) for k in range(len(scene.people))])
        visible = np.array(
            [
                (plane == k).sum() / max(alone[k], 1) * _share_in_frame(camera, person.vertices)
                for k, person in enumerate(scene.people)
            ]
        )
        return Rendering(_develop(rng, image), boxes, visible, plane, depth.reshape(height, width))

    def _person(self, rng: np.random.Generator, camera: Camera, person: Person) -> _Item:
        outfit = self._wardrobe.dress(rng)
        vertices = self._hands.curl(rng, person.vertices, person.rotations)
        lift = np.zeros(len(vertices), np.float32)
        folds = smooth_noise(rng, self._rest, 0.16) + 0.6 * smooth_noise(rng, self._rest, 0.07)
        for layer in outfit.layers:
            if layer.thickness:
                cover = smoothstep(layer.covers(self._rest) / 0.012 - 0.5)
                lift += (
                    cover * np.float32(layer.thickness) * (1 - 0.5 * (lift > 0)) + cover * layer.folds * folds
                )
        faces = self._body.faces
        dressed = vertices + vertex_normals(vertices, faces) * np.maximum(lift, 0)[:, None].astype(np.float32)
        attributes = np.concatenate([vertex_normals(dressed, faces), self._rest], axis=1)
        # In a lap the cloth folds instead of spanning the legs.
        flexion = max(person.pose.angles[f'{side}_hip_flexion'] for side in ('left', 'right'))
        if outfit.drape is not None and flexion < 55:
            skirt = drape_mesh(outfit.drape, dressed, self._rest, person.rotations[0][:, 0])
            more = np.concatenate([vertex_normals(skirt.vertices, skirt.faces), skirt.rest], axis=1)
            attributes = np.concatenate([attributes, more])
            faces = np.concatenate([faces, skirt.faces + len(dressed)])
            dressed = np.concatenate([dressed, skirt.vertices])
        fragments = _rasterize(camera, dressed, faces)
        values = interpolate(attributes, faces, fragments)
        draped = fragments.face_index >= len(self._body.faces)
        return _Item(
            fragments, fragments.pixel_index, values[:, :3], values[:, 3:], outfit, np.zeros(3), draped
        )

    def _crate(self, rng: np.random.Generator, camera: Camera, box: Box) -> _Item:
        corners = box.corners.astype(np.float32)
        fragments = _rasterize(camera, corners, _BOX_FACES)
        t = corners[_BOX_FACES]
        normals = np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        unit = np.array([[i, j, k] for k in (0, 1) for j in (0, 1) for i in (0, 1)], np.float32)
        return _Item(
            fragments,
            fragments.pixel_index,
            normals[fragments.face_index],
            interpolate(unit, _BOX_FACES, fragments),
            None,
            cloth_color(rng),
        )

    def _shade(
        self,
        items: list[_Item],
        camera: Camera,
        lights: Lights,
        depth: np.ndarray,
        owner: np.ndarray,
        num_people: int,
    ) -> np.ndarray:
        """Shade the foreground; linear BGR (2H, 2W, 3), zero elsewhere."""
        height, width = camera.height * _SAMPLES, camera.width * _SAMPLES
        image = np.zeros((height * width, 3), np.float32)
        occlusion = _occlusion(depth.reshape(height, width), camera).ravel()
        for k, item in enumerate(items):
            name = k if k < num_people else -3 - k
            # Where all samples of a pixel show the same object, one of them is enough.
            blocks = (owner == name).reshape(camera.height, _SAMPLES, camera.width, _SAMPLES)
            whole = blocks.all(axis=(1, 3))
            needed = blocks & ~whole[:, None, :, None]
            needed[:, 0, :, 0] |= whole
            mine = needed.reshape(-1)[item.pixels]
            pixels, z = item.pixels[mine], item.fragments.depth[mine].astype(np.float32)
            rays = camera.ray(
                (pixels % width + 0.5) / _SAMPLES - 0.5, (pixels // width + 0.5) / _SAMPLES - 0.5
            )
            normals = item.normals[mine]
            normals = normals / np.sqrt(np.einsum('nc,nc->n', normals, normals) + 1e-12)[:, None]
            footprint = z / np.float32(camera.focal_length)
            albedo, gloss = self._albedo(item, item.rest[mine], footprint)
            if item.outfit is not None and item.outfit.drape is not None and item.draped is not None:
                cloth = item.draped[mine]
                rest = item.rest[mine][cloth]
                albedo[cloth] = item.outfit.drape.fabric(rest, rest[:, 1], footprint[cloth])
                gloss[cloth] = 0.02
            color = lights.shade(albedo, normals, rays, gloss, occlusion[pixels])
            image[pixels] = color[:, ::-1]
            samples = image.reshape(camera.height, _SAMPLES, camera.width, _SAMPLES, 3)
            rows, columns = np.nonzero(whole)
            samples[rows, :, columns] = samples[rows, 0, columns, 0][:, None, None]
        return image.reshape(height, width, 3)

    def _albedo(self, item: _Item, rest: np.ndarray, footprint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute colors (n, 3), linear RGB, and gloss (n,) of surface points."""
        if item.outfit is None:
            edge = np.sort(np.minimum(rest, 1 - rest), axis=1)[:, 1]
            shade = 0.8 + 0.2 * np.clip(edge / 0.03, 0, 1)
            return (item.color * shade[:, None]).astype(np.float32), np.full(len(rest), 0.02, np.float32)
        rest = np.asfortranarray(rest)  # The fields read columns.
        along = self._wardrobe.along(rest)
        head = np.flatnonzero(rest[:, 1] > self._wardrobe.neck_height)
        albedo = np.zeros((len(rest), 3), np.float32)
        gloss = np.zeros(len(rest), np.float32)
        for layer in item.outfit.layers:
            where = head if layer.on_head else np.arange(len(rest))
            inside = layer.covers(rest[where] if layer.on_head else rest)
            near = np.flatnonzero(inside > -0.02)
            inside, near = inside[near], where[near]
            spread = np.maximum(footprint[near], 0.0015)
            cover = (layer.opacity * smoothstep(inside / spread)).astype(np.float32)
            color = layer.fabric(rest[near], along[near], footprint[near])
            if layer.thickness > 0.002:
                # A hem ends in a darker seam and shades what lies beneath.
                color = color * (1 - 0.25 * (inside < 0.008))[:, None]
                albedo[near] *= (1 - 0.35 * np.clip(1 + inside / 0.02, 0, 1) * (inside < 0))[:, None]
            albedo[near] += cover[:, None] * (color - albedo[near])
            gloss[near] += cover * (layer.gloss - gloss[near])
        return albedo, gloss


def _rasterize(camera: Camera, vertices: np.ndarray, faces: np.ndarray) -> Fragments:
    """Rasterize at the sampling grid: along an axis, sample k lies at (k + 1/2) / _SAMPLES - 1/2 pixels."""
    points = (camera.project(vertices) + 0.5) * _SAMPLES - 0.5
    return rasterize(points, vertices[:, 2], faces, camera.height * _SAMPLES, camera.width * _SAMPLES)


def _merge(fragments: Fragments, name: int, depth: np.ndarray, owner: np.ndarray) -> None:
    nearer = fragments.depth < depth[fragments.pixel_index]
    pixels = fragments.pixel_index[nearer]
    depth[pixels] = fragments.depth[nearer]
    owner[pixels] = name


def _occlusion(depth: np.ndarray, camera: Camera) -> np.ndarray:
    """Compute screen-space ambient occlusion (2H, 2W): dim points slightly behind their surroundings."""
    mask = np.isfinite(depth)
    if not mask.any():
        return np.ones_like(depth)
    filled = np.where(mask, depth, 0).astype(np.float32)
    radius = 0.09  # meters
    size = int(np.clip(radius * camera.focal_length * _SAMPLES / np.median(depth[mask]), 2, 200)) | 1
    weight = cv2.blur(mask.astype(np.float32), (size, size))
    mean = cv2.blur(filled, (size, size)) / np.maximum(weight, 1e-3)
    recess = np.clip((filled - mean) / radius, 0, 1)
    return (1 - 0.55 * recess * (recess < 1)).astype(np.float32)


def _compose(image: np.ndarray, mask: np.ndarray, background: np.ndarray) -> np.ndarray:
    size = (background.shape[1], background.shape[0])
    cover = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)[..., None]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA) + background * (1 - cover)


def _visible_box(mask: np.ndarray) -> np.ndarray:
    """Return the box (4,) of a sample mask: x, y, width, height in image pixels; zero if it is empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.zeros(4)
    low = np.array([columns[0], rows[0]]) / _SAMPLES - 0.5
    high = np.array([columns[-1] + 1, rows[-1] + 1]) / _SAMPLES - 0.5
    return np.concatenate([low, high - low])


def _share_in_frame(camera: Camera, vertices: np.ndarray) -> float:
    x, y = camera.project(vertices).T
    return float(np.mean((x > -0.5) & (y > -0.5) & (x < camera.width - 0.5) & (y < camera.height - 0.5)))


def _lens(rng: np.random.Generator, image: np.ndarray, size: float) -> np.ndarray:
    """Blur by the lens, and in some images by poor focus or motion of the camera."""
    blur = rng.uniform(0.1, 0.5) * size if rng.random() < 0.85 else rng.uniform(0.5, 1.1) * size
    if blur > 0.25:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    if rng.random() < 0.1:
        length = max(int(rng.uniform(2, 5) * size), 2)
        turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), rng.uniform(0, 180), 1)
        line = np.zeros((length, length), np.float32)
        line[length // 2] = 1
        kernel = cv2.warpAffine(line, turn, (length, length))
        image = cv2.filter2D(image, -1, kernel / kernel.sum())
    return image


def _develop(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Convert linear BGR to uint8, with random exposure, white balance, lens blur and noise."""
    size = max(image.shape[:2]) / 256
    image = _lens(rng, image, size)
    bright = float(np.percentile(image[::4, ::4], 92))
    exposure = np.clip(0.75 / max(bright, 1e-3), 0.6, 2.2) ** 0.6 * np.exp(rng.normal(0, 0.25))
    warmth = rng.normal(0, 0.08)
    balance = np.array([-warmth, 0, warmth]) + rng.normal(0, 0.025, 3)
    image = image * (exposure * np.exp(balance)).astype(np.float32)
    # Shot noise grows with the light, read noise does not.
    shot, read = rng.exponential(0.0005), rng.exponential(0.0013)
    noise = rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.5:  # denoised colors
        noise[...] = noise[..., :1]
    image = image + noise * np.sqrt(np.float32(shot) * image + np.float32(read**2))
    # Compress highlights smoothly instead of clipping them.
    image = np.where(image > 0.7, 0.7 + 0.3 * np.tanh((image - 0.7) / 0.3), image)
    if rng.random() < 0.04:
        image = cv2.merge([image @ np.array([0.11, 0.59, 0.3], np.float32)] * 3)
    srgb = _GAMMA[(np.sqrt(np.clip(image, 0, 1)) * (len(_GAMMA) - 1)).astype(np.int32)]
    contrast = np.float32(np.exp(rng.normal(0, 0.08)))
    srgb = (srgb - 110) * contrast + np.float32(110 + rng.normal(0, 5))
    return np.clip(srgb + 0.5, 0, 255).astype(np.uint8)
