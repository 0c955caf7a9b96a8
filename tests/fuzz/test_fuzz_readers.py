import pytest
from fuzz_readers import TARGETS, fuzz


def test_no_reader_crashes_on_damaged_and_hostile_files():
    """The short form of ``make reliability``: each target by itself would spend seconds on imports."""
    assert [fault for target in ('smpl', 'training') for fault in fuzz(target, 40, seed=1)] == []


@pytest.mark.parametrize('target', TARGETS)
def test_the_undamaged_file_is_read(tmp_path, target):
    make, read = TARGETS[target]
    for number in range(12):
        (tmp_path / 'sound').write_bytes(make(number))
        read(tmp_path / 'sound')
