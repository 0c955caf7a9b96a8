"""Refinement within the inferencer: which keypoints it takes, and what it reports."""

import cv2
import numpy as np
import pytest
import torch

from mmroi.apis import MultiRoIInferencer
from mmroi.apis.inference import RunSummary
from mmroi.apis.inference.refinement import OF_ANOTHER, PeopleRefiner
from mmroi.models.refiners import REFINED, KeypointRefiner
from mmroi.models.refiners.keypoint_refiner import FEW_KEYPOINTS
from mmroi.structures import COCO_17, SMPL_54

from .conftest import BOXES


class Recorder(KeypointRefiner):
    """Keeps the keypoints that it is given, and moves everyone by a meter."""

    def forward(self, predictions, keypoints, boxes, focal_length):
        self.keypoints = keypoints
        found = super().forward(predictions, keypoints, boxes, focal_length)
        moved = {**predictions.to_dict(), 'camera_translation': predictions.camera_translation + 1}
        return found._replace(predictions=type(predictions)(**moved), statuses=[REFINED] * len(predictions))


@pytest.fixture
def recorder(inferencer):
    return Recorder(inferencer.model.body_model)


@pytest.fixture
def refining(inferencer, recorder, monkeypatch):
    """The session's inferencer with a refiner; keypoints of crops are (100 row, joint, 0.5)."""
    people = PeopleRefiner(recorder, inferencer.model.body_model, 'cpu')
    monkeypatch.setattr(people, '_find', _numbered)
    monkeypatch.setattr(inferencer, '_refine', people)
    return inferencer


def _numbered(images, boxes, principal_points):
    rows, joints = np.indices((len(images), 17))
    return np.stack([100 * rows, joints, np.full_like(rows, 0.5, float)], axis=-1).astype(float)


def test_keypoints_of_crops_by_name_relative_to_the_principal_point(refining, recorder, photo):
    plain = MultiRoIInferencer.__call__
    (found,) = plain(refining, photo, bboxes=BOXES)['predictions']
    assert [sample.refinement['status'] for sample in found] == [REFINED, REFINED]
    middle = np.asarray(found[0].principal_point)
    wrist = SMPL_54.index('left_wrist')
    expected = [*(np.array([100, COCO_17.index('left_wrist')]) - middle), 0.5]
    assert recorder.keypoints[1, wrist].tolist() == expected
    assert not recorder.keypoints[:, SMPL_54.index('spine_1'), 2].any()


def test_keypoints_of_the_detector_where_there_are_any(recorder, monkeypatch, make_result, inferencer, photo):
    from mmroi.apis.inference import Frame

    result = make_result(Frame(photo, 'f', 'array'))
    points = np.arange(51.0).reshape(17, 3)
    result.samples[1].set_metainfo(dict(det_keypoints=points))
    people = PeopleRefiner(recorder, inferencer.model.body_model, 'cpu', 'detector')
    monkeypatch.setattr(people, '_find', _numbered)
    people([result.frame] * 2, result.samples)
    nose = SMPL_54.index('nose')
    middle = np.asarray(result.samples[0].principal_point)
    assert recorder.keypoints[:, nose, :2].numpy() == pytest.approx(np.array([[0, 0], [0, 1]]) - middle)


def test_everyone_is_counted(refining, photo):
    summary = RunSummary()
    for result in refining.stream(photo, bboxes=BOXES):
        summary.add(result)
    assert 'refinement: 2 refined' in summary.lines()


def test_real_keypoints_of_noise_keep_the_network(photo, inferencer):
    """Nobody is in the image: what the network says stays, and the run says why."""
    refiner = dict(keypoints='crop', min_confidence=0.9)
    refining = MultiRoIInferencer(device='cpu', show_progress=False, refiner=refiner)
    (found,) = refining(photo, bboxes=BOXES)['predictions']
    (plain,) = inferencer(photo, bboxes=BOXES)['predictions']
    for one, other in zip(found, plain, strict=True):
        assert one.refinement['status'] == FEW_KEYPOINTS
        torch.testing.assert_close(one.pred_instances.vertices, other.pred_instances.vertices)


def test_keypoints_found_twice_belong_to_the_person_whose_box_they_fill(refining, photo, monkeypatch):
    """The network of keypoints sees the same person in both boxes."""
    one, other = [30, 20, 100, 180], [60, 10, 140, 190]
    x, y = np.meshgrid(np.linspace(35, 95, 4), np.linspace(30, 170, 5))
    points = np.stack([x.flatten()[:17], y.flatten()[:17], np.full(17, 0.5)], axis=1)
    points[0] = [230, 5, 0.1]  # unsure, and far away

    def twice(images, boxes, principal_points):
        return np.stack([points + (0.5 * row, 0, 0) for row in range(len(images))])

    monkeypatch.setattr(refining._refine, '_find', twice)
    for boxes, expected in (
        ([other, one], [OF_ANOTHER, REFINED]),
        ([one, other], [REFINED, OF_ANOTHER]),
        ([one], [REFINED]),
    ):
        (found,) = refining(photo, bboxes=boxes)['predictions']
        assert [sample.refinement['status'] for sample in found] == expected
    kept = refining(photo, bboxes=[one, other])['predictions'][0][1].refinement
    assert np.isnan(kept['distances']).all() and np.isfinite(kept['joint_std']).all()
    # people of different frames share nothing
    found = refining([photo, photo], bboxes=[one])['predictions']
    assert [sample.refinement['status'] for (sample,) in found] == [REFINED, REFINED]


def test_an_unknown_source_is_refused(inferencer):
    with pytest.raises(ValueError, match="keypoints must be one of crop, detector, not 'eyes'"):
        PeopleRefiner(dict(keypoints='eyes'), inferencer.model.body_model, 'cpu')


def test_a_video_of_one_frame_is_a_photo(inferencer, photo, monkeypatch, tmp_path):
    """The window changes nothing where there is nothing to smooth; longer videos get smoother."""
    rng = np.random.default_rng(0)
    base = np.stack([rng.uniform(40, 90, 17), rng.uniform(30, 170, 17), np.full(17, 0.9)], axis=1)

    def shaking(images, boxes, principal_points):
        return np.stack([base + (*rng.normal(0, 2, 2), 0) for _ in images])

    folder = tmp_path / 'frames'
    folder.mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / f'{number}.png'), photo)
    found = {}
    for window in (0, 5):
        options = dict(window=window, max_start=np.inf, min_inliers=0.0)
        people = PeopleRefiner(options, inferencer.model.body_model, 'cpu')
        monkeypatch.setattr(people, '_find', shaking)
        monkeypatch.setattr(inferencer, '_refine', people)
        rng = np.random.default_rng(0)
        (found['photo', window],) = inferencer(photo, bboxes=BOXES[:1])['predictions']
        found['video', window] = inferencer(str(folder), bboxes=BOXES[:1], fps=30)['predictions']
        assert len(found['video', window]) == 6
    torch.testing.assert_close(
        found['photo', 0][0].pred_instances.vertices, found['photo', 5][0].pred_instances.vertices
    )
    places = [
        np.array(
            [sample.pred_instances.camera_translation[0].numpy() for (sample,) in found['video', window]]
        )
        for window in (0, 5)
    ]
    jitter = [np.abs(np.diff(values, n=2, axis=0)).mean() for values in places]
    assert jitter[1] < 0.7 * jitter[0]
    with pytest.raises(ValueError, match='choose one'):
        inferencer(str(folder), bboxes=BOXES[:1], fps=30, smooth=True)
