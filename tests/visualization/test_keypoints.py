import numpy as np

from mmroi.structures import COCO_17, SMPL_54
from mmroi.visualization import draw_keypoints
from mmroi.visualization.keypoints import FAINT, LEFT, RIGHT, skeleton_edges


def known(*names):
    confidence = np.zeros(54)
    confidence[[SMPL_54.index(name) for name in names]] = 1
    return confidence


def names(edges):
    return {frozenset((SMPL_54[a], SMPL_54[b])) for a, b in edges}


def test_tree_of_smpl_where_it_is_known():
    edges = skeleton_edges(np.ones(54))
    assert len(edges) == 23
    assert {'left_knee', 'left_ankle'} in names(edges) and {'spine_1', 'spine_2'} in names(edges)


def test_limbs_of_marked_joints():
    edges = names(skeleton_edges(known(*COCO_17)))
    assert {'left_hip_extra', 'left_knee'} in edges and {'right_hip_extra', 'right_shoulder'} in edges
    assert {joint for edge in edges for joint in edge} == set(COCO_17)


def test_no_bone_without_both_ends():
    assert names(skeleton_edges(known('left_hip', 'left_knee', 'right_ankle'))) == {
        frozenset(('left_hip', 'left_knee'))
    }
    assert skeleton_edges(np.zeros(54)) == []


def test_joints_lie_where_they_are_said_to_be():
    keypoints = np.zeros((54, 3))
    keypoints[SMPL_54.index('left_wrist')] = 20, 30, 1
    keypoints[SMPL_54.index('right_wrist')] = 60, 10, 1
    blank = np.zeros((50, 80, 3), np.uint8)
    picture = draw_keypoints(blank, keypoints, radius=4)
    assert not blank.any()
    rows, columns = np.nonzero(picture.any(-1))
    left = columns < 40
    np.testing.assert_allclose((columns[left].mean(), rows[left].mean()), (20, 30), atol=0.5)
    np.testing.assert_allclose((columns[~left].mean(), rows[~left].mean()), (60, 10), atol=0.5)
    assert tuple(picture[30, 20]) == LEFT and tuple(picture[10, 60]) == RIGHT


def test_colors_fade_with_the_confidence():
    keypoints = np.zeros((54, 3))
    keypoints[SMPL_54.index('left_knee')] = 20, 20, 1
    keypoints[SMPL_54.index('left_ankle')] = 20, 60, 0.1
    expected = 0.1 * np.array(LEFT) + 0.9 * FAINT
    keypoints[SMPL_54.index('left_hip')] = 20, 2, 1  # so that knee and ankle are on bones
    picture = draw_keypoints(np.zeros((80, 40, 3), np.uint8), keypoints, radius=4)
    np.testing.assert_allclose(picture[45, 20], expected, atol=1)  # a bone is as sure as its weaker end
    assert tuple(picture[20, 20]) == LEFT


def test_far_outside_and_nothing_known():
    keypoints = np.ones((54, 3))
    keypoints[:, :2] = np.random.default_rng(0).normal(0, 1e9, (54, 2))
    draw_keypoints(np.zeros((20, 20, 3), np.uint8), keypoints)
    assert not draw_keypoints(np.zeros((20, 20, 3), np.uint8), np.zeros((54, 3))).any()
