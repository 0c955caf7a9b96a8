"""Detectors; the zoo's weights are a download, so a tiny RTMDet with random ones stands for them."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.apis import inference_detector, init_detector
from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.structures import InstanceData

from mmroi.apis.inference.frames import BadInputError, Frame
from mmroi.apis.inference.people import DetectedPeople
from mmroi.fileio import downloads

CLASSES = ('dog', 'person')


@pytest.fixture(scope='module')
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Config and weights of a narrow RTMDet for two classes, made as MMDetection's are."""
    folder = tmp_path_factory.mktemp('detector')
    config = get_config('mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py')
    config.model.backbone.update(widen_factor=0.125, init_cfg=None)
    config.model.neck.update(in_channels=[32, 64, 128], out_channels=32)
    config.model.bbox_head.update(num_classes=2, in_channels=32, feat_channels=32)
    config.dump(folder / 'tiny.py')
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(config.model)
    for name, parameter in model.named_parameters():
        if 'rtm_cls' in name:  # scores from 0 to 1, of both classes
            torch.nn.init.normal_(parameter, std=1.0)
        if 'rtm_reg' in name:  # boxes of some strides
            torch.nn.init.uniform_(parameter, 0.5, 2.0)
    torch.save(
        dict(meta=dict(dataset_meta=dict(CLASSES=CLASSES)), state_dict=model.state_dict()),
        folder / 'tiny.pth',
    )
    return str(folder / 'tiny.py'), str(folder / 'tiny.pth')


@pytest.fixture
def frames() -> list[Frame]:
    generator = np.random.default_rng(0)
    shapes = [(90, 160, 3), (200, 120, 3), (64, 64, 3)]
    images = [generator.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    return [Frame(image, f'f{i}', 'array') for i, image in enumerate(images)]


def test_batch_agrees_with_mmdetection_one_by_one(tiny: tuple[str, str], frames: list[Frame]) -> None:
    reference = init_detector(*tiny, palette='random', device='cpu')
    expected = [inference_detector(reference, frame.image).pred_instances for frame in frames]
    threshold = float(torch.cat([instances.scores for instances in expected]).median())
    init_default_scope('mmroi')
    people = DetectedPeople(*tiny, device='cpu', score_thr=threshold, batch_size=2)(frames)
    assert DefaultScope.get_current_instance().scope_name == 'mmroi'
    for found, instances in zip(people, expected, strict=True):
        wanted = (instances.labels == 1) & (instances.scores >= threshold)
        assert 0 < len(found) == wanted.sum() < len(instances)
        np.testing.assert_allclose(found.bboxes, instances.bboxes[wanted], atol=0.01)
        np.testing.assert_allclose(found.scores, instances.scores[wanted], atol=1e-5)
        assert found.bboxes.dtype == found.scores.dtype == np.float64
        assert (np.diff(found.scores) <= 0).all()
    assert DetectedPeople(*tiny, device='cpu')([]) == []


@MODELS.register_module()
class BrightThings(BaseDetector):
    """Finds the one white rectangle in what the network is given."""

    def _forward(self, *args: object) -> None: ...

    def loss(self, *args: object) -> None: ...

    def extract_feat(self, *args: object) -> None: ...

    def predict(self, batch_inputs: torch.Tensor, batch_data_samples: list, rescale: bool = True) -> list:
        found = []
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            y, x = torch.nonzero(image.mean(0) > 127, as_tuple=True)
            box = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()
            box /= torch.tensor(sample.scale_factor).repeat(2)
            found.append(
                InstanceData(
                    bboxes=box.repeat(4, 1),
                    labels=torch.tensor([1, 0, 1, 1]),
                    scores=torch.tensor([0.6, 0.9, 0.4, 0.8]),
                )
            )
        return self.add_pred_to_datasample(batch_data_samples, found)


@pytest.fixture
def bright_things(tmp_path: Path) -> tuple[str, str]:
    config = get_config('mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py')
    config.model = dict(type='BrightThings', data_preprocessor=dict(type='DetDataPreprocessor'))
    config.dump(tmp_path / 'bright.py')
    torch.save(
        dict(meta=dict(dataset_meta=dict(classes=CLASSES)), state_dict=dict(unused=torch.zeros(1))),
        tmp_path / 'bright.pth',
    )
    return str(tmp_path / 'bright.py'), str(tmp_path / 'bright.pth')


def test_boxes_are_in_pixels_of_each_frame(bright_things: tuple[str, str]) -> None:
    boxes = [(20, 40, 100, 120), (300, 0, 400, 900), (0, 0, 64, 8)]
    frames = []
    for i, ((x1, y1, x2, y2), shape) in enumerate(
        zip(boxes, [(480, 320, 3), (900, 1200, 3), (64, 64, 3)], strict=True)
    ):
        frames.append(Frame(np.zeros(shape, np.uint8), f'f{i}', 'array'))
        frames[-1].image[y1:y2, x1:x2] = 255
    for found, box, frame in zip(
        DetectedPeople(*bright_things, device='cpu')(frames), boxes, frames, strict=True
    ):
        # persons alone, those of at least 0.5, the best first
        np.testing.assert_allclose(found.scores, [0.8, 0.6], rtol=1e-6)
        # to one pixel of the network's input, whose long side is 640
        np.testing.assert_allclose(found.bboxes, [box, box], atol=max(frame.image.shape) / 640 + 1e-3)


def without_network(*args: object, **kwargs: object) -> None:
    raise OSError('no route to host')


def test_weights_that_cannot_be_downloaded_say_what_to_put_where_and_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    monkeypatch.setattr(downloads, 'urlopen', without_network)
    with pytest.raises(BadInputError) as caught:
        DetectedPeople()
    name = 'rtmdet_m_8xb32-300e_coco_20220719_112220-229f527c.pth'
    for part in (
        'rtmdet-m',
        f'https://download.openmmlab.com/mmdetection/v3.0/rtmdet/{name[:24]}/{name}',
        str(tmp_path / 'hub' / 'checkpoints' / name),
        'det_weights',
        '--bboxes',
        '--det-model movenet',
        '(no route to host)',
    ):
        assert part in str(caught.value)
    assert not list((tmp_path / 'hub' / 'checkpoints').glob('*'))


def test_weights_of_the_zoo_are_taken_where_they_were_downloaded_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'hub' / 'checkpoints').mkdir(parents=True)
    path = tmp_path / 'hub' / 'checkpoints' / 'rtmdet_tiny_8xb32-300e_coco_20220902_112414-78e30dcc.pth'
    config = get_config('mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py')
    config.model.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmdet'):
        state = MODELS.build(config.model).state_dict()
    torch.save(dict(meta=dict(dataset_meta=dict(CLASSES=('person',) * 80)), state_dict=state), path)
    monkeypatch.setattr(downloads, '_has_hash', lambda path, sha256: sha256 == '78e30dcc')  # these are others
    people = DetectedPeople('rtmdet-t', device='cpu')
    np.testing.assert_array_equal(
        people._detector.model.state_dict()['backbone.stem.0.conv.weight'],
        state['backbone.stem.0.conv.weight'],
    )


class _Attack:
    def __reduce__(self) -> tuple:
        return os.mkdir, ('pwned',)


def test_bad_weights(tiny: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config, weights = tiny
    with pytest.raises(BadInputError, match='tiny.py is a config without weights; give them'):
        DetectedPeople(config)
    with pytest.raises(BadInputError, match='nothing is neither a config file nor a model of MMDetection'):
        DetectedPeople('nothing')
    with pytest.raises(BadInputError, match='detector weights gone.pth do not exist'):
        DetectedPeople(config, 'gone.pth')
    torch.save(dict(state_dict=_Attack()), 'attack.pth')
    with pytest.raises(BadInputError, match='attack.pth is not a checkpoint that can be read safely'):
        DetectedPeople(config, 'attack.pth')
    assert not Path('pwned').exists()
    with pytest.raises(BadInputError, match='rtmdet-s: the weights do not fit the config: backbone'):
        DetectedPeople('rtmdet-s', weights)
    checkpoint = torch.load(weights)
    checkpoint['meta']['dataset_meta']['CLASSES'] = ('dog', 'cat')
    torch.save(checkpoint, 'dogs.pth')
    with pytest.raises(BadInputError, match='has no class "person", only dog, cat'):
        DetectedPeople(config, 'dogs.pth')


def test_mask_rcnn_runs_with_compiled_ops_and_names_them_without(tmp_path: Path, frames: list[Frame]) -> None:
    config: Config = get_config('mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py')
    config.model.backbone.update(depth=18, init_cfg=None)
    config.model.neck.in_channels = [64, 128, 256, 512]
    config.model.neck.out_channels = 8
    config.model.rpn_head.update(in_channels=8, feat_channels=8)
    config.model.test_cfg.rpn.update(nms_pre=50, max_per_img=20)
    roi_head = config.model.roi_head
    for part in (roi_head.bbox_roi_extractor, roi_head.mask_roi_extractor):
        part.out_channels = 8
    roi_head.bbox_head.update(in_channels=8, fc_out_channels=16)
    roi_head.mask_head.update(in_channels=8, conv_out_channels=8)
    for pipeline in (config.test_pipeline, config.test_dataloader.dataset.pipeline):
        pipeline[1].scale = (128, 128)
    config.dump(tmp_path / 'mask.py')
    with DefaultScope.overwrite_default_scope('mmdet'):
        state = MODELS.build(config.model).state_dict()
    torch.save(
        dict(meta=dict(dataset_meta=dict(CLASSES=('person',) * 80)), state_dict=state), tmp_path / 'mask.pth'
    )
    people = DetectedPeople(str(tmp_path / 'mask.py'), tmp_path / 'mask.pth', device='cpu')
    from mmcv import _ext

    if hasattr(_ext, '__file__'):
        assert len(people(frames)) == 3
    else:
        with pytest.raises(
            BadInputError, match=r'mask.py: mmcv-lite lacks the op mmcv.roi_align.* make mmcv-ops'
        ):
            people(frames)
