"""Annotations from 2D keypoints: the studio's people, whose parameters are known."""

import json

import numpy as np
import pytest
import torch

from mmroi.apis.keypoint_fitting import KeypointFitting
from mmroi.body_models import SMPL
from mmroi.datasets import HumanImageDataset
from mmroi.datasets.converters.convert import convert_split
from mmroi.fileio.human_data import HumanData
from mmroi.structures import COCO_17, SMPL_54
from mmroi.synthetic import StudioSettings, make_dataset


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Images of the studio, and a COCO file with the keypoints of their people."""
    root = tmp_path_factory.mktemp('images')
    make_dataset(root, StudioSettings('easy', 128, 0), 1, 4, workers=1, progress=False)
    truth = HumanData.fromfile(root / 'val.npz')
    names = [name.removesuffix('_extra') for name in COCO_17]
    joints = [SMPL_54.index(name) for name in COCO_17]
    paths = sorted(set(truth['image_path']))
    images = [dict(id=i, file_name=path, height=128, width=128) for i, path in enumerate(paths)]
    annotations = []
    for row, path in enumerate(truth['image_path']):
        keypoints = truth['keypoints2d'][row][joints].astype(float)
        keypoints[:, 2] *= 2
        annotations.append(
            dict(
                id=row,
                image_id=paths.index(path),
                category_id=1,
                bbox=truth['bbox_xywh'][row][:4].astype(float).tolist(),
                keypoints=keypoints.ravel().tolist(),
            )
        )
    category = dict(id=1, name='person', keypoints=names)
    content = dict(images=images, annotations=annotations, categories=[category])
    (root / 'people.json').write_text(json.dumps(content))
    return root, truth


def fit(root, out, **options):
    return convert_split(
        KeypointFitting(root, root / 'people.json', device='cpu', **options), 'train', out, progress=False
    )


def test_bodies_project_to_their_keypoints_and_the_file_is_a_dataset(data, tmp_path):
    root, truth = data
    summary = fit(root, tmp_path)
    assert summary.path == tmp_path / 'people_fitted.npz'
    fitted = HumanData.fromfile(summary.path)
    assert 0 < summary.rows <= truth.data_len
    assert summary.rows + sum(summary.left_out.values()) == truth.data_len
    misc, smpl = fitted['misc'], fitted['smpl']
    assert (misc['fit_error'] <= 0.06).all() and (misc['fit_keypoints'] >= 8).all()
    values = {name: torch.from_numpy(np.asarray(smpl[name])) for name in smpl}
    body = SMPL()(*(values[name] for name in ('global_orient', 'body_pose', 'betas', 'transl')))
    pixels = misc['focal_length'][:, None, None] * body.joints.numpy()[..., :2] / body.joints.numpy()[..., 2:]
    pixels += misc['principal_point'][:, None]
    dataset = HumanImageDataset(ann_file=str(summary.path), data_prefix=dict(img_path=str(root)))
    assert len(dataset) == summary.rows
    for row in range(len(dataset)):
        given = dataset[row]['keypoints2d']
        seen = given[:, 2] > 0
        distance = np.linalg.norm(pixels[row][seen] - given[seen, :2], axis=1).mean()
        size = dataset[row]['bbox_xywh'][2:].max()
        assert distance / size == pytest.approx(misc['fit_error'][row], abs=0.03)


def test_bad_fits_are_left_out_and_counted(data, tmp_path):
    root, truth = data
    with pytest.raises(ValueError, match='no row is left; left out .*farther from the fit than max_error'):
        fit(root, tmp_path, max_error=1e-6)


def test_what_the_file_lacks_is_counted_too(data, tmp_path):
    root, truth = data
    content = json.loads((root / 'people.json').read_text())
    content['annotations'][0]['iscrowd'] = 1
    content['annotations'][1]['keypoints'][2::3] = [0] * 17
    content['images'].append(dict(id=99, file_name='nowhere.jpg'))
    content['annotations'].append(dict(content['annotations'][2], image_id=99))
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(content))
    fitting = KeypointFitting(root, path, device='cpu', skip_missing=True)
    summary = convert_split(fitting, 'train', tmp_path, progress=False)
    assert summary.left_out['crowds'] == summary.left_out['people without keypoints'] == 1
    assert summary.rows + sum(summary.left_out.values()) == truth.data_len + 1
    assert any(reason.startswith('images (') for reason in summary.left_out)


def test_an_interrupted_run_goes_on(data, tmp_path, monkeypatch):
    root, _ = data
    monkeypatch.setattr('mmroi.apis.keypoint_fitting._IMAGES', 2)
    read, calls = KeypointFitting.read, []

    def stop(self, split, unit):
        if unit.data == 2:
            raise KeyboardInterrupt
        return read(self, split, unit)

    monkeypatch.setattr(KeypointFitting, 'read', stop)
    with pytest.raises(KeyboardInterrupt):
        fit(root, tmp_path)
    monkeypatch.setattr(KeypointFitting, 'read', lambda *args: calls.append(args[2].data) or read(*args))
    fit(root, tmp_path)
    assert calls == [2]
