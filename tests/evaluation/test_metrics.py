import pytest

from mmroi.evaluation import MESH_METRICS, MeshMetric, metric_info


@pytest.mark.parametrize('protocol', ['synthetic', 'mpi_inf_3dhp'])
def test_every_reported_metric_has_an_entry(protocol, make_sample):
    metric = MeshMetric(protocol)
    metric.process(None, [make_sample(0)])
    assert {name.partition('/')[2] for name in metric.evaluate(1)} <= set(MESH_METRICS)


def test_the_worst_value_has_the_largest_key():
    assert metric_info('MPJPE').badness(80.0) > metric_info('MPJPE').badness(70.0)
    assert metric_info('PA-PCK').badness(80.0) < metric_info('PA-PCK').badness(70.0)


def test_titles():
    assert metric_info('depth').title == 'depth error %'
    assert metric_info('my_error') == ('mm', 'my_error', False)
