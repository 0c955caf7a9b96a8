import math

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from mmroi.models.losses import ContrastiveLoss


def features(num_persons, num_rois, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(num_persons, num_rois, 6, generator=generator, dtype=torch.float64)
    return F.normalize(z, dim=-1)


def plain(z, temperature, denominator, ids=None):
    """Equation 17 by loops, divided by the number of anchors that have a negative."""
    z = z.tolist()
    num_persons, num_rois = len(z), len(z[0])
    ids = range(num_persons) if ids is None else ids
    anchors = [i for i in range(num_persons) if any(other != ids[i] for other in ids)]

    def similarity(a, b):
        return sum(x * y for x, y in zip(a, b, strict=True)) / temperature

    total = 0.0
    for i in anchors:
        for m in range(num_rois):
            below = sum(
                math.exp(similarity(z[i][m], z[j][k]))
                for j in range(num_persons)
                for k in range(num_rois)
                if ids[j] != ids[i]
            )
            if denominator == 'all':
                below += sum(math.exp(similarity(z[i][m], z[i][k])) for k in range(num_rois) if k != m)
            for n in range(num_rois):
                if n != m:
                    total -= (similarity(z[i][m], z[i][n]) - math.log(below)) / (num_rois - 1)
    return total / (len(anchors) * num_rois)


@pytest.mark.parametrize('denominator', ['negatives', 'all'])
@pytest.mark.parametrize('temperature', [0.5, 0.1])
def test_equals_plain_loops(denominator, temperature):
    z = features(3, 4)
    loss = ContrastiveLoss(temperature, denominator, loss_weight=0.7)(z)
    assert loss.item() == pytest.approx(0.7 * plain(z, temperature, denominator), rel=1e-12)


@pytest.mark.parametrize('denominator', ['negatives', 'all'])
@pytest.mark.parametrize('ids', [[7, 7, 8, 9], [5, 6, 5, 6], [1, 2, 3, 4]])
def test_the_same_person_twice_is_neither_a_positive_nor_a_negative(ids, denominator):
    z = features(4, 3)
    loss = ContrastiveLoss(denominator=denominator, loss_weight=1.0)(z, torch.tensor(ids))
    assert loss.item() == pytest.approx(plain(z, 0.5, denominator, ids), rel=1e-12)
    assert (loss == ContrastiveLoss(denominator=denominator, loss_weight=1.0)(z)) == (len(set(ids)) == 4)


@pytest.mark.parametrize('denominator', ['negatives', 'all'])
def test_a_batch_of_one_person_under_several_rows_is_a_differentiable_zero(denominator):
    z = features(3, 2).requires_grad_()
    loss = ContrastiveLoss(denominator=denominator)(z, torch.tensor([4, 4, 4]))
    loss.backward()
    assert loss.item() == 0 and torch.equal(z.grad, torch.zeros_like(z))


@pytest.mark.parametrize('denominator', ['negatives', 'all'])
@pytest.mark.parametrize('ids', [None, torch.tensor([1, 1, 2])])
def test_gradient(ids, denominator):
    z = features(3, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: ContrastiveLoss(denominator=denominator)(x, ids), z)


def test_does_not_grow_with_the_batch():
    z = torch.eye(2, dtype=torch.float64)[:, None].repeat(1, 3, 1)
    many = torch.eye(8, dtype=torch.float64)[:, None].repeat(1, 3, 1)
    two, eight = (ContrastiveLoss(loss_weight=1.0)(x).item() for x in (z, many))
    assert two == pytest.approx(-2 + math.log(3)) and eight == pytest.approx(-2 + math.log(21))


def test_prefers_rois_of_one_person_together():
    together = torch.eye(4, dtype=torch.float64)[:, None].repeat(1, 2, 1)
    apart = torch.eye(8, dtype=torch.float64).reshape(4, 2, 8)
    assert ContrastiveLoss()(together) < ContrastiveLoss()(apart)


@pytest.mark.parametrize('denominator', ['negatives', 'all'])
@pytest.mark.parametrize('shape', [(1, 5), (4, 1), (1, 1)])
def test_one_person_or_one_roi_gives_a_differentiable_zero(shape, denominator):
    z = features(*shape).requires_grad_()
    loss = ContrastiveLoss(denominator=denominator)(z)
    loss.backward()
    assert loss.item() == 0 and torch.equal(z.grad, torch.zeros_like(z))


def test_half_precision_features_are_compared_in_float32():
    z = features(3, 2).bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        loss = ContrastiveLoss()(z)
    assert loss.dtype == torch.float32 and torch.equal(loss, ContrastiveLoss()(z.float()))


JOINED = [
    (num_persons, denominator, ids)
    for num_persons, ids in ((4, None), (2, None), (4, [3, 1, 1, 3]), (4, [1, 1, 1, 2]), (2, [5, 5]))
    for denominator in ('negatives', 'all')
]


def loss_and_gradient(z, denominator, ids, gather):
    weight = torch.linspace(-1, 1, 36, dtype=torch.float64).reshape(6, 6).requires_grad_()
    loss = ContrastiveLoss(denominator=denominator, gather=gather)(F.normalize(z @ weight, dim=-1), ids)
    loss.backward()
    return loss.detach(), weight.grad


def one_of_two(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=2)
    results = []
    for num_persons, denominator, ids in JOINED:
        own = None if ids is None else torch.tensor(ids).chunk(2)[rank]
        results.append(loss_and_gradient(features(num_persons, 3).chunk(2)[rank], denominator, own, True))
    try:
        ContrastiveLoss(gather=True)(features(2 + rank, 3))
    except ValueError as error:
        results.append(str(error))
    torch.save(results, f'{folder}/{rank}.pt')
    dist.destroy_process_group()


def test_two_processes_equal_one_with_the_joined_batch(tmp_path):
    """Also where a process has one person and, alone, nothing to compare it with; and where sizes differ."""
    mp.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    (*ranks,) = (torch.load(tmp_path / f'{rank}.pt') for rank in range(2))
    for (num_persons, denominator, ids), first, second in zip(JOINED, *(r[:-1] for r in ranks), strict=True):
        ids = None if ids is None else torch.tensor(ids)
        loss, gradient = loss_and_gradient(features(num_persons, 3), denominator, ids, gather=False)
        torch.testing.assert_close((first[0] + second[0]) / 2, loss, rtol=1e-12, atol=0)
        # DDP averages gradients.
        torch.testing.assert_close((first[1] + second[1]) / 2, gradient, rtol=1e-10, atol=1e-12)
        assert gradient.abs().max() > 1e-3 or ids is not None and len(set(ids.tolist())) == 1
    for errors in (r[-1] for r in ranks):
        assert 'batches of [2, 3] persons, which must be equal: set drop_last=True' in errors


@pytest.mark.parametrize(
    'wrong, match',
    [
        (dict(denominator='positives'), "'negatives' or 'all'"),
        (dict(temperature=0), 'positive'),
    ],
)
def test_bad_arguments(wrong, match):
    with pytest.raises(ValueError, match=match):
        ContrastiveLoss(**wrong)
