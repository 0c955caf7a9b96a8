import io
import json
import os
import weakref
from itertools import chain

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.infer import BaseInferencer
from PIL import Image

from mmroi.apis import IndexedModel, MultiRoIInferencer, init_model
from mmroi.apis.inference import BadInput, BadInputError, finders
from mmroi.apis.inference import inferencer as module
from mmroi.registry import INFERENCERS, TRANSFORMS

from ...conftest import SHIPPED_CLIFF, SHIPPED_MULTI_ROI
from .conftest import BOXES


@pytest.fixture
def sizes(inferencer, monkeypatch):
    """Numbers of people that went through the network together."""
    seen, forward = [], inferencer.forward
    monkeypatch.setattr(
        inferencer, 'forward', lambda batch: seen.append(len(batch['inputs'])) or forward(batch)
    )
    return seen


def vertices(result):
    return [s.pred_instances.vertices + s.pred_instances.camera_translation for s in result]


def test_it_predicts_what_the_test_pipeline_and_the_model_do(inferencer, photo, tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), photo)
    config = Config.fromfile(SHIPPED_MULTI_ROI.config)
    model = init_model(SHIPPED_MULTI_ROI.name)
    pipeline = Compose([TRANSFORMS.build(step) for step in config.test_pipeline])
    rows = [
        pipeline(dict(img_path=str(path), bbox_xywh=np.array((x1, y1, x2 - x1, y2 - y1))))
        for x1, y1, x2, y2 in BOXES
    ]
    with torch.no_grad():
        expected = model.test_step(pseudo_collate(rows))
    (found,) = inferencer(path, bboxes=BOXES)['predictions']
    for one, other in zip(found, expected, strict=True):
        for name, value in other.pred_instances.items():
            torch.testing.assert_close(one.pred_instances[name], value)
        for name in ('boxes', 'focal_length', 'principal_point', 'crop_matrices', 'img_shape', 'img_path'):
            np.testing.assert_array_equal(one.metainfo[name], other.metainfo[name])
    assert [sample.track_id for sample in found] == [0, 1] and found[1].bbox_score == 1
    np.testing.assert_array_equal(found[1].bbox, BOXES[1])


def test_the_encoder_may_run_in_bfloat16(inferencer, photo):
    (expected,) = inferencer(photo, bboxes=BOXES)['predictions']
    low = MultiRoIInferencer(device='cpu', show_progress=False, precision='bf16')
    (found,) = low(photo, bboxes=BOXES)['predictions']
    for one, other in zip(found, expected, strict=True):
        assert all(value.dtype == torch.float32 for value in one.pred_instances.values())
        distances = (one.pred_instances.vertices - other.pred_instances.vertices).norm(dim=-1)
        assert 0 < distances.max() < 1  # noise is no image that it was trained on
    with pytest.raises(ValueError, match='precision must be one of'):
        MultiRoIInferencer(device='cpu', precision='half')


def test_people_are_batched_across_frames_and_find_their_way_back(inferencer, photo, sizes):
    photos = [photo, photo[:, ::-1], photo[::-1]]
    boxes = {'array': BOXES, 'array_2': [], 'array_3': BOXES[::-1]}
    together = inferencer(photos, bboxes=boxes, batch_size=4)['predictions']
    assert sizes == [4] and list(map(len, together)) == [2, 0, 2]
    alone = inferencer(photos, bboxes=boxes, batch_size=1)['predictions']
    assert sizes == [4, 1, 1, 1, 1]
    torch.testing.assert_close(list(chain(*map(vertices, together))), list(chain(*map(vertices, alone))))
    np.testing.assert_array_equal(together[2][0].bbox, BOXES[1])


def test_whole_image(inferencer, photo):
    (whole,) = inferencer(photo, whole_image=True)['predictions']
    (given,) = inferencer(photo, bboxes=[0, 0, 240, 200])['predictions']
    torch.testing.assert_close(vertices(whole), vertices(given))


def test_focal_length_given_from_exif_or_estimated(inferencer, photo):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 50  # FocalLengthIn35mmFilm
    file = io.BytesIO()
    Image.fromarray(photo).save(file, 'jpeg', exif=exif)
    diagonal = np.hypot(200, 240)
    for inputs, given, focal_length, origin in (
        (photo, None, diagonal, 'estimated'),
        (file.getvalue(), None, 50 * diagonal / np.hypot(36, 24), 'EXIF'),
        (file.getvalue(), 777.0, 777.0, 'given'),
    ):
        ((sample,),) = inferencer(inputs, bboxes=BOXES[0], focal_length=given)['predictions']
        assert sample.focal_length == pytest.approx(focal_length)
        assert sample.focal_length_from == origin


def test_the_margin_of_boxes_can_be_given(photo):
    inferencer = MultiRoIInferencer(device='cpu', box_scale=1.5)
    ((sample,),) = inferencer(photo, bboxes=BOXES[0])['predictions']
    np.testing.assert_allclose(sample.boxes[0], (50 - 120, 100 - 100, 160 * 1.5))  # the base box


def test_failures_are_yielded_in_their_place(inferencer, photo):
    results = list(inferencer.stream([photo, b'', photo], bboxes=BOXES))
    assert isinstance(results[1], BadInput) and [r.frame.name for r in results[::2]] == ['array', 'array_2']
    assert inferencer([photo, b''], whole_image=True)['failed'] == [results[1]]


def test_an_image_with_nan_fails_alone(inferencer, photo, monkeypatch):
    forward = inferencer.forward

    def spoil(batch):
        samples = forward(batch)
        samples[1].pred_instances.vertices[0, 0, 0] = float('nan')
        return samples

    monkeypatch.setattr(inferencer, 'forward', spoil)
    first, second, third = inferencer.stream([photo] * 3, whole_image=True)
    assert isinstance(second, BadInput) and second.source == 'array'
    assert 'gives NaN or infinite values; check its boxes and focal length' in second.reason
    assert [len(result.samples) for result in (first, third)] == [1, 1]


@pytest.mark.parametrize('shape', [(1, 1, 3), (2, 900, 3), (900, 2, 3)])
def test_odd_images(inferencer, shape, tmp_path):
    (result,) = inferencer.stream(np.zeros(shape, np.uint8), whole_image=True, out_dir=tmp_path)
    assert isinstance(result, BadInput) or len(result.samples) == 1


def test_the_score_counts_for_given_boxes(photo):
    inferencer = MultiRoIInferencer(device='cpu', det_score_thr=0.5, show_progress=False)
    boxes = np.concatenate([BOXES, [[0.02], [0.98]]], 1)
    ((sample,),) = inferencer(photo, bboxes=boxes)['predictions']
    np.testing.assert_array_equal(sample.bbox, BOXES[1])


def test_what_is_odd_is_said(inferencer, photo, tmp_path, monkeypatch):
    said = []
    for part in (module, finders):
        monkeypatch.setattr(part, 'print_log', lambda words, *_: said.append(words))
    inferencer([photo, photo], bboxes=BOXES, focal_length=25)
    assert len(said) == 1 and said[0].startswith(
        'array: a focal length of 25 pixels means an angle of view of'
    )
    path = tmp_path / 'boxes.json'
    path.write_text('[{"image_id": "array", "category_id": 0, "bbox": [30, 20, 60, 100]}]')
    assert len(inferencer(photo, bboxes=path)['predictions'][0]) == 1
    assert said[1].startswith(f'{path}: category ids count from 0')


def test_nobody_and_boxes_outside(inferencer, photo):
    (result,) = inferencer.stream(photo, bboxes=[])
    assert result.samples == [] and result.problems == ()
    (result,) = inferencer.stream(photo, bboxes=[[300, 0, 400, 100], *BOXES])
    assert len(result.samples) == 2 and 'outside' in result.problems[0].reason


def test_boxes_of_each_input(inferencer, photo, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), photo)
    found = inferencer([photo, tmp_path / 'a.png', photo], bboxes=[BOXES, BOXES[:1], []])['predictions']
    assert list(map(len, found)) == [2, 1, 0]
    np.testing.assert_array_equal(found[1][0].bbox, BOXES[0])
    with pytest.raises(BadInputError, match='2 lists of boxes for 3 inputs; give one list for each'):
        inferencer.stream([photo] * 3, bboxes=[BOXES, BOXES])
    with pytest.raises(BadInputError, match='input 0 has 2 images'):
        cv2.imwrite(str(tmp_path / 'b.png'), photo)
        inferencer.stream([tmp_path], bboxes=[BOXES])


def test_folders_as_of_mmpose(inferencer, photo, tmp_path):
    folders = dict(pred_out_dir=tmp_path / 'pred', vis_out_dir=tmp_path / 'vis')
    found = inferencer(photo, bboxes=BOXES, return_datasamples=False, **folders)['predictions']
    assert json.loads((tmp_path / 'pred/array.json').read_text()) == found[0]
    assert found[0]['body_model'] == 'open' and len(found[0]['people']) == 2
    assert cv2.imread(str(tmp_path / 'vis/array.jpg')).shape == photo.shape
    assert sorted(path.name for path in tmp_path.iterdir()) == ['pred', 'vis']


def test_a_second_run_continues_the_first(inferencer, photo, tmp_path, sizes):
    cv2.imwrite(str(tmp_path / 'a.png'), photo)
    os.utime(tmp_path / 'a.png', (1e9, 1e9))
    options = dict(bboxes=BOXES, out_dir=tmp_path / 'out', save=['json'])
    (first,) = inferencer(tmp_path / 'a.png', **options)['predictions']
    (second, third) = inferencer([tmp_path / 'a.png', photo], **options)['predictions']
    assert sizes == [2, 2]  # not the photo again
    torch.testing.assert_close(vertices(second), vertices(first), atol=2e-5, rtol=0)
    with pytest.raises(BadInputError, match='other settings .focal_length was null and is 300'):
        inferencer(tmp_path / 'a.png', focal_length=300, **options)
    inferencer(tmp_path / 'a.png', focal_length=300, overwrite=True, **options)
    assert sizes == [2, 2, 2] and not (tmp_path / 'out/predictions/array.json').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(smooth=True), 'smooth .--smooth. has no effect: the inputs are single images'),
        (dict(save=['json']), 'save has no effect: no files are written; give out_dir'),
        (dict(viewer_frames=3), 'viewer_frames has no effect'),
        (dict(overwrite=True), 'overwrite has no effect without out_dir'),
        (dict(wait_time=3), 'wait_time has no effect without show=True'),
        (
            dict(out_dir='out', save=['json'], viewer_frames=3),
            'viewer_frames .--viewer-frames. has no effect',
        ),
    ],
)
def test_options_without_effect_are_refused(inferencer, photo, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        inferencer.stream(photo, bboxes=BOXES, **options)


def test_a_window_needs_a_display(inferencer, photo, monkeypatch):
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInputError, match='show .--show. needs a display .* look at the files of out_dir'):
        inferencer.stream(photo, bboxes=BOXES, show=True)


def test_the_config_can_be_changed(photo):
    changed = MultiRoIInferencer(device='cpu', cfg_options=dict(box_scale=1.5), show_progress=False)
    ((sample,),) = changed(photo, bboxes=BOXES[0])['predictions']
    assert sample.boxes[0, 2] == 160 * 1.5
    with pytest.raises(ValueError, match="nothing reads 'modle'.* did you mean 'model'"):
        MultiRoIInferencer(device='cpu', cfg_options={'modle.head': 3})


def test_what_a_call_returns(inferencer, photo):
    found = inferencer(photo, bboxes=BOXES, return_datasamples=False, return_vis=True)
    assert found['predictions'][0]['people'][1]['track_id'] == 1
    assert found['visualization'][0].shape == photo.shape and (found['visualization'][0] != photo).any()
    assert inferencer(photo, bboxes=BOXES)['visualization'] == []


def test_files_are_written_while_it_streams(inferencer, photo, tmp_path):
    results = inferencer.stream(
        [photo] * 3, bboxes=BOXES, batch_size=1, out_dir=tmp_path, save=['json', 'viewer']
    )
    next(results)
    predictions = tmp_path / 'predictions'
    assert [path.name for path in predictions.iterdir()] == ['array.json']
    results.close()
    assert (tmp_path / 'viewer.html').is_file() and len(list(predictions.iterdir())) == 1


def test_long_videos_take_the_memory_of_a_batch(inferencer, tmp_path):
    path = tmp_path / 'clip.avi'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25, (64, 48))
    for i in range(40):
        video.write(np.full((48, 64, 3), i * 5, np.uint8))
    video.release()
    names, images, alive = [], [], []
    for result in inferencer.stream(path, whole_image=True, batch_size=4, smooth=True):
        names.append(result.frame.name)
        images.append(weakref.ref(result.frame.image))
        alive.append(sum(image() is not None for image in images))
        assert result.samples[0].track_id == 0
    assert len(names) == len(set(names)) == 40 and max(alive) <= 4


def test_smoothing_and_trackers_of_ones_own(inferencer, photo, tmp_path):
    path = tmp_path / 'clip.avi'
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 25, (240, 200))
    for i in range(6):
        video.write(np.roll(photo, 20 * i, axis=1))
    video.release()

    class Tracker:
        def update(self, bboxes):
            return np.array([7] * len(bboxes))

    def translations(smooth):
        found = inferencer(path, bboxes=BOXES[:1], smooth=smooth, tracker=Tracker)['predictions']
        assert found[3][0].track_id == 7
        return np.concatenate([samples[0].pred_instances.camera_translation for samples in found])

    raw, smoothed = translations(False), translations(True)
    np.testing.assert_allclose(raw[0], smoothed[0], rtol=1e-5)
    assert np.abs(np.diff(smoothed, axis=0)).mean() < np.abs(np.diff(raw, axis=0)).mean()


def test_names_files_and_configs(photo):
    from_name = MultiRoIInferencer(SHIPPED_CLIFF.name.upper(), device='cpu')
    from_file = MultiRoIInferencer(SHIPPED_CLIFF.config, SHIPPED_CLIFF.weights, device='cpu')
    content = Config.fromfile(SHIPPED_CLIFF.config).to_dict()
    from_dict = MultiRoIInferencer(content, SHIPPED_CLIFF.weights, device='cpu')
    one, *others = (i(photo, bboxes=BOXES)['predictions'][0] for i in (from_name, from_file, from_dict))
    for other in others:
        torch.testing.assert_close(vertices(one), vertices(other))
    assert one[0].boxes.shape == (1, 3)
    assert SHIPPED_CLIFF.name in MultiRoIInferencer.list_models(patterns='cliff')


def test_it_is_an_inferencer_of_the_family():
    built = INFERENCERS.build(dict(type='MultiRoIInferencer', device='cpu'))
    assert isinstance(built, BaseInferencer)
    assert built.model.cfg.filename == str(SHIPPED_MULTI_ROI.config) and not built.model.training


def test_models_that_cannot_run(tmp_path, monkeypatch):
    with pytest.raises(
        FileNotFoundError, match='multi-roi_r50_published-1xb48-5e_pw3d-256x192.py has no weights; give a'
    ):
        MultiRoIInferencer('multi-roi_r50_published-1xb48-5e_pw3d-256x192')
    with pytest.raises(ValueError, match=f'{SHIPPED_MULTI_ROI.weights.name}: .* another architecture than'):
        MultiRoIInferencer(SHIPPED_CLIFF.name, SHIPPED_MULTI_ROI.weights)
    absent = IndexedModel('a', SHIPPED_MULTI_ROI.config, tmp_path / 'gone.pth')
    monkeypatch.setattr(module, 'find_model', lambda name: absent)
    with pytest.raises(FileNotFoundError, match='gone.pth does not exist'):
        MultiRoIInferencer('a')


def test_weights_that_give_no_numbers(photo):
    broken = MultiRoIInferencer(device='cpu')
    next(broken.model.parameters()).data.fill_(float('nan'))
    with pytest.raises(ValueError, match='NaN or infinite values for array; check its weights'):
        broken(photo, whole_image=True)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(bboxes=BOXES, whole_image=True), 'mutually exclusive'),
        (dict(whole_image=True, batch_size=0), 'batch_size must be positive, not 0'),
        (dict(whole_image=True, focal_length=-3), 'focal_length must be a positive number of pixels, not -3'),
        (dict(bboxes='nothing.json'), 'nothing.json cannot be read'),
        (dict(bboxes=[[1, 2, float('nan'), 4]]), 'box .1, 2, nan, 4.'),
    ],
)
def test_bad_options_are_refused_before_anything_runs(inferencer, photo, options, message):
    with pytest.raises(ValueError, match=message):
        inferencer.stream(photo, **options)


def test_bad_inputs_are_refused_before_anything_runs(inferencer):
    with pytest.raises(BadInputError, match='nothing.jpg does not exist'):
        inferencer.stream('nothing.jpg', whole_image=True)


def test_deviations_of_joints_are_those_of_the_test_pipeline(photo, tmp_path):
    """The shipped weights under the config with the uncertainty head."""
    path, name = tmp_path / 'photo.png', 'multi-roi_movenet_uncertainty-1xb64-2e_synthetic-256x192'
    cv2.imwrite(str(path), photo)
    model = init_model(name, SHIPPED_MULTI_ROI.weights)
    pipeline = Compose([TRANSFORMS.build(step) for step in model.cfg.test_pipeline])
    x1, y1, x2, y2 = BOXES[0]
    with torch.no_grad():
        batch = pseudo_collate(
            [pipeline(dict(img_path=str(path), bbox_xywh=np.array((x1, y1, x2 - x1, y2 - y1))))]
        )
        (expected,) = model.test_step(batch)
    inferencer = MultiRoIInferencer(name, SHIPPED_MULTI_ROI.weights, device='cpu', show_progress=False)
    ((found,),) = inferencer(path, bboxes=BOXES[:1])['predictions']
    assert found.pred_instances.joints_std.shape == (1, 24)
    torch.testing.assert_close(found.pred_instances.joints_std, expected.pred_instances.joints_std)
