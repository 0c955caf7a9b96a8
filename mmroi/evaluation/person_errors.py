"""Errors of each person, as a file: what paired comparisons start from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.evaluation.tables import TEXTS
from mmroi.fileio.npz_io import write_npz

_FILE = '{}_per_person.npz'


def save_person_errors(rows: Sequence[Mapping[str, Any]], folder: str | Path, prefix: str) -> None:
    """Write ``<prefix>_per_person.npz``.

    Args:
        rows: Errors of each of N people by name, as ``MeshMetric`` keeps them: numbers, ``joints`` (K), and
            ``action`` and ``img_path`` where they are known.
        folder: Created if missing.
        prefix: Such as the name of the protocol.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    unknown: dict[str, Any] = dict.fromkeys(TEXTS, '')
    columns = {name: np.array([row.get(name, unknown.get(name, np.nan)) for row in rows]) for name in names}
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_npz(Path(folder, _FILE.format(prefix)), columns)


def read_person_errors(folder: str | Path, prefix: str) -> list[dict[str, Any]]:
    """Read what :func:`save_person_errors` wrote.

    Args:
        folder: The folder.
        prefix: Such as the name of the protocol.

    Returns:
        The rows.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged.
    """
    path = Path(folder, _FILE.format(prefix))
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; MeshMetric with out_dir writes it')
    try:
        with np.load(path, allow_pickle=False) as archive:
            columns = {name: archive[name].tolist() for name in archive.files}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    except Exception as error:  # damaged bytes raise almost anything
        raise ValueError(f'{path} is damaged ({error}); test again') from error
    return [{name: value for name, value in row.items() if value != ''} for row in rows]
