"""The metric of two processes equals that of one."""

import os
import socket

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmroi.evaluation import MeshMetric

COUNTS = (4, 5)  # equal shares, and shares that the sampler fills up


def evaluate_as_rank(rank, world_size, port, samples, folder):
    torch.set_num_threads(1)
    os.chdir(folder)
    os.environ.update(
        MASTER_ADDR='localhost', MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world_size)
    )
    dist.init_process_group('gloo', rank=rank, world_size=world_size)
    metric = MeshMetric()
    for count in COUNTS:
        # As MMEngine's sampler deals them out, repeating the first ones until all have equally many.
        padded = samples[:count] + samples[: -count % world_size]
        metric.process(None, padded[rank::world_size])
        torch.save(metric.evaluate(count), f'{rank}_{count}.pt')
    dist.destroy_process_group()


def test_two_processes_equal_one(tmp_path, make_sample, body_model):
    samples = [make_sample(seed) for seed in range(max(COUNTS))]
    samples[1]['gt_instances']['has_transl'] = torch.zeros(1)
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    mp.spawn(evaluate_as_rank, (2, port, samples, str(tmp_path)), nprocs=2)
    for count in COUNTS:
        metric = MeshMetric(body_model=body_model)
        metric.process(None, samples[:count])
        expected = metric.evaluate(count)
        for rank in range(2):
            assert torch.load(tmp_path / f'{rank}_{count}.pt') == pytest.approx(expected, rel=1e-6)
