import numpy as np
import pytest

from mmroi.synthetic.body import StudioBody
from mmroi.synthetic.presets import get_preset
from mmroi.synthetic.scene import SceneSampler


@pytest.fixture(scope='session')
def full_scenes():
    """Twelve scenes of the preset ``full`` at 96 pixels."""
    sampler = SceneSampler(StudioBody(), get_preset('full'), 96)
    return [sampler.sample(np.random.default_rng([1, i])) for i in range(12)]
