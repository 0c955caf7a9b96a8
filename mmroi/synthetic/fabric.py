"""Colors of skin, hair and clothes, and fabric patterns as functions of the rest pose, in linear light."""

from dataclasses import dataclass

import numpy as np

# sRGB colors of clothes: mostly dark, gray, blue and earth tones, few saturated ones.
_CLOTH = np.array(
    [
        (24, 24, 27),
        (38, 38, 42),
        (58, 60, 64),
        (92, 94, 97),
        (138, 139, 140),
        (190, 190, 187),
        (226, 225, 220),
        (240, 239, 234),
        (28, 36, 58),
        (40, 54, 88),
        (58, 78, 112),
        (92, 117, 150),
        (150, 172, 194),
        (186, 176, 152),
        (163, 145, 114),
        (124, 104, 78),
        (88, 68, 50),
        (62, 46, 36),
        (74, 80, 56),
        (104, 108, 78),
        (48, 66, 54),
        (98, 38, 42),
        (132, 52, 48),
        (164, 84, 62),
        (190, 142, 70),
        (176, 132, 136),
        (110, 82, 104),
        (70, 112, 110),
    ],
    float,
)
_CLOTH_WEIGHT = np.array(
    [10, 9, 6, 5, 4, 4, 6, 7, 8, 6, 5, 4, 3, 4, 3, 3, 3, 2, 3, 2, 2, 3, 2, 1.5, 1.5, 1.5, 1.5, 1.5]
)
_TROUSERS = (0, 1, 2, 3, 8, 9, 9, 10, 10, 11, 13, 14, 15, 16, 18, 6)
_SKIN = np.array(
    [(239, 206, 184), (226, 182, 153), (205, 155, 122), (172, 120, 88), (126, 83, 60), (86, 57, 44)], float
)
_HAIR = np.array(
    [
        (22, 19, 18),
        (36, 27, 22),
        (62, 43, 30),
        (98, 68, 44),
        (150, 112, 70),
        (196, 164, 112),
        (120, 118, 116),
        (190, 188, 184),
        (116, 56, 32),
    ],
    float,
)
_HAIR_WEIGHT = np.array([8, 7, 6, 4, 2.5, 2, 1.5, 1, 1])


def to_linear(srgb: np.ndarray) -> np.ndarray:
    """Convert sRGB colors in [0, 255] to linear light in [0, 1]."""
    return (np.clip(np.asarray(srgb, float), 0, 255) / 255) ** 2.2


def _jitter(rng: np.random.Generator, color: np.ndarray, amount: float) -> np.ndarray:
    return to_linear(color * np.exp(rng.normal(0, amount)) + rng.normal(0, 60 * amount, 3))


def cloth_color(rng: np.random.Generator) -> np.ndarray:
    """Draw a linear RGB color (3,) for tops, shoes and hats."""
    return _jitter(rng, rng.choice(_CLOTH, p=_CLOTH_WEIGHT / _CLOTH_WEIGHT.sum()), 0.09)


def trouser_color(rng: np.random.Generator) -> np.ndarray:
    """Draw a linear RGB color (3,) for trousers."""
    return _jitter(rng, _CLOTH[rng.choice(_TROUSERS)], 0.09)


def skin_color(rng: np.random.Generator) -> np.ndarray:
    """Draw a linear RGB color (3,) of skin, from light to dark."""
    at = rng.uniform(0, len(_SKIN) - 1)
    k = min(int(at), len(_SKIN) - 2)
    return _jitter(rng, _SKIN[k] + (at - k) * (_SKIN[k + 1] - _SKIN[k]), 0.03)


def hair_color(rng: np.random.Generator) -> np.ndarray:
    """Draw a linear RGB color (3,) of hair."""
    return _jitter(rng, rng.choice(_HAIR, p=_HAIR_WEIGHT / _HAIR_WEIGHT.sum()), 0.08)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 at x = -1/2 to 1 at x = 1/2."""
    t = np.clip(x + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def smooth_noise(
    rng: np.random.Generator, points: np.ndarray, wavelength: float, waves: int = 6
) -> np.ndarray:
    """Sum plane waves in random directions into noise (n,) of about unit variance at points (n, 3)."""
    directions = rng.normal(size=(3, waves)) * (2 * np.pi / wavelength / np.sqrt(3))
    phase = rng.uniform(0, 2 * np.pi, waves)
    return np.sin(points @ directions.astype(np.float32) + phase.astype(np.float32)).sum(1) * np.float32(
        np.sqrt(2 / waves)
    )


@dataclass
class Fabric:
    """A fabric pattern of two colors.

    Attributes:
        kind: ``'plain'``, ``'stripes'`` (across the limb), ``'pinstripes'`` (along it), ``'check'``,
            ``'mottle'`` or ``'block'``.
        colors: (2, 3) linear RGB.
        period: Period of the pattern, meters; for ``'block'`` the position of the boundary.
        duty: Share of the second color.
        seed: Random seed of the mottle.
    """

    kind: str
    colors: np.ndarray
    period: float = 0.1
    duty: float = 0.5
    seed: int = 0

    def __call__(self, rest: np.ndarray, along: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Evaluate the colors at surface points.

        Args:
            rest: (n, 3) rest-pose positions, meters.
            along: (n,) position along the trunk or limb, meters.
            footprint: (n,) size of a pixel on the surface, meters; finer patterns fade to their mean.

        Returns:
            (n, 3) linear RGB.
        """
        first, second = self.colors.astype(np.float32)
        if self.kind == 'plain':
            return np.broadcast_to(first, rest.shape)
        if self.kind == 'mottle':
            noise = smooth_noise(np.random.default_rng(self.seed), rest, self.period, 10)
            mix = smoothstep(1.2 * noise + self.duty - 0.5)
        elif self.kind == 'block':
            mix = smoothstep((along - self.period) / 0.006)
        elif self.kind == 'stripes':
            mix = self._wave(along, footprint)
        elif self.kind == 'pinstripes':
            mix = self._wave(rest[:, 0] + rest[:, 2], footprint)
        else:
            mix = 0.5 * (self._wave(along, footprint) + self._wave(rest[:, 0], footprint))
        return first + mix[:, None] * (second - first)

    def _wave(self, x: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Evaluate a smoothed square wave in [0, 1]; it fades as the footprint approaches half a period."""
        distance = np.abs((x / self.period) % 1 - 0.5) * 2  # 0 at the center of a stripe
        edge = np.maximum(0.08, 2 * footprint / self.period)
        wave = smoothstep((self.duty - distance) / edge)
        keep = np.clip(2 - 4 * footprint / self.period, 0, 1)
        return self.duty + keep * (wave - self.duty)


def sample_fabric(
    rng: np.random.Generator, color: np.ndarray, second: np.ndarray, patterned: float
) -> Fabric:
    """Draw a fabric.

    Args:
        rng: Random generator.
        color: (3,) main color, linear RGB.
        second: (3,) color of the pattern, linear RGB.
        patterned: Probability of a pattern.
    """
    soft = color + rng.uniform(0.35, 0.9) * (second - color)
    kinds = ('stripes', 'pinstripes', 'check', 'mottle', 'block')
    kind = str(rng.choice(kinds, p=(0.34, 0.1, 0.22, 0.22, 0.12))) if rng.random() < patterned else 'plain'
    period = dict(
        stripes=rng.uniform(0.02, 0.11),
        pinstripes=rng.uniform(0.02, 0.05),
        check=rng.uniform(0.025, 0.09),
        mottle=rng.uniform(0.06, 0.2),
        block=rng.uniform(0.0, 0.2),
        plain=1.0,
    )[kind]
    duty = rng.uniform(0.12, 0.25) if kind == 'pinstripes' else rng.uniform(0.25, 0.6)
    return Fabric(kind, np.stack([color, soft]), float(period), float(duty), int(rng.integers(2**31)))
