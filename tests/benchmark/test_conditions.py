"""The test set under a condition."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmroi.apis.inference.people import People
from mmroi.benchmark import conditions, profiles, runs, suites
from mmroi.benchmark.runs import plan
from mmroi.fileio import HumanData

SHIFT = dict(type='RandomBoxShift', factor=0.1)


def config(**dataset):
    pipeline = [dict(type='LoadImage'), dict(type='GetPersonBox'), dict(type='PackHMRInputs')]
    loader = dict(dataset=dict(dict(pipeline=pipeline, ann_file='val.npz'), **dataset))
    return Config(dict(train_dataloader=loader, val_dataloader=loader, test_dataloader=loader))


def test_transforms_follow_the_box_in_the_test_alone():
    cfg = config()
    changed = conditions.under_condition(cfg, suites.Condition('off', 'off', transforms=(SHIFT,)))
    types = [step['type'] for step in changed.test_dataloader.dataset.pipeline]
    assert types == ['LoadImage', 'GetPersonBox', 'RandomBoxShift', 'PackHMRInputs']
    assert len(cfg.test_dataloader.dataset.pipeline) == len(changed.train_dataloader.dataset.pipeline) == 3
    assert conditions.under_condition(cfg, None) is cfg


def test_annotations_of_a_mixture_are_replaced_together():
    cfg = config(type='MixedDataset', datasets=[dict(data_root='a/'), dict(data_root='b/')])
    changed = conditions.under_condition(cfg, suites.Condition('found', 'found', detector='movenet'))
    files = profiles.annotation_files(changed.test_dataloader.dataset)
    assert [*files] == [Path('a/val_detected_movenet.npz'), Path('b/val_detected_movenet.npz')]


def test_detected_boxes_are_made_once(tmp_path, monkeypatch):
    image = np.full((60, 80, 3), 255, np.uint8)
    cv2.imwrite(str(tmp_path / 'a.jpg'), image)
    boxes = np.array([[10, 10, 20, 40, 1], [50, 10, 20, 40, 1.0]])
    people = HumanData(dict(image_path=np.array(['a.jpg', 'a.jpg']), bbox_xywh=boxes))
    people.dump(tmp_path / 'val.npz')
    found = People(np.array([[11.0, 10, 31, 50]]), np.array([0.8]))
    monkeypatch.setattr(conditions, 'make_detector', lambda name: lambda frames: [found for _ in frames])
    condition = suites.Condition('found', 'found', detector='any')
    cfg = config(type='mmroi.HumanImageDataset', data_root=str(tmp_path), pipeline=[], test_mode=True)
    conditions.detect_people(cfg, suites.Condition('exact', 'exact'))
    assert not (tmp_path / 'val_detected_any.npz').exists()
    conditions.detect_people(cfg, condition)
    boxes = HumanData.fromfile(tmp_path / 'val_detected_any.npz')['bbox_xywh']
    np.testing.assert_allclose(boxes, [[11, 10, 20, 40, 0.8], [50, 10, 20, 40, 1]])
    with monkeypatch.context() as patched:
        patched.setattr(conditions, 'make_detector', None)
        conditions.detect_people(cfg, condition)
    for other in ('configs/other.py', 'elsewhere/other.py'):  # another one's boxes are others
        conditions.detect_people(cfg, suites.Condition('found', 'found', detector=other))
        assert (tmp_path / f'val_detected_{other.replace("/", "-")}.npz').is_file()
    one = HumanData(dict(image_path=np.array(['a.jpg']), bbox_xywh=people['bbox_xywh'][:1]))
    one.dump(tmp_path / 'val.npz')  # of other people than before
    conditions.detect_people(cfg, condition)
    boxes = HumanData.fromfile(tmp_path / 'val_detected_any.npz')['bbox_xywh']
    np.testing.assert_allclose(boxes, [[11, 10, 20, 40, 0.8]])


def test_boxes_are_detected_again_where_images_of_the_same_names_show_others(tmp_path):
    people = HumanData(dict(image_path=np.array(['a.jpg']), keypoints2d=np.zeros((1, 54, 3))))
    people.dump(tmp_path / 'val.npz')
    people.dump(tmp_path / 'val_detected_any.npz')
    assert conditions._is_detected(tmp_path / 'val.npz', 'any')
    people['keypoints2d'] = np.ones((1, 54, 3))
    people.dump(tmp_path / 'val.npz')
    assert not conditions._is_detected(tmp_path / 'val.npz', 'any')


def test_a_pipeline_without_a_box_is_refused():
    with pytest.raises(ValueError, match='condition off: the test pipeline has no GetPersonBox'):
        conditions.under_condition(config(pipeline=[]), suites.Condition('off', '', transforms=(SHIFT,)))


def test_conditions_share_a_training_and_have_tests_of_their_own(tmp_path):
    suite = suites.load_suite('robustness').select(['cliff'])
    planned = plan(suite.tested_rows, [0, 1], tmp_path)
    assert len({run.folder for run in planned}) == 2
    assert len({run.results for run in planned}) == 2 * len(suite.conditions)
    assert len({run.config('train') for run in planned}) == 2
    plain = runs.Run(suite.rows[0], 0, planned[0].folder)
    assert plain.results == plain.folder / 'results.npz' and plain.config('train') == planned[0].config(
        'train'
    )


def test_a_condition_that_has_changed_since_is_refused(tmp_path):
    profile, suite = profiles.load_profile('cpu'), suites.load_suite('robustness').select(['cliff'])
    run = next(run for run in plan(suite.tested_rows, [0], tmp_path) if run.row.condition.transforms)
    runs.dump_config(profiles.stage_configs(run.row, profile, 0)['train'], run.config('train'))
    runs.dump_config(runs.test_config(run, profile), run.config('test'))
    runs.check_done(run, profile)
    shifted = replace(run.row.condition, transforms=(SHIFT,))
    with pytest.raises(runs.RunError, match=rf'{run.test_folder} was made .* \(test_dataloader differ\)'):
        runs.check_done(replace(run, row=replace(run.row, condition=shifted)), profile)


def test_a_training_that_was_made_otherwise_is_named_once(tmp_path, monkeypatch):
    suite = suites.load_suite('robustness').select(['cliff'])
    planned = plan(suite.tested_rows, [0], tmp_path)
    cpu, wide = (profiles.load_profile(name) for name in ('cpu', 'cpu-wide-boxes'))
    runs.dump_config(profiles.stage_configs(planned[0].row, cpu, 0)['train'], planned[0].config('train'))
    monkeypatch.setattr(runs.Run, 'is_done', property(lambda run: True))
    assert runs.made_otherwise(planned, cpu) == []
    (message,) = runs.made_otherwise(planned, wide)
    assert message.startswith(f'{planned[0].folder} was made with other settings (train_dataloader differ)')
    monkeypatch.setattr(runs.Run, 'is_done', property(lambda run: False))
    assert runs.made_otherwise(planned, wide) == []
