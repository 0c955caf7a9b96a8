"""A network that is told a wrong focal length, and labels that know the right one."""

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose

from mmroi.datasets import (
    GetPersonBox,
    LoadImage,
    MultiRoICrop,
    PackHMRInputs,
    ScaleFocalLength,
)
from mmroi.datasets.person_rows import PersonRows
from mmroi.fileio import HumanData
from mmroi.geometry import encode_box
from mmroi.registry import TRANSFORMS

IMAGE = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
DIAGONAL = 400.0  # of 240 x 320 pixels


def packed(row: dict, *steps: object) -> dict:
    pipeline = [LoadImage(), GetPersonBox(), *steps, MultiRoICrop(3, (32, 24)), PackHMRInputs()]
    return Compose(pipeline)({**row, 'img': IMAGE})


@pytest.mark.parametrize('focal_lengths', [None, (350.0, 350.0), (200.0, 450.0)], ids=str)
@pytest.mark.parametrize('scale', [ScaleFocalLength(0.5), ScaleFocalLength(1.5, unknown=True)], ids=repr)
def test_only_the_focal_length_changes(
    people: HumanData, scale: ScaleFocalLength, focal_lengths: tuple[float, float] | None
) -> None:
    for row in PersonRows(people, 'unit'):
        if focal_lengths is not None:
            row['focal_length'] = np.array(focal_lengths)
        true, told = packed(row), packed(row, scale)
        assert torch.equal(true['inputs'], told['inputs'])
        true, told = true['data_samples'], told['data_samples']
        for key, label in true.gt_instances.items():
            np.testing.assert_array_equal(label, told.gt_instances[key])
        before, after = dict(true.metainfo_items()), dict(told.metainfo_items())
        old, new = (meta.pop('focal_length') for meta in (before, after))
        old_pair, new_pair = (meta.pop('focal_lengths') for meta in (before, after))
        assert new == pytest.approx(1.5 * DIAGONAL if scale.unknown else 0.5 * old)
        np.testing.assert_allclose(new_pair / new, old_pair / old)  # the way back to the image is the same
        for key, value in before.items():
            np.testing.assert_array_equal(value, after[key])
        # What CLIFF's head is given of the box is inversely proportional, before CLIFF's normalization.
        boxes = torch.from_numpy(told.boxes)
        mean = torch.tensor([0.0, 0.0, 0.24], dtype=torch.float64)
        gain = torch.tensor([2.8, 2.8, 1 / 0.06], dtype=torch.float64)
        angles = encode_box(boxes, new) / gain + mean
        torch.testing.assert_close(angles * new, (encode_box(boxes, old) / gain + mean) * old)


def test_a_camera_that_is_unknown_already(people: HumanData) -> None:
    row = {**PersonRows(people, 'unit')[0], 'focal_length': None}
    assert packed(row, ScaleFocalLength(unknown=True))['data_samples'].focal_length == DIAGONAL
    assert packed(row, ScaleFocalLength(0.8))['data_samples'].focal_length == pytest.approx(0.8 * DIAGONAL)


def test_conditions_of_a_test_pipeline(people: HumanData) -> None:
    """Transforms from a config, directly behind GetPersonBox: the body stays, box and focal length change."""
    row = PersonRows(people, 'unit')[0]
    steps = [
        dict(type='ScaleFocalLength', factor=1.2),
        dict(type='RandomBoxScale', factor=0.2),
        dict(type='RandomBoxShift', factor=0.1),
    ]
    plain = packed(row)['data_samples']
    found = packed(row, *map(TRANSFORMS.build, steps))['data_samples']
    base, moved = plain.boxes[0], found.boxes[0]
    assert 0.8 <= moved[2] / base[2] <= 1.2 and moved[2] != base[2]
    assert (np.abs(moved[:2] - base[:2]) <= 0.2 * 1.2 * base[2]).all() and (moved[:2] != base[:2]).all()
    assert found.focal_length == pytest.approx(1.2 * plain.focal_length)
    for key, label in plain.gt_instances.items():
        np.testing.assert_array_equal(label, found.gt_instances[key])


@pytest.mark.parametrize('factor', [0, -1.0, float('nan'), float('inf')])
def test_factors_that_are_none(factor: float) -> None:
    with pytest.raises(ValueError, match='factor must be positive'):
        ScaleFocalLength(factor)


def test_in_front_of_the_box(people: HumanData) -> None:
    with pytest.raises(KeyError, match='behind GetPersonBox'):
        Compose([LoadImage(), ScaleFocalLength(2)])({**PersonRows(people, 'unit')[0], 'img': IMAGE})
