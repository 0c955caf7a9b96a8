"""Light: a sun or lamp, a fill light, and light from above and below; Lambert and Blinn-Phong shading."""

from dataclasses import dataclass

import numpy as np

from mmroi.synthetic.camera import Camera


@dataclass
class Lights:
    """Light in the camera frame.

    Attributes:
        directions: (2, 3) unit vectors towards the main and the fill light.
        colors: (2, 3) their linear RGB.
        up: (3,) the world's up.
        sky: (3,) ambient light from above, linear RGB.
        ground: (3,) ambient light from below, linear RGB.
    """

    directions: np.ndarray
    colors: np.ndarray
    up: np.ndarray
    sky: np.ndarray
    ground: np.ndarray

    def shade(
        self,
        albedo: np.ndarray,
        normals: np.ndarray,
        rays: np.ndarray,
        gloss: np.ndarray,
        occlusion: np.ndarray,
    ) -> np.ndarray:
        """Light that leaves surface points towards the camera.

        Args:
            albedo: (n, 3) linear RGB.
            normals: (n, 3) unit vectors, camera frame.
            rays: (n, 3) directions from the camera, not normalized.
            gloss: (n,) strength of the highlight.
            occlusion: (n,) 1 in the open, less in folds; dims the ambient light and part of the direct.

        Returns:
            (n, 3) linear RGB, float32.
        """
        half_up = (0.5 + 0.5 * normals @ self.up.astype(np.float32))[:, None]
        ground, sky = self.ground.astype(np.float32), self.sky.astype(np.float32)
        light = (ground + half_up * (sky - ground)) * occlusion[:, None]
        view = -rays / np.sqrt(np.einsum('nc,nc->n', rays, rays))[:, None]
        shine = np.zeros(len(albedo), np.float32)
        for direction, color in zip(
            self.directions.astype(np.float32), self.colors.astype(np.float32), strict=True
        ):
            lambert = np.maximum(normals @ direction, 0) * (0.4 + 0.6 * occlusion)
            light += lambert[:, None] * color
            halfway = view + direction
            cosine = np.maximum(np.einsum('nc,nc->n', normals, halfway), 0) / np.sqrt(
                np.einsum('nc,nc->n', halfway, halfway) + 1e-12
            )
            shine += cosine**24 * float(color.mean()) * occlusion
        return albedo * light + (gloss * shine)[:, None]


def sample_lights(rng: np.random.Generator, camera: Camera, surroundings: np.ndarray) -> Lights:
    """Draw the light.

    Args:
        rng: Random generator.
        camera: The camera; the light comes from above in its world.
        surroundings: (3,) mean linear RGB of the background, which tints the ambient light.
    """
    directions = []
    for low, high in ((0.35, 1.3), (0.0, 0.6)):
        azimuth, elevation = rng.uniform(-np.pi, np.pi), rng.uniform(low, high)
        # Light from behind the camera is more usual than light into it.
        if np.cos(azimuth) < 0 and rng.random() < 0.6:
            azimuth = np.pi - azimuth
        world = np.array(
            [np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)]
        )
        directions.append(camera.rotation @ world)
    warmth = rng.normal(0, 0.07)
    tint = np.exp(np.array([warmth, 0, -warmth]))
    hardness = rng.uniform(0.15, 1.0)
    around = surroundings / max(float(surroundings.mean()), 1e-3)
    ambient = rng.uniform(0.55, 0.8) - 0.3 * hardness
    sky = ambient * (0.55 + 0.45 * around) * np.exp(np.array([-0.5, 0, 0.5]) * warmth)
    colors = np.stack([(0.25 + 0.85 * hardness) * tint, rng.uniform(0.05, 0.25) * around])
    return Lights(np.array(directions), colors, camera.up, sky, sky * (0.3 + 0.35 * around))
