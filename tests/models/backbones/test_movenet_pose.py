"""MoveNet computes what the original graphs compute; movenet_reference.py has made the references."""

import json

import numpy as np
import pytest
import torch

from mmroi.fileio import locate, read_state_dict
from mmroi.models import MoveNetBackbone, MoveNetPose

VARIANTS = ('thunder', 'lightning', 'multipose')
SOFTNESS = 1.8  # of the original's preference for near places, in cells


@pytest.fixture(scope='module', params=VARIANTS)
def computed(request, reference):
    """A variant, its maps of the reference's picture, and the reference."""
    variant = request.param
    expected = np.load(reference.DATA / f'movenet_{variant}.npz')
    network = MoveNetPose(variant).eval()
    state = (
        reference.make_weights(network.state_dict())  # lightning's own weights are not shipped
        if variant == 'lightning'
        else read_state_dict(locate(f'checkpoints/movenet_{variant}.safetensors'))
    )
    network.load_state_dict(state, strict=True)
    # The original scales by 1 / 127.5 in half precision: 1.5e-5 less.
    image = torch.from_numpy(expected['image']).permute(2, 0, 1)[None] * float(np.float16(1 / 127.5)) - 1
    with torch.no_grad():
        return variant, dict(network.maps(image), last=network(image)[0]), expected


def test_the_last_map(computed):
    variant, maps, expected = computed
    assert expected['last'].max() == 6  # of ReLU6
    atol = 2.5e-4 if variant == 'lightning' else 1e-4
    np.testing.assert_allclose(maps['last'][0, ::16], expected['last'], atol=atol, rtol=0)


def test_the_heads(computed):
    variant, maps, expected = computed
    names = maps.keys() - {'last'}
    assert names == {name for name in expected.files if expected[name].ndim == 3} - {'last', 'image'}
    for name in names:
        atol = 1e-5 * np.abs(expected[name]).max()
        np.testing.assert_allclose(maps[name][0, :, 3::8, 3::8], expected[name], atol=atol, rtol=0)


@pytest.mark.parametrize('computed', ['thunder', 'lightning'], indirect=True)
def test_keypoints_of_the_person_in_the_middle(computed):
    """Decoded as the class says: the nearer the middle the better, then the nearer to the first guess."""
    variant, maps, expected = computed
    center, heatmap = maps['center'][0, 0].sigmoid(), maps['kpt_heatmap'][0].sigmoid()
    side = len(center)
    cell_size = float(np.float16(1 / side))  # half precision, too
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing='ij')
    score = center / (torch.hypot((y - side / 2).float(), (x - side / 2).float()) + SOFTNESS)
    peak = divmod(int(score.argmax()), side)
    for k in range(17):
        guess = [peak[i] + float(maps['kpt_regress'][0, 2 * k + i][peak]) for i in (0, 1)]
        score = heatmap[k] / (torch.hypot(y - guess[0], x - guess[1]) + SOFTNESS)
        cell = divmod(int(score.argmax()), side)
        found = [(cell[i] + float(maps['kpt_offset'][0, 2 * k + i][cell])) * cell_size for i in (0, 1)]
        np.testing.assert_allclose([*found, heatmap[k][cell]], expected['Identity'][k], atol=2e-5)


def test_the_drawn_person_is_understood(reference):
    """y and x of the nose and the shoulders, as drawn."""
    keypoints = np.load(reference.DATA / 'movenet_thunder.npz')['Identity']
    drawn = {0: (60, 128), 5: (88, 148), 6: (88, 108)}
    for k, place in drawn.items():
        np.testing.assert_allclose(keypoints[k, :2] * 256, place, atol=9)


def test_the_encoder_is_the_same():
    """The backbone takes its part of the file; the rest is left out."""
    backbone, pose = MoveNetBackbone('lightning'), MoveNetPose('lightning')
    state = pose.state_dict()
    backbone.load_state_dict({name: state[name] for name in backbone.state_dict()}, strict=True)
    image = torch.rand(1, 3, 64, 32) * 2 - 1
    assert torch.equal(backbone(image)[0], pose(image)[0])


def test_maps_are_at_a_quarter_of_the_size():
    maps = MoveNetPose('multipose').maps(torch.zeros(2, 3, 64, 96))
    channels = dict(center=1, kpt_heatmap=17, kpt_regress=34, kpt_offset=34, box_scale=2, box_offset=2)
    assert {name: tuple(m.shape) for name, m in maps.items()} == {
        name: (2, n, 16, 24) for name, n in channels.items()
    }
    with pytest.raises(ValueError, match='MoveNetPose needs images whose sides are multiples of 32'):
        MoveNetPose('lightning').maps(torch.zeros(1, 3, 64, 65))


def test_the_references_say_where_they_are_from(reference):
    for variant in VARIANTS:
        graph = json.loads(np.load(reference.DATA / f'movenet_{variant}.npz')['graph'].tobytes())
        assert graph['generatedBy'].startswith('https://tfhub.dev/google/')
