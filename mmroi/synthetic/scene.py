"""Places one to three people, seats and crates on a floor in front of a camera."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.synthetic.body import PosedBodies, StudioBody
from mmroi.synthetic.camera import Camera, sample_camera
from mmroi.synthetic.framing import FRAMINGS
from mmroi.synthetic.poses import Pose, PoseSampler

_NEAR = 0.4  # minimum distance of people and boxes to the camera, meters


@dataclass
class Person:
    """A person in the camera frame.

    Attributes:
        pose: The sampled pose; its root rotation is relative to standing upright in the world.
        rotations: (24, 3, 3) joint rotations, with the root's in the camera frame.
        betas: (10,) shape parameters.
        pelvis: (3,) root joint, meters.
        rest_root: (3,) root joint of the unposed body, meters.
        vertices: (V, 3) meters.
        joints: (54, 3) meters.
    """

    pose: Pose
    rotations: np.ndarray
    betas: np.ndarray
    pelvis: np.ndarray
    rest_root: np.ndarray
    vertices: np.ndarray
    joints: np.ndarray


@dataclass
class Box:
    """A crate or a seat.

    Attributes:
        corners: (8, 3) meters, camera frame. Bits 0, 1 and 2 of the index select the side along x, y and z.
    """

    corners: np.ndarray


@dataclass
class Scene:
    """People and boxes on a floor.

    Attributes:
        camera: The camera.
        floor: Distance of the floor below the camera, meters.
        people: The people.
        boxes: Crates and seats.
    """

    camera: Camera
    floor: float
    people: list[Person]
    boxes: list[Box] = field(default_factory=list)

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Rotate points (..., 3) from the world frame, with the camera at its origin, to the camera frame."""
        return points @ self.camera.rotation.T


class SceneSampler:
    """Draws scenes.

    Args:
        body: The body model.
        config: A preset of :mod:`~mmroi.synthetic.presets`.
        image_size: Long side of the image, pixels.
    """

    def __init__(self, body: StudioBody, config: dict[str, Any], image_size: int) -> None:
        self._body, self._config, self._image_size = body, config, image_size
        rest = body.rest_vertices
        self._above_knee = (rest[:, 1] > body.rest_joints[4, 1] + 0.12) & (
            np.abs(rest[:, 0]) < body.rest_joints[16, 0] + 0.05
        )
        self._poses = PoseSampler(body.rest_joints, body.parents, config['poses'], config['pose_scale'])

    def sample(self, rng: np.random.Generator) -> Scene:
        """Draw a scene, and redraw until the people fit in front of the camera."""
        while True:
            counts, weights = zip(*self._config['num_people'], strict=True)
            poses = [self._poses.sample(rng) for _ in range(rng.choice(counts, p=weights))]
            betas = np.clip(rng.normal(size=(len(poses), 10)), -2.2, 2.2) * self._config['beta_scale']
            yaws = np.radians(rng.uniform(-self._config['yaw'], self._config['yaw'], len(poses)))
            if self._config['facing']:
                toward = rng.random(len(poses)) < self._config['facing']
                yaws[toward] = np.radians(rng.normal(0, 30, toward.sum()))
            rotations = np.stack([pose.rotations for pose in poses])
            rotations[:, 0] = Rotation.from_rotvec(np.outer(yaws, (0, 1, 0))).as_matrix() @ rotations[:, 0]
            world = self._body.pose(rotations, betas)
            for _ in range(12):
                camera = sample_camera(rng, self._config, self._image_size)
                placed = self._place(rng, camera, world)
                if placed is not None:
                    return self._scene(rng, *placed, poses, rotations, betas.astype(np.float32), world)

    def _place(
        self, rng: np.random.Generator, camera: Camera, world: PosedBodies
    ) -> tuple[Camera, np.ndarray, float] | None:
        """Draw root joints (N, 3) in the world and the floor's distance below the camera, or fail: None."""
        config, vertices = self._config, world.vertices
        low, high = vertices.min(1), vertices.max(1)
        # Size and position of the first person in the image are random and determine the floor.
        frame_person = FRAMINGS[config['framing']]
        camera, first, depth = frame_person(rng, config, camera, vertices[0], world.joints[0])
        to_world, frame = camera.rotation.T, (camera.width, camera.height)
        floor = -(first[1] + low[0, 1])
        if not config['camera_height'][0] <= floor <= config['camera_height'][1]:
            return None
        roots = [first]
        for k in range(1, len(vertices)):
            for _ in range(15):
                ahead = depth * np.exp(rng.normal(*config['depth_spread']))
                x = (rng.uniform(0, camera.width) - camera.principal_point[0]) / camera.focal_length
                spot = to_world @ (np.array([x, 0, 1]) * ahead)
                spot[1] = -floor - low[k, 1]
                if all(
                    _apart(spot + low[k], spot + high[k], root + low[j], root + high[j])
                    for j, root in enumerate(roots)
                ):
                    roots.append(spot)
                    break
            else:
                return None
        placed = np.array(roots)
        seen = camera.project((vertices[0] + first) @ camera.rotation.T)
        if np.mean(np.all((seen > 0) & (seen < frame), axis=1)) < config['min_visible'] + 0.1:
            return None
        nearest = ((vertices[0] + first) @ camera.rotation[2]).min()
        others = [
            ((v + root) @ camera.rotation[2]).min() for v, root in zip(vertices[1:], placed[1:], strict=True)
        ]
        if min([nearest, *others]) < _NEAR or np.any(high[:, 1] + placed[:, 1] < -floor):
            return None
        return camera, placed, float(floor)

    def _scene(
        self,
        rng: np.random.Generator,
        camera: Camera,
        roots: np.ndarray,
        floor: float,
        poses: list[Pose],
        rotations: np.ndarray,
        betas: np.ndarray,
        world: PosedBodies,
    ) -> Scene:
        rotations = rotations.copy()
        rotations[:, 0] = camera.rotation @ rotations[:, 0]
        turn = camera.rotation.astype(np.float32).T
        pelvis = roots @ camera.rotation.T
        # Vertices are relative to the root joint, so turning the root turns them rigidly.
        people = [
            Person(
                pose,
                rotations[k],
                betas[k],
                pelvis[k],
                world.rest_root[k],
                world.vertices[k] @ turn + pelvis[k].astype(np.float32),
                world.joints[k] @ turn + pelvis[k],
            )
            for k, pose in enumerate(poses)
        ]
        scene = Scene(camera, floor, people)
        for person in people:
            if person.pose.style == 'sit':
                scene.boxes.append(self._seat(rng, scene, person))
        if rng.random() < self._config['crate']:
            box = self._crate(rng, scene, people[0])
            if box is not None:
                scene.boxes.append(box)
        return scene

    def _box(
        self, rng: np.random.Generator, scene: Scene, x: float, z: float, size: np.ndarray, yaw: float
    ) -> Box:
        """Place a box of size (3,) on the floor at world (x, z), rotated by yaw."""
        corners = np.array([[i, j, k] for k in (0, 1) for j in (0, 1) for i in (0, 1)], float) - (0.5, 0, 0.5)
        turn = Rotation.from_euler('y', yaw).as_matrix()
        return Box(scene.to_camera((corners * size) @ turn.T + (x, -scene.floor, z)))

    def _seat(self, rng: np.random.Generator, scene: Scene, person: Person) -> Box:
        """Place a stool under the thighs."""
        world = person.vertices @ scene.camera.rotation
        root = scene.camera.rotation.T @ person.pelvis
        forward = scene.camera.rotation.T @ person.rotations[0][:, 2]
        yaw = float(np.arctan2(forward[0], forward[2]))
        flat = forward[[0, 2]] / max(np.linalg.norm(forward[[0, 2]]), 1e-6)
        # The lowest point of trunk and thighs near the root touches the seat.
        near = (np.linalg.norm(world[:, [0, 2]] - root[[0, 2]], axis=1) < 0.16) & self._above_knee
        top = max(float(world[near, 1].min()) + scene.floor + 0.015, 0.05)
        width, length = rng.uniform(0.36, 0.6), rng.uniform(0.36, 0.46)
        x, z = root[[0, 2]] + 0.06 * flat
        return self._box(rng, scene, x, z, np.array([width, top, length]), yaw)

    def _crate(self, rng: np.random.Generator, scene: Scene, person: Person) -> Box | None:
        """Place a crate between the camera and a person; None if there is no room."""
        root = scene.camera.rotation.T @ person.pelvis
        reach = np.linalg.norm(person.vertices - person.pelvis, axis=1).max()
        distance = float(np.hypot(root[0], root[2]))
        size = np.array(
            [rng.uniform(0.4, 1.2), rng.uniform(*self._config['crate_height']), rng.uniform(0.3, 0.7)]
        )
        at = distance - 0.75 * reach - 0.6 * size[2] - rng.uniform(0, 0.3)
        if at < 0.9:
            return None
        x, z = root[[0, 2]] * (at / distance) + (rng.normal(0, 0.35), 0)
        box = self._box(rng, scene, x, z, size, rng.normal(0, 0.35))
        world = np.concatenate([p.vertices for p in scene.people]) @ scene.camera.rotation
        corners = box.corners @ scene.camera.rotation
        inside = np.all((world > corners.min(0)) & (world < corners.max(0)), axis=1)
        return None if box.corners[:, 2].min() < _NEAR or inside.any() else box


def _apart(a_low: np.ndarray, a_high: np.ndarray, b_low: np.ndarray, b_high: np.ndarray) -> bool:
    """Return whether two people, given by opposite corners (3,) of their boxes, are apart on the floor."""
    return bool(np.any(((a_low > b_high - 0.02) | (b_low > a_high - 0.02))[[0, 2]]))
