import os
import signal

import fuzz_readers
import pytest
from fuzz_readers import TARGETS, fuzz


@pytest.mark.parametrize('target', TARGETS)
def test_no_reader_crashes_on_damaged_and_hostile_files(target):
    """The short form of ``make reliability``."""
    assert fuzz(target, 30, seed=1) == []


def test_crashes_and_hangs_are_found(monkeypatch):
    def read(path):
        number = int(path.read_bytes())
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 4:
            raise ValueError('without a name')
        while number == 5:
            pass

    monkeypatch.setitem(TARGETS, 'bad', (None, read))
    monkeypatch.setattr(fuzz_readers, 'make_case', lambda target, number, seed: str(number).encode())
    monkeypatch.setattr(fuzz_readers, 'SECONDS', 0.1)
    assert fuzz('bad', 8, seed=0) == [
        'bad 2: ended by -9',
        "bad 4: no file name in ValueError('without a name')",
        'bad 5: hung',
    ]


@pytest.mark.parametrize('target', TARGETS)
def test_the_undamaged_file_is_read(tmp_path, target):
    make, read = TARGETS[target]
    for number in range(12):
        (tmp_path / 'sound').write_bytes(make(number))
        read(tmp_path / 'sound')
