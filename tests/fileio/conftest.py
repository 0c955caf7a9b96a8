from ..datasets.conftest import body, data_root, people  # noqa: F401
