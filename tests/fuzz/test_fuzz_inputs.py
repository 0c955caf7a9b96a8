import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location('fuzz_inputs', Path(__file__).with_name('fuzz_inputs.py'))
fuzz_inputs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fuzz_inputs)


@pytest.mark.parametrize('target', fuzz_inputs.TARGETS)
def test_wrong_content_is_named_and_never_used(target):
    """The first of the cases that ``make fuzz`` runs."""
    assert list(fuzz_inputs.run(target, 0, 25)) == []
