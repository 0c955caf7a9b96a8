import pytest
import torch

from mmroi.models import LinearRoIAwareFusion, RoIAwareFusion

D = 6


@pytest.mark.parametrize(
    'relation, num_freqs', [('difference_of', 32), ('of_difference', 0), ('absolute', 32), ('none', 0)]
)
def test_linear_scores_that_cannot_depend_on_m_collapse_and_warn(rois, relation, num_freqs):
    with pytest.warns(UserWarning, match='same weights'):
        fusion = LinearRoIAwareFusion(D, 3, num_freqs=num_freqs, relation=relation)
    u, _, weights = fusion(*rois())
    torch.testing.assert_close(weights, weights[:, :1].expand_as(weights), rtol=0, atol=1e-5)
    torch.testing.assert_close(u, u[:, :1].expand_as(u), rtol=0, atol=1e-5)


def test_the_linear_scorer_takes_any_number_of_rois(rois):
    fusion = LinearRoIAwareFusion(D, 3)
    assert fusion.num_rois is None and RoIAwareFusion(D, 3).num_rois == 3
    assert fusion(*rois(num_rois=5))[2].shape == (2, 5, 5)
