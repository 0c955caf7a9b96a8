from pathlib import Path

import pytest
import torch

from mmroi.apis import PUBLISHED, published
from mmroi.apis.published import find_kind


def signature(kind):
    return {name: torch.zeros(shape) for name, shape in PUBLISHED[kind].signature.items()}


@pytest.mark.parametrize('kind', list(PUBLISHED))
def test_known_by_its_signature_and_run_by_a_config_that_is_there(kind):
    assert find_kind(signature(kind)) == kind
    assert (Path(published.__file__).parents[2] / PUBLISHED[kind].config).is_file()


@pytest.mark.parametrize('kind', list(PUBLISHED))
def test_names_there_and_back(kind):
    network = PUBLISHED[kind]
    for theirs, _ in network.renaming:
        assert network.their_names(network.our_name(f'{theirs}0.weight')) == (f'{theirs}0.weight',)
    assert network.our_name('stranger.weight') == 'stranger.weight'
    assert network.their_names('fusion.query.weight') == ('fusion.query.weight (only in the model)',)
    assert network.their_names('head.regressor.initial') == network.start


def test_another_number_of_rois():
    state = signature('multi_roi_r50')
    state['fc1.weight'] = torch.zeros(2048, 2048 + 3 * 3 + 157)
    message = r'with ResNet-50, but fc1.weight is \(2048, 2214\) instead of \(2048, 2220\).*kind multi_roi'
    with pytest.raises(ValueError, match=message):
        find_kind(state)


def test_names_of_nobody():
    state = {f'blocks.{i}.weight': torch.zeros(1) for i in range(4)}
    with pytest.raises(
        ValueError, match=r'its tensors \(4: blocks.0.weight, .* match no known network; known are'
    ):
        find_kind(state)


def test_a_checkpoint_of_this_project():
    with pytest.raises(ValueError, match='already is a checkpoint of mmroi'):
        find_kind({'head.regressor.initial': torch.zeros(157)})
