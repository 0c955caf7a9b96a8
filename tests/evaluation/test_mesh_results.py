"""A dumped test set gives the same numbers as the test itself."""

import copy

import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL
from mmroi.evaluation import PROTOCOLS, DumpMeshResults, MeshMetric, MeshResults

GENDERS = ('m', 'female', 'male', 'f', 'male')


@pytest.fixture(scope='module')
def samples(make_sample):
    samples = [copy.deepcopy(make_sample(seed)) for seed in range(5)]
    for sample, gender in zip(samples, GENDERS, strict=True):
        sample['gender'] = gender
    samples[3]['img_path'] = 'a/longer/path/of/a/photo.jpg'
    samples[1]['gt_instances']['has_transl'] = torch.zeros(1)
    return samples


@pytest.fixture
def path(samples, tmp_path):
    metric = DumpMeshResults(str(tmp_path / 'new' / 'results.npz'))
    metric.process(None, samples[:2])
    metric.process(None, samples[2:] + samples[:1])  # the last one pads the batch
    assert metric.evaluate(len(samples)) == {}
    return tmp_path / 'new' / 'results.npz'


@pytest.mark.parametrize('protocol', PROTOCOLS)
@pytest.mark.parametrize('batch_size', [2, 256])
def test_same_numbers_as_online(protocol, batch_size, samples, path, body_model, body_folder):
    metric = MeshMetric(protocol, dict(type='SMPL', model_path=str(body_folder)))
    metric.process(None, samples)
    online = metric.evaluate(len(samples))
    results = MeshResults(path)
    assert results.evaluate(metric, batch_size) == pytest.approx(online, rel=1e-5)
    assert len(results) == len(samples)


def test_file_holds_plain_arrays_of_what_the_samples_hold(path, samples):
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    assert not any('vertices' in key for key in arrays)
    for i, sample in enumerate(samples):
        for group in ('pred_instances', 'gt_instances'):
            for key, value in sample[group].items():
                if key not in ('vertices', 'has_keypoints2d'):
                    np.testing.assert_array_equal(arrays[f'{group}.{key}'][i], value[0])
        assert arrays['meta.img_path'][i] == sample['img_path']
        assert arrays['meta.gender'][i] == sample['gender']
        np.testing.assert_array_equal(arrays['meta.boxes'][i], sample['boxes'])


def test_some_samples_in_the_order_asked_for(path, samples, body_model):
    for got, index in zip(
        MeshResults(path).data_samples(body_model, [3, 0, 4], batch_size=2), (3, 0, 4), strict=True
    ):
        assert got.img_path == samples[index]['img_path']
        assert torch.equal(got.gt_instances.betas, samples[index]['gt_instances']['betas'])
        vertices = samples[index]['pred_instances']['vertices']
        torch.testing.assert_close(got.pred_instances.vertices, vertices, rtol=0, atol=1e-5)


def test_another_body_model_is_noticed(path, body_folder):
    with pytest.raises(ValueError, match=r'joints are up to \d+\.\d mm away .*--body-model'):
        next(MeshResults(path).batches(SMPL(body_folder / 'SMPL_MALE.npz')))


def test_bad_files(path, tmp_path):
    with pytest.raises(FileNotFoundError, match='absent.npz: no such file; DumpMeshResults writes it'):
        MeshResults(tmp_path / 'absent.npz')
    content = path.read_bytes()
    broken = tmp_path / 'broken.npz'
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match='broken.npz: no readable npz'):
        MeshResults(broken)
    arrays = dict(np.load(path))
    np.savez(broken, **{**arrays, 'meta.evil': np.array([dict()] * 5, object)})
    with pytest.raises(ValueError, match='broken.npz: no readable npz of plain arrays'):
        MeshResults(broken)
    np.savez(broken, **{**arrays, 'meta.gender': arrays['meta.gender'][:3]})
    with pytest.raises(ValueError, match='differ in their number of rows'):
        MeshResults(broken)
    del arrays['pred_instances.betas']
    np.savez(broken, **arrays)
    with pytest.raises(ValueError, match=r"DumpMeshResults: it lacks \['pred_instances.betas'\]"):
        MeshResults(broken)


def test_bad_results(samples, tmp_path):
    with pytest.raises(ValueError, match='must end in .npz, got "results.pkl"'):
        DumpMeshResults('results.pkl')
    metric = DumpMeshResults(str(tmp_path / 'a.npz'))
    with pytest.raises(ValueError, match='a.npz: the dataset is empty'):
        metric.evaluate(0)
    metric.process(None, [samples[0], {k: v for k, v in samples[1].items() if k != 'gender'}])
    with pytest.raises(ValueError, match=r"samples differ in \['meta.gender'\]"):
        metric.evaluate(2)
    metric = DumpMeshResults(str(tmp_path / 'a.npz'))
    metric.process(None, [{**samples[0], 'focal_length': None}])
    with pytest.raises(ValueError, match=r"\['meta.focal_length'\] contain neither numbers nor strings"):
        metric.evaluate(1)
    assert not (tmp_path / 'a.npz').exists()
