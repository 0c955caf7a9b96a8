"""Settings of all tests: one thread in each process, because pytest-xdist already fills the cores."""
import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import cv2  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
cv2.setNumThreads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    """Each test starts from the same random state, whatever ran before it in the same process."""
    torch.manual_seed(0)
