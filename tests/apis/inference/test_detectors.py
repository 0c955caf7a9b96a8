"""Which detector is taken."""

import pytest
from mmengine.hub import get_config

from mmroi.apis.inference import BadInputError, MoveNetPeople, detectors
from mmroi.apis.inference.detectors import RTMDET_WEIGHTS, make_detector
from mmroi.fileio.downloads import cache_path
from mmroi.utils.device import choose_device
from mmroi.utils.errors import UserError


@pytest.fixture
def asked(monkeypatch, hub):
    """What MMDetection's detector is made of."""
    calls = []
    monkeypatch.setattr(detectors, 'DetectedPeople', lambda *args, **kwargs: calls.append((*args, kwargs)))
    return calls


def test_without_rtmdets_weights_it_is_movenet(asked):
    detector = make_detector(device='cpu')
    assert isinstance(detector, MoveNetPeople) and not asked


def test_with_them_or_with_others_it_is_rtmdet(asked):
    make_detector(weights='own.pth', device='cpu')
    path = cache_path(RTMDET_WEIGHTS)
    path.parent.mkdir(parents=True)
    path.touch()
    make_detector(score_thr=0.7, device='cpu')
    assert asked == [('rtmdet-m', 'own.pth', 'cpu', {}), ('rtmdet-m', None, 'cpu', dict(score_thr=0.7))]
    assert isinstance(make_detector('movenet', device='cpu'), MoveNetPeople)


@pytest.mark.parametrize('score', [50, -0.1, float('nan')])
def test_a_lowest_score_is_one_that_a_detector_gives(asked, score):
    with pytest.raises(UserError, match=r'\(--det-score\) must be from 0 to 1, not '):
        make_detector(score_thr=score, device='cpu')


def test_the_size_of_the_input_is_an_option_of_movenet(asked, monkeypatch):
    made = []
    monkeypatch.setattr(detectors, 'MoveNetPeople', lambda *args, **kwargs: made.append(kwargs))
    make_detector(size=2048)
    assert made == [dict(max_size=2048)]
    with pytest.raises(BadInputError, match='--det-size.* of movenet; rtmdet-m takes it from its config'):
        make_detector('rtmdet-m', size=2048)
    assert not asked


def test_names_and_configs_are_those_of_mmdetection(asked):
    make_detector('yolox-s')
    assert asked == [('yolox-s', None, str(choose_device(None)), {})]


def test_the_file_is_the_one_of_the_model_zoo():
    assert get_config('mmdet::rtmdet/rtmdet_m_8xb32-300e_coco.py', pretrained=True).model_path.endswith(
        RTMDET_WEIGHTS
    )
