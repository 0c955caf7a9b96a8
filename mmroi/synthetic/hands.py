"""Curls the fingers of the rendered hands, which are flat in the body model.

The body model has no finger joints. The vertices beyond the knuckles are bent around an arc in the rest pose
and follow the wrist. Joints and labels stay those of the unmodified body.
"""

import numpy as np

from mmroi.synthetic.body import StudioBody

_HANDS = ((22, 1.0), (23, -1.0))  # hand joint and the side of its fingers along x
_KNUCKLES = 0.012  # where the fingers begin beyond the hand joint, meters


class HandCurler:
    """Bends fingers.

    Args:
        body: The body model, whose arms are stretched sideways in the rest pose, palms down.
    """

    def __init__(self, body: StudioBody) -> None:
        self._rest = np.asarray(body.rest_vertices, np.float64)
        self._parents = body.parents
        self._fingers = []
        for joint, side in _HANDS:
            start = side * body.rest_joints[joint, 0] + _KNUCKLES
            index = np.flatnonzero(side * self._rest[:, 0] > start)
            self._fingers.append((joint, side, start, index, body.rest_joints[joint]))

    def bend(self, joint: int, angle: float, spread: float) -> tuple[np.ndarray, np.ndarray]:
        """Compute how a curl displaces a hand in the rest pose.

        Args:
            joint: Hand joint, 22 or 23.
            angle: Angle between the palm and the fingertips, radians.
            spread: Relative difference of the angle between the little finger and the index finger.

        Returns:
            Indices (n,) of the vertices of the fingers, and their displacements (n, 3) in meters.
        """
        _, side, start, index, center = self._fingers[joint - 22]
        points = self._rest[index]
        along = side * points[:, 0] - start
        across = (points[:, 2] - center[2]) / 0.04
        height = points[:, 1] - center[1]
        # In the rest pose the fingers already slope down.
        droop = np.arctan(-(along @ height) / (along @ along))
        length = along * np.cos(droop) - height * np.sin(droop)
        above = along * np.sin(droop) + height * np.cos(droop)
        curvature = np.maximum(angle * (1 - 0.5 * spread * across), 0.02) / length.max()
        turn = droop + curvature * length
        x = (np.sin(turn) - np.sin(droop)) / curvature + above * np.sin(turn)
        y = (np.cos(turn) - np.cos(droop)) / curvature + above * np.cos(turn)
        return index, np.stack([side * (x - along), y - height, np.zeros_like(x)], axis=1)

    def curl(self, rng: np.random.Generator, vertices: np.ndarray, rotations: np.ndarray) -> np.ndarray:
        """Curl both hands of a posed body at random, from nearly flat to a fist.

        Args:
            rng: Random generator.
            vertices: (V, 3) posed vertices, meters.
            rotations: (24, 3, 3) joint rotations relative to the parents, with the root's in the frame of
                ``vertices``.

        Returns:
            (V, 3) vertices, float32.
        """
        out = vertices.copy()
        for joint, *_ in self._fingers:
            low, high = ((0.1, 0.6), (0.5, 1.4), (1.4, 3.2))[rng.choice(3, p=(0.3, 0.5, 0.2))]
            index, move = self.bend(joint, rng.uniform(low, high), rng.uniform(0, 0.4))
            turn, parent = np.eye(3), joint
            while parent >= 0:
                turn = rotations[parent] @ turn
                parent = self._parents[parent] if parent else -1
            out[index] += (move @ turn.T).astype(np.float32)
        return out
