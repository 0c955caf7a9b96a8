"""Checkpoints of a training: whether they are whole, and from which one to resume."""

import logging
import re
import zipfile
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmroi.engine.launch import existing_file
from mmroi.fileio import read_checkpoint
from mmroi.fileio.state_dicts import describe_not_finite, find_weights

LAST = 'last_checkpoint'
"""File in a work folder with the path of its last checkpoint."""
_NEEDED = ('meta', 'state_dict', 'message_hub', 'optimizer')
_STEP = re.compile(r'(\d+)\.pth$')


def check_checkpoint(path: str | Path) -> dict[str, Any]:
    """Check that a checkpoint is complete and that no bit of it has changed, which ``torch.load`` does not.

    Args:
        path: The file.

    Returns:
        Its content, as :func:`~mmroi.fileio.checkpoint_reader.read_checkpoint` returns it.

    Raises:
        ValueError: The file is damaged or no checkpoint; the message says what is wrong, without the path.
        OSError: The file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f'it is damaged: the checksum of {damaged} is wrong')
    except zipfile.BadZipFile:
        raise ValueError('it is incomplete, damaged, or no checkpoint') from None
    try:
        return read_checkpoint(path)
    except ValueError as error:
        raise ValueError(str(error).replace(f'{path} is', 'it is', 1).removeprefix(f'{path}: ')) from None


def check_resumable(path: str | Path) -> None:
    """Check that a training can be resumed from a checkpoint.

    Args:
        path: The file.

    Raises:
        ValueError: It cannot; the message says why, without the path.
        OSError: The file cannot be read.
    """
    content = check_checkpoint(path)
    missing = [key for key in _NEEDED if key not in content]
    if missing:
        raise ValueError(f'it has no {", ".join(missing)}')
    if fault := describe_not_finite(find_weights(content) or {}):
        raise ValueError(fault)


def find_resumable(work_dir: str | Path) -> tuple[Path | None, list[str]]:
    """Find the newest checkpoint of a work folder from which a training can be resumed.

    The folder may have been moved or copied: a checkpoint in the folder itself comes before the one at the
    path that ``last_checkpoint`` names.

    Args:
        work_dir: Work folder of a training.

    Returns:
        The checkpoint, None if there is none, and what is wrong with the newer ones.
    """
    problems = []
    for path in _candidates(Path(work_dir)):
        try:
            check_resumable(path)
        except (ValueError, OSError) as error:
            problems.append(f'{path} cannot be used: {error}')
        else:
            return path, problems
    return None, problems


def prepare_resume(cfg: Config, wanted: str | None) -> None:
    """Write into a config from which checkpoint its training is resumed.

    Args:
        cfg: Config of the run, with its work folder; ``resume`` and ``load_from`` are modified.
        wanted: A checkpoint, ``'auto'`` for the newest readable one of the work folder, or None for what the
            config says.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The checkpoint, or every checkpoint of the work folder, is unusable.
    """
    if wanted == 'auto' or (wanted is None and cfg.get('resume') and not cfg.get('load_from')):
        path, problems = find_resumable(cfg.work_dir)
        if path is None and problems:
            raise ValueError(
                f'no checkpoint in {cfg.work_dir} can be resumed: {"; ".join(problems)}. Restore one of '
                'them, or train in another --work-dir'
            )
        for problem in problems:
            print_log(f'{problem}; resuming from {path}, an older one', 'current', logging.WARNING)
        # MMEngine would also resume from load_from, which is only for the first start.
        cfg.resume = path is not None
        cfg.load_from = str(path) if path else cfg.get('load_from')
    elif wanted:
        cfg.resume, cfg.load_from = True, existing_file(wanted)
        if '://' not in wanted:
            _check_wanted(Path(wanted))


def _check_wanted(path: Path) -> None:
    try:
        check_resumable(path)
    except ValueError as error:
        other, _ = find_resumable(path.parent)
        remedy = (
            f'the newest usable one of its folder is {other}' if other else 'its folder has no usable one'
        )
        raise ValueError(
            f'checkpoint {path} cannot be resumed: {error}; {remedy}. To start from its weights only: '
            f'--cfg-options load_from={path} without --resume'
        ) from error


def _candidates(work_dir: Path) -> list[Path]:
    """List checkpoints, the one to prefer first."""
    note = work_dir / LAST
    folders, found = [work_dir], []
    if note.is_file():
        named = Path(note.read_text(encoding='utf-8', errors='replace').strip())
        if named.name:
            found = [path for path in (work_dir / named.name, named) if path.is_file()]
            folders.append(named.parent)
    others = [path for folder in folders for path in folder.glob('[!.]*.pth') if path.is_file()]
    return list(dict.fromkeys([*found, *sorted(others, key=_step_of, reverse=True)]))


def _step_of(path: Path) -> int:
    """Last are the best ones, usually only weights, and those of other names, such as renamed ones."""
    match = _STEP.search(path.name)
    return int(match.group(1)) if match and not path.name.startswith('best_') else -1
