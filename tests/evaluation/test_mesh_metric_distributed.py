"""The metric of two processes equals that of one."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmroi.evaluation import MeshMetric


def evaluate_as_rank(rank, world_size, port, samples, folder):
    torch.set_num_threads(1)
    os.chdir(folder)
    os.environ.update(
        MASTER_ADDR='localhost', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world_size)
    )
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    metric = MeshMetric()
    # As MMEngine's sampler deals them out, repeating the first ones until all processes have equally many.
    padded = samples + samples[: -len(samples) % world_size]
    metric.process(None, padded[rank::world_size])
    torch.save(metric.evaluate(len(samples)), f'{rank}.pt')
    dist.destroy_process_group()


@pytest.mark.parametrize('num_samples', [4, 5])
def test_two_processes_equal_one(tmp_path, make_sample, body_model, num_samples):
    samples = [make_sample(seed) for seed in range(num_samples)]
    samples[1]['gt_instances']['has_transl'] = torch.zeros(1)
    metric = MeshMetric(body_model=body_model)
    metric.process(None, samples)
    expected = metric.evaluate(num_samples)
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    mp.spawn(evaluate_as_rank, (2, port, samples, str(tmp_path)), nprocs=2)
    for rank in range(2):
        assert torch.load(tmp_path / f'{rank}.pt') == pytest.approx(expected, rel=1e-6)
