"""A mirror-symmetric mesh of 6890 vertices, with SMPL's 21 surface points at their vertex ids."""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from mmroi.body_models.body_files import NUM_FACES, NUM_VERTICES
from mmroi.body_models.open_body.source_body import SourceBody
from mmroi.structures import SMPL_VERTEX_IDS, flip_indices

MIRROR_JOINTS = np.array(flip_indices('smpl'))


class HalfMesh(NamedTuple):
    """The left half (x >= 0) of the decimated body.

    Attributes:
        points: (H, 3) in the source's rest pose.
        faces: (6888, 3).
        central: (H,) True on the plane x = 0.
        transfer: (H, V) sparse barycentric weights from source vertices.
    """

    points: np.ndarray
    faces: np.ndarray
    central: np.ndarray
    transfer: sparse.csr_matrix


class Symmetry(NamedTuple):
    """Assembly of the whole mesh from its left half.

    Attributes:
        half_of: (6890,) index of each vertex in the half.
        mirrored: (6890,) True for vertices of the right half.
        mirror: (6890,) index of each vertex's mirror image, itself on the plane x = 0.
        faces: (13776, 3).
    """

    half_of: np.ndarray
    mirrored: np.ndarray
    mirror: np.ndarray
    faces: np.ndarray

    def points(self, half: np.ndarray) -> np.ndarray:
        """Mirror points (..., H, 3) of the left half to points (..., 6890, 3) of the whole mesh."""
        whole = half[..., self.half_of, :].copy()
        whole[..., self.mirrored, 0] *= -1
        whole[..., self.mirror == np.arange(NUM_VERTICES), 0] = 0
        return whole

    def bone_weights(self, half: np.ndarray, bones: list[str]) -> np.ndarray:
        """Mirror skinning weights (H, B) of the left half to (6890, B); bones end in ``.L`` or ``.R``."""
        other_side = {'L': 'R', 'R': 'L'}
        mirror_bone = [
            bones.index(name[:-1] + other_side[name[-1]]) if name[-2] == '.' else index
            for index, name in enumerate(bones)
        ]
        whole = half[self.half_of]
        whole[self.mirrored] = whole[self.mirrored][:, mirror_bone]
        return whole


def decimate_half(vertices: np.ndarray, faces: np.ndarray) -> HalfMesh:
    """Decimate the left half of a mirror-symmetric closed mesh to half of SMPL's faces.

    A closed surface of genus 0 with 13776 faces has 6890 vertices (Euler), so SMPL's format needs two
    mirrored halves of 6888 faces, joined at x = 0. The decimator collapses border edges only among
    themselves, which keeps the border on the plane.

    Args:
        vertices: (V, 3), mirror-symmetric.
        faces: (F, 3), none of which crosses x = 0.

    Returns:
        The half, with weights that transfer vertex attributes to it.

    Raises:
        ImportError: If fast-simplification is not installed.
        RuntimeError: If the decimator did not reach the number of faces.
    """
    import fast_simplification

    left = faces[(vertices[faces, 0] > -1e-6).all(1)]
    used = np.unique(left)
    local = np.searchsorted(used, left)
    # ``agg`` is the decimator's step. With 3 it ends at exactly this number of faces; a collapse at the
    # border removes one face, any other two.
    points, half_faces = fast_simplification.simplify(
        vertices[used], local.astype(np.int32), target_count=NUM_FACES // 2, agg=3
    )
    central = np.abs(points[:, 0]) < 1e-6
    if len(half_faces) != NUM_FACES // 2 or 2 * len(points) - central.sum() != NUM_VERTICES:
        raise RuntimeError(
            f'decimation gave {len(half_faces)} faces and {len(points)} vertices in the half; '
            'use the versions of anny and fast-simplification named in build_open_body.py'
        )
    points[:, 0] = np.where(central, 0, np.maximum(points[:, 0], 1e-4))
    transfer = _barycentric_transfer(vertices, left, points)
    return HalfMesh(points, half_faces.astype(np.int64), central, transfer)


def _barycentric_transfer(
    vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, candidates: int = 24
) -> sparse.csr_matrix:
    """Compute weights (P, V) that express the nearest surface point of each point by three vertices."""
    import trimesh

    triangles = vertices[faces]
    near = cKDTree(triangles.mean(1)).query(points, k=candidates)[1]
    queries = np.repeat(points, candidates, axis=0)
    closest = trimesh.triangles.closest_point(triangles[near].reshape(-1, 3, 3), queries)
    closest = closest.reshape(-1, candidates, 3)
    best = np.linalg.norm(closest - points[:, None], axis=-1).argmin(1)
    rows = np.arange(len(points))
    chosen = near[rows, best]
    weights = np.clip(trimesh.triangles.points_to_barycentric(triangles[chosen], closest[rows, best]), 0, 1)
    weights /= weights.sum(1, keepdims=True)
    return sparse.csr_matrix(
        (weights.ravel(), (np.repeat(rows, 3), faces[chosen].ravel())), shape=(len(points), len(vertices))
    )


def mirror_half(half: HalfMesh, landmarks: dict[str, int]) -> Symmetry:
    """Join the half to its mirror image and move the landmarks to SMPL's vertex ids.

    Args:
        half: The left half.
        landmarks: Vertex of the half for ``nose`` (on the plane) and the points of the left side
            (``left_eye``, ``left_heel``, ...).

    Returns:
        The whole mesh; the mirror image of a landmark has the id of the point on the right side.
    """
    size = len(half.points)
    right_of = np.full(size, -1)
    right_of[half.central] = np.flatnonzero(half.central)
    right_of[~half.central] = size + np.arange((~half.central).sum())
    half_of = np.concatenate([np.arange(size), np.flatnonzero(~half.central)])
    faces = np.concatenate([half.faces, right_of[half.faces][:, ::-1]])
    slots = np.arange(NUM_VERTICES)  # slots[i]: vertex (left, then right half) that gets index i

    def place(vertex: int, name: str) -> None:
        target, current = SMPL_VERTEX_IDS[name], int(np.flatnonzero(slots == vertex)[0])
        slots[target], slots[current] = slots[current], slots[target]

    for name, vertex in landmarks.items():
        place(vertex, name)
        if name != 'nose':
            place(int(right_of[vertex]), name.replace('left', 'right'))
    index_of = np.argsort(slots)
    mirror = np.empty(NUM_VERTICES, np.int64)
    left, right = index_of[np.arange(size)], index_of[right_of]
    mirror[left], mirror[right] = right, left
    return Symmetry(half_of[slots], slots >= size, mirror, index_of[faces])


def find_landmarks(source: SourceBody, half: HalfMesh, heads: np.ndarray) -> dict[str, int]:
    """Find the landmarks of the left side: nose, eye, ear, toes, heel, finger tips.

    Args:
        source: The source rig, whose skinning weights identify fingers and toes.
        half: The left half, in rest pose.
        heads: (B, 3) bone heads in rest pose.

    Returns:
        Vertex of the half by landmark.
    """
    weights = half.transfer @ source.weights
    points = half.points

    def farthest(bone: str, direction: np.ndarray) -> int:
        on_bone = np.flatnonzero(weights[:, source.bone(bone)] > 0.4)
        return int(on_bone[(points[on_bone] @ direction).argmax()])

    head = np.flatnonzero(weights[:, source.bone('head')] > 0.5)
    eye = heads[source.bone('eye.L')]
    front = head[points[head, 2] > eye[2]]
    ear_level = head[np.abs(points[head, 1] - eye[1]) < 0.06]
    below_eyes = head[half.central[head] & (points[head, 1] < eye[1])]
    found = {
        'nose': int(below_eyes[points[below_eyes, 2].argmax()]),
        'left_eye': int(front[np.linalg.norm(points[front, :2] - eye[:2], axis=1).argmin()]),
        'left_ear': int(ear_level[points[ear_level, 0].argmax()]),
        'left_bigtoe': farthest('toe1-2.L', np.array([-0.2, 0, 1])),
        'left_smalltoe': farthest('toe5-3.L', np.array([0.5, 0, 1])),
        'left_heel': farthest('foot.L', np.array([0, -0.3, -1])),
    }
    for number, name in enumerate(('thumb', 'index', 'middle', 'ring', 'pinky'), start=1):
        tip = f'finger{number}-3.L'
        before = source.bone(f'finger{number}-2.L')
        found[f'left_{name}'] = farthest(tip, heads[source.bone(tip)] - heads[before])
    return found
