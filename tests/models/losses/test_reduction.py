import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.optim import OptimWrapper
from torch.nn.parallel import DistributedDataParallel

from mmroi.models.losses.reduction import labeled_mean
from mmroi.registry import MODELS


def test_mean_over_the_labeled():
    values = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    assert labeled_mean(values, torch.tensor([1, 0, 1])).item() == 3.5
    nothing = labeled_mean(values, torch.zeros(3))
    nothing.backward()
    assert nothing.item() == 0 and not values.grad.any()


# Flags of four people, two for each process: uneven, all in one process, one alone, none.
FLAGS = ([1, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0])


def gradients(config, samples, rank=None):
    """Losses and gradients of the batch, or of this process's half of it under DDP."""
    torch.manual_seed(0)
    model = MODELS.build(config)
    inputs = torch.randn(4, 3, 3, 64, 48, generator=torch.Generator().manual_seed(0))
    model.eval()  # BatchNorm's statistics are those of a process
    wrapped = model
    if rank is not None:
        wrapped = DistributedDataParallel(model)
        inputs, samples = inputs.chunk(2)[rank], samples[2 * rank : 2 * rank + 2]
    losses = wrapped(inputs, samples, mode='loss')
    OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)).backward(sum(losses.values()))
    return (
        {name: loss.detach() for name, loss in losses.items()},
        {name: p.grad for name, p in model.named_parameters() if p.grad is not None},
    )


def one_of_two(rank, folder, config, batches):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/rendezvous', rank=rank, world_size=2)
    torch.save([gradients(config, samples, rank) for samples in batches], f'{folder}/{rank}.pt')
    dist.destroy_process_group()


@pytest.fixture
def batches(people):
    """Batch of four people with uneven labels."""
    made = []
    for flags in FLAGS:
        samples = people(4, 3)
        for sample, flag, other in zip(samples, flags, flags[::-1], strict=True):
            label = sample.gt_instances
            label.has_smpl, label.has_keypoints2d = torch.tensor([float(flag)]), torch.tensor([float(other)])
            if not flag:  # a sample may have 3D keypoints but no root
                label.keypoints3d = torch.zeros(1, 54, 4)
        made.append(samples)
    return made


def test_two_processes_have_the_gradient_of_the_joined_batch(multi_roi, batches, tmp_path):
    multi_roi['losses']['contrastive']['gather'] = True
    multi_roi['head']['dropout'] = 0.0
    mp.spawn(one_of_two, (str(tmp_path), multi_roi, batches), nprocs=2)
    ranks = [torch.load(tmp_path / f'{rank}.pt') for rank in range(2)]
    for samples, (first, gradient), (second, same) in zip(batches, *ranks, strict=True):
        losses, expected = gradients(multi_roi, samples)
        for name, loss in losses.items():
            torch.testing.assert_close((first[name] + second[name]) / 2, loss, rtol=1e-5, atol=1e-7)
        assert gradient.keys() == expected.keys() and expected
        for name, value in expected.items():
            torch.testing.assert_close(gradient[name], value, rtol=1e-3, atol=1e-6)
            assert torch.equal(gradient[name], same[name])
