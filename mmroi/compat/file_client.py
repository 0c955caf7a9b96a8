"""MMEngine's warnings about MMEngine.

Its hook for checkpoints and its runner use ``FileClient``, which warns at each use that it and its
``HardDiskBackend`` will be deprecated. Nobody who trains can change that.

Upstream: https://github.com/open-mmlab/mmengine (CheckpointHook.before_train, Runner.dump_config of 0.10.7)
Remove when: MMEngine's hooks no longer use ``FileClient``.
"""

from mmengine.fileio import file_client


def install() -> None:
    """Silence the module, which logs nothing else. Calling it again has no effect."""
    file_client.print_log = _say_nothing


def _say_nothing(*args: object, **kwargs: object) -> None:
    """Take the place of ``print_log``."""
