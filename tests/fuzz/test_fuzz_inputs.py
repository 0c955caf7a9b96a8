import pytest
from fuzz_inputs import TARGETS, run


@pytest.mark.parametrize('target', TARGETS)
def test_wrong_content_is_named_and_never_used(target):
    """The first of the cases that ``make reliability`` runs."""
    assert list(run(target, 0, 25)) == []
