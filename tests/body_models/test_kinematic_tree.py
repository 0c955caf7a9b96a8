import copy
import pickle

import torch

from mmroi.body_models import SMPL
from mmroi.body_models.kinematic_tree import KinematicTree


def test_reads_like_the_tensor_that_it_stands_for():
    parents = torch.tensor([-1, 0, 0, 1])
    tree = KinematicTree(parents)
    assert tree.shape == parents.shape and tree == (-1, 0, 0, 1) and type(tree[1]) is int
    joints = torch.arange(8.0).reshape(2, 4)
    assert torch.equal(joints[:, tree[1:]], joints[:, parents[1:]])
    assert copy.deepcopy(tree) == tree == pickle.loads(pickle.dumps(tree))


def test_the_body_compiles_whole():
    """A tree in a tensor would break the graph at every joint."""
    body = SMPL()
    inputs = 0.1 * torch.randn(2, 3), 0.1 * torch.randn(2, 69), torch.randn(2, 10)
    for pose in (body.forward, body.forward_joints):
        compiled = torch.compile(pose, backend='eager', fullgraph=True)
        for mine, theirs in zip(compiled(*inputs), pose(*inputs), strict=True):
            assert torch.equal(mine, theirs)
