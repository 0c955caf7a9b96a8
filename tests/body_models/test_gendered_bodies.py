from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmroi.body_models import SMPL, GenderedBodies, normalize_gender


@pytest.mark.parametrize(
    'spelling, name',
    [
        ('m', 'male'),
        ('Male', 'male'),
        ('F', 'female'),
        ('', 'neutral'),
        ('female', 'female'),
        ('n', 'neutral'),
        ('NEUTRAL', 'neutral'),
        (' m ', 'male'),
        ('unknown', 'neutral'),
        (None, 'neutral'),
        (b'f', 'female'),
        (np.bytes_(b'Male'), 'male'),
        (np.str_('n'), 'neutral'),
        (0, 'male'),
        (np.int64(1), 'female'),
        (-1, 'neutral'),
        (1.0, 'female'),
        ('0', 'male'),
        (float('nan'), 'neutral'),
        (np.array('f'), 'female'),
    ],
)
def test_spellings(spelling: Any, name: str) -> None:
    assert normalize_gender(spelling) == name


def test_unknown_gender_names_its_owner() -> None:
    with pytest.raises(ValueError, match='^gender "x" is unknown; expected male'):
        normalize_gender('x')
    for unknown in (2, 0.5, True, b'mf', ['m', 'f']):
        with pytest.raises(ValueError, match='is unknown; expected male'):
            normalize_gender(unknown)
    with pytest.raises(ValueError, match=r'^gender "x" of row 3 of a\.npz is unknown'):
        normalize_gender('x', 'row 3 of a.npz')


def test_folder_gives_each_gender_its_body(smpl_folder: Path) -> None:
    bodies = GenderedBodies(dict(type='SMPL', model_path=str(smpl_folder)))
    assert bodies.has_genders
    assert bodies.get('neutral') is bodies.neutral
    female = bodies.get('female')
    assert female is bodies.get('female')
    rest = torch.zeros(1, 3), torch.zeros(1, 69), torch.zeros(1, 10)
    torch.testing.assert_close(female(*rest).vertices, bodies.neutral(*rest).vertices * 0.95)
    # The folder has no male body.
    assert list(bodies.find_missing()) == ['male']
    with pytest.raises(FileNotFoundError, match=r'no body model at .*SMPL_MALE\.pkl'):
        bodies.get('male')


@pytest.mark.parametrize('built', [False, True])
def test_open_body_serves_everybody(smpl: SMPL, built: bool) -> None:
    bodies = GenderedBodies(smpl if built else None)
    assert not bodies.has_genders and bodies.find_missing() == {}
    assert bodies.get('male') is bodies.get('female') is bodies.neutral
