"""Adult bodies of anny (MakeHuman's CC0 meshes) in SMPL's T-pose, with bones mapped to SMPL's joints."""

import numpy as np
import torch

# anny's bones that move with each SMPL joint. The joint is the head of the first one; for toes and fingers it
# is the mean of the heads.
_TORSO_BONES = {
    0: ['root', 'pelvis.L', 'pelvis.R', 'spine05'],
    3: ['spine04', 'spine03'],
    6: ['spine02'],
    9: ['spine01'],
    12: ['neck01', 'neck02', 'neck03'],
    15: ['head', 'eye.L', 'eye.R'],
}
_SIDE_BONES = {
    1: ['upperleg01', 'upperleg02'],
    4: ['lowerleg01', 'lowerleg02'],
    7: ['foot'],
    10: ['toe2-1', 'toe3-1', 'toe4-1'],
    13: ['clavicle', 'shoulder01'],
    16: ['upperarm01', 'upperarm02'],
    18: ['lowerarm01', 'lowerarm02'],
    20: ['wrist'],
    22: ['finger2-1', 'finger3-1', 'finger4-1', 'finger5-1'],
}
_AVERAGED = (10, 22)

# Measures that MakeHuman can change one at a time; they add more than stature and weight to the shape space.
_MEASURES = (
    'measure-neck-circ',
    'measure-neck-height',
    'measure-shoulder-dist',
    'measure-bust-circ',
    'measure-waist-circ',
    'measure-napetowaist-dist',
    'measure-waisttohip-dist',
    'measure-upperarm-circ',
    'measure-upperarm-length',
    'measure-lowerarm-length',
    'measure-thigh-circ',
    'measure-calf-circ',
    'measure-upperleg-height',
    'measure-lowerleg-height',
    'head-scale-horiz',
    'stomach-tone',
)
# A young adult between the sexes, flat-chested, 1.71 m tall.
NEUTRAL = {
    'gender': 0.5,
    'age': 0.67,
    'muscle': 0.52,
    'weight': 0.48,
    'height': 0.38,
    'proportions': 0.6,
    'cupsize': 0.25,
    'firmness': 0.7,
}


class SourceBody:
    """The rigged mesh of anny, which builds its caches on first use.

    Attributes:
        faces: (F, 3) int64.
        weights: (V, B) skinning weights of anny's bones.
        joint_of_bone: (B,) SMPL joint that each bone moves with.
        joint_selector: (24, B) rows that average bone heads into SMPL joints.
        bones: Names of the bones.

    Raises:
        ImportError: If anny is not installed.
    """

    def __init__(self) -> None:
        import anny

        self.model = anny.Anny(
            topology='notoes',
            phenotypes='all',
            phenotype_blendshapes='original',
            local_changes=[f'{name}-incr' for name in _MEASURES],
        )
        self.bones = list(self.model.bone_labels)
        self.faces = self.model.faces.numpy().astype(np.int64)
        rows = np.arange(len(self.model.template_vertices))
        self.weights = np.zeros((len(rows), len(self.bones)))
        for k in range(self.model.vertex_bone_indices.shape[1]):
            np.add.at(
                self.weights,
                (rows, self.model.vertex_bone_indices[:, k].numpy()),
                self.model.vertex_bone_weights[:, k].numpy(),
            )
        self.joint_of_bone, self.joint_selector = self._map_bones()

    def bone(self, name: str) -> int:
        """Return the index of a bone."""
        return self.bones.index(name)

    def rest(
        self, phenotypes: dict[str, np.ndarray], measures: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return bodies in anny's own rest pose (arms half down).

        Args:
            phenotypes: (N,) values in [0, 1] by name.
            measures: (N, 16) changes of the measures in [-1, 1], or None for no change.

        Returns:
            Vertices (N, V, 3) and bone heads (N, B, 3); meters, y up, facing +z, left at +x.
        """
        count = len(next(iter(phenotypes.values())))
        pose = torch.eye(4, dtype=torch.float64).repeat(count, len(self.bones), 1, 1)
        changes = None if measures is None else torch.from_numpy(measures)
        with torch.no_grad():
            body = self.model(
                pose_parameters=pose,
                local_changes_kwargs=changes,
                phenotype_kwargs={key: torch.from_numpy(x) for key, x in phenotypes.items()},
            )
        return _y_up(body['rest_vertices'].numpy()), _y_up(body['rest_bone_heads'].numpy())

    def neutral(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the neutral body in rest pose: vertices (1, V, 3) and bone heads (1, B, 3)."""
        return self.rest({key: np.array([value]) for key, value in NEUTRAL.items()})

    def sample(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Sample adults of both sexes in rest pose: vertices (N, V, 3) and bone heads (N, B, 3)."""
        gender = rng.uniform(0, 1, count)
        phenotypes = {
            'gender': gender,
            'age': rng.uniform(0.6, 0.88, count),
            'muscle': rng.beta(2.5, 2.5, count),
            'weight': rng.beta(2.2, 2.6, count),
            'height': rng.beta(20, 30, count),
            'proportions': rng.beta(3, 2, count),
            'cupsize': rng.beta(2, 3, count),
            'firmness': rng.uniform(0.4, 0.9, count),
        }
        return self.rest(phenotypes, np.clip(0.4 * rng.standard_normal((count, len(_MEASURES))), -1, 1))

    def straighten(
        self, vertices: np.ndarray, heads: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pose bodies from the rest pose into SMPL's T-pose, with linear blend skinning.

        Args:
            vertices: (N, K, 3) in rest pose.
            heads: (N, B, 3) bone heads in rest pose.
            weights: (K, B) skinning weights.

        Returns:
            Vertices (N, K, 3) and bone heads (N, B, 3) in T-pose.
        """
        rotations = self._t_pose_rotations(heads)
        parents = list(self.model.bone_parents)
        posed = heads.copy()
        for bone, parent in enumerate(parents):
            if parent >= 0:
                posed[:, bone] = posed[:, parent] + np.einsum(
                    'nij,nj->ni', rotations[:, parent], heads[:, bone] - heads[:, parent]
                )
        shifts = posed - np.einsum('nbij,nbj->nbi', rotations, heads)
        blended = np.einsum('kb,nbx->nkx', weights, rotations.reshape(len(heads), -1, 9), optimize=True)
        moved = np.einsum('nkij,nkj->nki', blended.reshape(*vertices.shape, 3), vertices)
        return moved + np.einsum('kb,nbi->nki', weights, shifts, optimize=True), posed

    def _t_pose_rotations(self, heads: np.ndarray) -> np.ndarray:
        """Compute world rotations (N, B, 3, 3) that align the arms with x and the legs slightly apart."""
        rotations = np.broadcast_to(np.eye(3), (*heads.shape[:2], 3, 3)).copy()
        for side, sign in (('L', 1.0), ('R', -1.0)):
            for start, end, direction in (
                ('upperarm01', 'lowerarm01', (sign, 0, 0)),
                ('lowerarm01', 'wrist', (sign, 0, 0)),
                ('wrist', 'finger3-1', (sign, -0.05, 0.05)),
                ('upperleg01', 'lowerleg01', (sign * 0.06, -1, 0)),
                ('lowerleg01', 'foot', (sign * 0.04, -1, -0.03)),
            ):
                first, last = self.bone(f'{start}.{side}'), self.bone(f'{end}.{side}')
                turn = _rotation_between(heads[:, last] - heads[:, first], np.array(direction, float))
                rotations[:, self._below(first)] = turn[:, None]
            rotations[:, self._below(self.bone(f'foot.{side}'))] = np.eye(3)
        return rotations

    def _below(self, bone: int) -> list[int]:
        """List a bone and all bones below it."""
        found = [bone]
        for child, parent in enumerate(self.model.bone_parents):  # parents come before their children
            if parent in found:
                found.append(child)
        return found

    def _map_bones(self) -> tuple[np.ndarray, np.ndarray]:
        """Compute ``joint_of_bone`` and ``joint_selector``."""
        bones_of_joint: dict[int, list[str]] = dict(_TORSO_BONES)
        for joint, names in _SIDE_BONES.items():
            for offset, side in enumerate('LR'):
                bones_of_joint[joint + offset] = [f'{name}.{side}' for name in names]
        owner = np.full(len(self.bones), -1)
        selector = np.zeros((24, len(self.bones)))
        for joint, names in bones_of_joint.items():
            indices = [self.bone(name) for name in names]
            owner[indices] = joint
            heads = indices if joint // 2 * 2 in _AVERAGED else indices[:1]
            selector[joint, heads] = 1 / len(heads)
        for bone, parent in enumerate(self.model.bone_parents):
            # Bones not named above follow their parent, except that all toes move with the tip of the foot.
            if owner[bone] < 0:
                label, side = self.bones[bone].split('.')
                owner[bone] = 10 + 'LR'.index(side) if label.startswith('toe') else owner[parent]
        return owner, selector


def _y_up(points: np.ndarray) -> np.ndarray:
    """Convert points from anny's frame (z up, facing -y) to SMPL's (y up, facing +z)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], -1)


def _rotation_between(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute the smallest rotations (N, 3, 3) that turn directions ``source`` (N, 3) to ``target`` (3,)."""
    source = source / np.linalg.norm(source, axis=-1, keepdims=True)
    target = target / np.linalg.norm(target)
    x, y, z = np.cross(source, target).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    return np.eye(3) + cross + cross @ cross / (1 + source @ target)[:, None, None]
