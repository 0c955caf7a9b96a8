import math

import pytest
import torch

from mmroi.models.losses import HeatmapLoss

BOX = torch.tensor(
    [[[0.0, 0.0, 200.0], [30.0, -20.0, 100.0]]], dtype=torch.float64
)  # crops 150x200 and 75x100
FLAG = torch.ones(1)


def brute_force(logits, boxes, target, sigma=1.0, aspect=0.75):
    """The same by plain loops over samples, RoIs, keypoints and cells."""
    per_sample = []
    for n in range(len(logits)):
        total, weights = 0.0, 0.0
        for m, (cx, cy, b) in enumerate(boxes[n].tolist()):
            scores = logits[n, m].double().flatten(1).log_softmax(-1).unflatten(1, logits.shape[-2:])
            height, width = logits.shape[-2:]
            for k, (x, y, confidence) in enumerate(target[n].tolist()):
                u, v = (x - cx) / (b * aspect) + 0.5, (y - cy) / b + 0.5
                if not (0 < u < 1 and 0 < v < 1) or confidence == 0:
                    continue
                cells = [
                    [
                        math.exp(-((math.hypot(j + 0.5 - u * width, i + 0.5 - v * height) / sigma) ** 2) / 2)
                        for j in range(width)
                    ]
                    for i in range(height)
                ]
                normalizer = sum(map(sum, cells))
                for i in range(height):
                    for j in range(width):
                        p = cells[i][j] / normalizer
                        total += confidence * p * (math.log(p) - scores[k, i, j].item())
                weights += confidence
        per_sample.append(total / weights)
    return sum(per_sample) / len(per_sample)


def test_equals_plain_loops():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 2, 5, 8, 6, generator=generator)
    target = torch.rand(2, 5, 3, generator=generator)
    target[..., :2] = 200 * target[..., :2] - 100
    loss = HeatmapLoss(loss_weight=1.0)(logits, BOX.expand(2, -1, -1), 0.75, target, torch.ones(2))
    assert loss.item() == pytest.approx(brute_force(logits, BOX.expand(2, -1, -1), target), rel=1e-5)


def test_zero_where_the_scores_are_the_gaussian_and_its_gradient_vanishes():
    target = torch.tensor([[[12.0, -30.0, 1.0]]], dtype=torch.float64)
    box = BOX[:, :1]
    i, j = torch.arange(10.0)[:, None], torch.arange(8.0)
    u, v = (12 / 150 + 0.5) * 8 - 0.5, (-30 / 200 + 0.5) * 10 - 0.5
    logits = (-((j - u) ** 2 + (i - v) ** 2) / 2)[None, None, None].double().requires_grad_()
    loss = HeatmapLoss(loss_weight=1.0)(logits, box, 0.75, target, FLAG)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-12)
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits), atol=1e-7, rtol=0)


def test_gradient():
    logits = torch.randn(1, 2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[[10.0, 5.0, 1.0], [35.0, -25.0, 0.5], [500.0, 0.0, 1.0]]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: HeatmapLoss()(x, BOX, 0.75, target, FLAG.double()), logits)


@pytest.mark.parametrize(
    'target, flag',
    [([[math.nan, math.nan, 0.0]], 1.0), ([[1e6, 0.0, 1.0]], 1.0), ([[0.0, 0.0, 1.0]], 0.0)],
    ids=['unlabeled keypoint', 'outside every crop', 'unlabeled sample'],
)
def test_nothing_to_learn_is_a_zero_with_a_graph(target, flag):
    logits = torch.randn(1, 2, 1, 4, 4, requires_grad=True)
    loss = HeatmapLoss()(logits, BOX, 0.75, torch.tensor([target]), torch.tensor([flag]))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))
