"""Clothes, shoes, hair and face as smooth fields over the rest pose.

A layer covers the surface points where its field (a signed distance in meters, positive inside) is positive.
Fields are functions of the rest-pose position, which is interpolated at each pixel, so borders are smooth
regardless of the mesh. Layers also offset the surface along its normal; the ground truth stays on the body
underneath.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.drape import Drape
from mmroi.synthetic.fabric import (
    Fabric,
    cloth_color,
    hair_color,
    sample_fabric,
    skin_color,
    smoothstep,
    trouser_color,
)

Field = Callable[[np.ndarray], np.ndarray]


@dataclass
class Layer:
    """A piece of clothing, or a feature of the skin.

    Attributes:
        covers: Field of rest positions, (n, 3) -> (n,), meters, positive inside.
        fabric: Colors.
        thickness: Offset of the surface, meters.
        folds: Depth of wrinkles, meters.
        gloss: Strength of the highlight.
        opacity: Maximum opacity over the layers beneath.
        on_head: Whether the layer is entirely above ``Wardrobe.neck_height``.
    """

    covers: Field
    fabric: Fabric
    thickness: float = 0.0
    folds: float = 0.0
    gloss: float = 0.02
    opacity: float = 1.0
    on_head: bool = False


def intersection(*fields: np.ndarray) -> np.ndarray:
    """Intersect fields: positive where all are positive."""
    return reduce(np.minimum, fields)


@dataclass
class Outfit:
    """What a person wears.

    Attributes:
        layers: From the skin outwards; the first one covers the whole body.
        drape: A skirt, or the lower part of a coat.
    """

    layers: list[Layer]
    drape: Drape | None = None


class Wardrobe:
    """Draws outfits for a body, measured in its rest pose.

    Args:
        body: The body model.
    """

    def __init__(self, body: StudioBody) -> None:
        joints, face = body.rest_joints.astype(float), body.face_landmarks
        self._y = dict(
            pelvis=joints[0, 1],
            hip=joints[1, 1],
            waist=joints[3, 1],
            chest=joints[6, 1],
            knee=joints[4, 1],
            ankle=joints[7, 1],
            neck=joints[12, 1],
            head=joints[15, 1],
            floor=body.rest_vertices[:, 1].min(),
            shoulder=joints[16, 1],
        )
        self._x = dict(shoulder=joints[16, 0], elbow=joints[18, 0], wrist=joints[20, 0])
        self.neck_height = float(joints[12, 1])
        self._neck_z = joints[12, 2]
        self._nose = np.asarray(face['nose'], float)
        self._eyes = np.stack([face['left_eye'], face['right_eye']]).astype(float)
        self._eye_y = self._eyes[:, 1].mean()

    def along(self, rest: np.ndarray) -> np.ndarray:
        """Compute a coordinate (n,) that increases up legs and trunk and decreases along the arms, meters."""
        out = np.abs(rest[:, 0]) - np.float32(self._x['shoulder'])
        mix = smoothstep(out / 0.08)
        return rest[:, 1] + mix * (np.float32(self._y['shoulder']) - out - rest[:, 1])

    def dress(self, rng: np.random.Generator) -> Outfit:
        """Draw an outfit."""
        skin = skin_color(rng)
        layers = [
            Layer(lambda p: np.ones(len(p), np.float32), Fabric('plain', np.stack([skin, skin])), gloss=0.05)
        ]
        layers += self._face(rng, skin)
        hair = hair_color(rng)
        bottom = self._bottom(rng)
        top, sleeve, hem = self._top(rng)
        shoes = self._shoes(rng)
        drape = None
        kind = rng.choice(['none', 'skirt', 'dress', 'coat'], p=[0.82, 0.07, 0.05, 0.06])
        if kind in ('skirt', 'dress'):
            bottom = self._tights(rng)
            drape = self._skirt(rng, top.fabric if kind == 'dress' else None)
        layers += shoes + ([top, bottom] if rng.random() < 0.25 else [bottom, top])
        if kind == 'coat' or rng.random() < 0.22:
            layers.append(self._jacket(rng, sleeve, hem))
        if kind == 'coat':
            drape = self._skirt(rng, layers[-1].fabric)
        return Outfit(layers + self._hair(rng, hair), drape)

    def _skirt(self, rng: np.random.Generator, fabric: Fabric | None) -> Drape:
        """Draw a skirt from a mini to below the knees, of its own fabric unless one is given."""
        fabric = fabric or sample_fabric(rng, trouser_color(rng), cloth_color(rng), 0.25)
        hem = rng.uniform(self._y['knee'] - 0.2, self._y['knee'] + 0.2)
        top = self._y['hip'] + rng.uniform(0.04, 0.12)
        flare = rng.choice([0.01, 0.04, 0.1], p=[0.4, 0.4, 0.2])
        return Drape(fabric, float(top), float(hem), float(rng.uniform(0.018, 0.03)), float(flare))

    def _tights(self, rng: np.random.Generator) -> Layer:
        """Draw what is under a skirt: tights, or shorts that do not show."""
        bare = rng.random() < 0.6
        cuff = float(self._y['hip'] - 0.1 if bare else self._y['ankle'] - 0.03)
        waist = float(self._y['waist'])
        color = trouser_color(rng)
        return Layer(
            lambda p: intersection(waist - p[:, 1], p[:, 1] - cuff),
            Fabric('plain', np.stack([color, color])),
            0.003,
        )

    def _neckline(self, p: np.ndarray, radius: float, drop: float) -> np.ndarray:
        """Evaluate a field that is positive outside a tube around the neck, lowered by ``drop`` in front."""
        low = self._y['neck'] - 0.005
        front = np.clip((p[:, 2] - self._neck_z) / 0.1, 0, 1)
        below = np.maximum(low - drop * front - p[:, 1], 0)
        round_neck = np.sqrt(p[:, 0] ** 2 + 0.8 * (p[:, 2] - self._neck_z) ** 2 + (1.6 * below) ** 2) - radius
        # In front, the chin is lower than the shoulders are behind the neck.
        top = self._y['neck'] + 0.03 - 0.55 * np.maximum(p[:, 2] - self._neck_z, 0)
        return intersection(round_neck, top - p[:, 1]).astype(np.float32)

    def _top(self, rng: np.random.Generator) -> tuple[Layer, float, float]:
        elbow, wrist, shoulder = self._x['elbow'], self._x['wrist'], self._x['shoulder']
        style = rng.choice(['tee', 'long', 'vest', 'rolled'], p=[0.45, 0.36, 0.08, 0.11])
        sleeve = float(
            dict(
                tee=rng.uniform(shoulder + 0.09, elbow + 0.02),
                long=wrist - rng.uniform(0, 0.03),
                vest=shoulder - 0.035,
                rolled=rng.uniform(elbow + 0.02, wrist - 0.06),
            )[style]
        )
        hem = float(rng.uniform(self._y['hip'] - 0.06, self._y['waist'] - 0.03))
        radius = rng.uniform(0.066, 0.085)
        drop = float(rng.choice([0.0, 0.02, 0.05, 0.1]))
        color = cloth_color(rng)
        fabric = sample_fabric(rng, color, cloth_color(rng), 0.42)
        loose = rng.uniform(0.004, 0.018) if rng.random() < 0.7 else rng.uniform(0.018, 0.03)

        def covers(p: np.ndarray) -> np.ndarray:
            return intersection(p[:, 1] - hem, sleeve - np.abs(p[:, 0]), self._neckline(p, radius, drop))

        return Layer(covers, fabric, loose, 0.35 * loose + 0.002), sleeve, hem

    def _jacket(self, rng: np.random.Generator, sleeve: float, hem: float) -> Layer:
        """Draw an open jacket to wear over the top."""
        end = max(sleeve, float(rng.uniform(0.8 * self._x['wrist'], self._x['wrist'])))
        low = hem - rng.uniform(0.0, 0.06)
        gap, slant = rng.uniform(0.02, 0.07), rng.uniform(0.05, 0.35)
        fabric = sample_fabric(rng, cloth_color(rng), cloth_color(rng), 0.15)

        def covers(p: np.ndarray) -> np.ndarray:
            opening = np.abs(p[:, 0]) - gap - slant * np.maximum(p[:, 1] - self._y['chest'], 0)
            front = np.where(p[:, 2] > self._neck_z, opening, 0.2)
            return intersection(p[:, 1] - low, end - np.abs(p[:, 0]), self._neckline(p, 0.075, 0.0), front)

        return Layer(covers, fabric, rng.uniform(0.014, 0.026), 0.005)

    def _bottom(self, rng: np.random.Generator) -> Layer:
        knee, ankle, hip = self._y['knee'], self._y['ankle'], self._y['hip']
        style = rng.choice(['long', 'shorts', 'cropped'], p=[0.68, 0.24, 0.08])
        cuff = float(
            dict(
                long=ankle + rng.uniform(-0.01, 0.03),
                shorts=rng.uniform(knee - 0.04, hip - 0.17),
                cropped=rng.uniform(ankle + 0.08, knee - 0.12),
            )[style]
        )
        waist = float(self._y['waist'] + rng.uniform(-0.03, 0.05))
        fabric = sample_fabric(rng, trouser_color(rng), cloth_color(rng), 0.12)
        loose = rng.uniform(0.004, 0.016) if rng.random() < 0.65 else rng.uniform(0.016, 0.028)
        return Layer(
            lambda p: intersection(waist - p[:, 1], p[:, 1] - cuff), fabric, loose, 0.3 * loose + 0.002
        )

    def _shoes(self, rng: np.random.Generator) -> list[Layer]:
        if rng.random() < 0.1:
            return []
        ankle, floor = self._y['ankle'], self._y['floor']
        height = float(rng.choice([-0.015, -0.005, 0.03, 0.08], p=[0.35, 0.35, 0.15, 0.15]))
        upper, sole = (np.stack([c, c]) for c in (cloth_color(rng), cloth_color(rng)))
        layers = [Layer(lambda p: ankle + height - p[:, 1], Fabric('plain', upper), 0.008, gloss=0.12)]
        if rng.random() < 0.6:
            layers.append(Layer(lambda p: floor + 0.022 - p[:, 1], Fabric('plain', sole), 0.003))
        if height < 0 and rng.random() < 0.6:
            top = ankle + rng.uniform(0.03, 0.12)
            sock = cloth_color(rng)
            layers.insert(0, Layer(lambda p: top - p[:, 1], Fabric('plain', np.stack([sock, sock])), 0.003))
        return layers

    def _scalp(self, p: np.ndarray, line: float) -> np.ndarray:
        """Evaluate a field that is positive above a plane descending from the forehead to the nape."""
        slope = 0.85
        height = self._eye_y - 0.012 + line + slope * (p[:, 2] - 0.1 * self._nose[2])
        return intersection((p[:, 1] - height) / np.hypot(1, slope), p[:, 1] - self._y['neck'] - 0.03)

    def _hair(self, rng: np.random.Generator, color: np.ndarray) -> list[Layer]:
        style = rng.choice(
            ['short', 'full', 'long', 'bun', 'shaved', 'bald', 'hat'],
            p=[0.36, 0.15, 0.22, 0.06, 0.07, 0.05, 0.09],
        )
        line = float(rng.uniform(-0.008, 0.012))
        fabric = Fabric('mottle', np.stack([color, 0.55 * color]), 0.02, 0.5, int(rng.integers(2**31)))
        volume = dict(
            short=rng.uniform(0.006, 0.016),
            full=rng.uniform(0.022, 0.04),
            long=rng.uniform(0.012, 0.022),
            bun=rng.uniform(0.006, 0.012),
            shaved=0.001,
            bald=0.0,
            hat=0.006,
        )[style]
        if style == 'bald':
            return []
        layers = [
            Layer(
                lambda p: self._scalp(p, line),
                fabric,
                volume,
                0.1 * volume,
                gloss=0.1,
                opacity=0.65 if style == 'shaved' else 1.0,
            )
        ]
        if style == 'long':
            end, width = self._y['neck'] - rng.uniform(0.0, 0.14), rng.uniform(0.085, 0.105)
            layers.append(
                Layer(
                    lambda p: intersection(
                        p[:, 1] - end,
                        width - np.abs(p[:, 0]),
                        self._neck_z - 0.005 - p[:, 2],
                        self._eye_y + 0.05 - p[:, 1],
                    ),
                    fabric,
                    volume + 0.006,
                    0.003,
                    gloss=0.1,
                )
            )
        if style == 'bun':
            center = np.array([0.0, self._eye_y + rng.uniform(-0.01, 0.09), self._neck_z - 0.075])
            layers.append(
                Layer(
                    lambda p: (0.042 - np.linalg.norm(p - center, axis=1)).astype(np.float32),
                    fabric,
                    rng.uniform(0.03, 0.045),
                    0.002,
                    gloss=0.1,
                )
            )
        if style == 'hat':
            brim, cloth = self._eye_y + rng.uniform(0.035, 0.055), cloth_color(rng)
            layers.append(
                Layer(
                    lambda p: p[:, 1] - brim - 0.12 * p[:, 2],
                    Fabric('plain', np.stack([cloth, cloth])),
                    0.014,
                    0.001,
                )
            )
        return layers

    def _face(self, rng: np.random.Generator, skin: np.ndarray) -> list[Layer]:
        """Draw eyes, brows, lips and possibly a beard, mostly ellipses on the front of the face."""
        nose, eye_y = self._nose, self._eye_y
        eye_x, mouth_y = np.abs(self._eyes[:, 0]).mean(), nose[1] - 0.042
        front = nose[2] - 0.075

        def ellipse(x: float, y: float, a: float, b: float) -> Field:
            def covers(p: np.ndarray) -> np.ndarray:
                radius = np.sqrt(((np.abs(p[:, 0]) - x) / a) ** 2 + ((p[:, 1] - y) / b) ** 2)
                return intersection((1 - radius) * b, p[:, 2] - front)

            return covers

        def plain(color: np.ndarray) -> Fabric:
            return Fabric('plain', np.stack([color, color]))

        dark = hair_color(rng)
        lips = skin * np.array([0.85, 0.52, 0.52])
        layers = [
            Layer(ellipse(eye_x, eye_y, 0.0155, 0.0075), plain(np.array([0.4, 0.38, 0.36]))),
            Layer(ellipse(eye_x, eye_y, 0.0065, 0.0068), plain(np.array([0.05, 0.035, 0.025])), gloss=0.3),
            Layer(ellipse(eye_x, eye_y + 0.021, 0.019, 0.004), plain(0.6 * dark), opacity=0.8),
            Layer(ellipse(0.0, mouth_y, 0.023, 0.0075), plain(lips), opacity=0.85),
            Layer(ellipse(0.0, mouth_y, 0.021, 0.0015), plain(0.35 * lips), opacity=0.8),
        ]
        if rng.random() < 0.17:
            stubble = float(rng.uniform(0.4, 0.95))

            def beard(p: np.ndarray) -> np.ndarray:
                around_mouth = np.hypot(p[:, 0] / 1.6, p[:, 1] - mouth_y) - 0.012
                return intersection(
                    mouth_y + 0.018 - p[:, 1] - 0.25 * np.abs(p[:, 0]),
                    p[:, 2] - front + 0.03,
                    p[:, 1] - self._y['neck'] - 0.02,
                    around_mouth,
                )

            layers.append(Layer(beard, plain(dark), opacity=stubble))
        for layer in layers:
            layer.on_head = True
        return layers
