"""Suites: the configs that a table compares, and the paper's numbers for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmroi.benchmark.columns import EXTRA_COLUMNS
from mmroi.benchmark.project_files import find_config, find_data
from mmroi.fileio.installation import find_file

SUITES = Path(__file__).parent / 'suites'


@dataclass(frozen=True)
class Row:
    """One method of a table.

    Attributes:
        name: Name in messages and in the CSV file.
        label: Name in tables and plots.
        config: Config, relative to ``configs/``, or absolute. None if only the paper's numbers are quoted.
        finetune: Config of a second training that starts from the result of the first; real data only.
        checkpoint: Checkpoint that is tested instead of training, relative to the project.
        paper: The paper's numbers by column; a string for a range.
    """

    name: str
    label: str
    config: str | None = None
    finetune: str | None = None
    checkpoint: str | None = None
    paper: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """The rows of one table.

    Attributes:
        name: Stem of the file.
        title: Title of the report.
        rows: The rows.
        paper_data: Data on which the paper's numbers were measured.
        note: What a reader of the table must know.
        profile: Default profile; by default the one that fits the machine.
        columns: Those of ``EXTRA_COLUMNS`` that the table has.
        hidden_columns: Standard columns that the Markdown table does not have.
        relative_to_mean_pose: Print MPJPE also relative to that of the mean pose.
        num_images: Number of test images on which the meshes of the last row are drawn.
        photos: Draw the last row's meshes of the real people of ``PHOTOS``, too.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    paper_data: str = ''
    note: str = ''
    profile: str | None = None
    columns: tuple[str, ...] = ()
    hidden_columns: tuple[str, ...] = ()
    relative_to_mean_pose: bool = False
    num_images: int = 0
    photos: bool = False

    def select(self, names: Sequence[str] | None) -> 'Suite':
        """Return the suite with some of its rows.

        Args:
            names: Names of the rows; None for all.

        Raises:
            ValueError: If there is no such row.
        """
        if names is None:
            return self
        known = [row.name for row in self.rows]
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise ValueError(f'suite {self.name} has no rows {unknown}; it has {", ".join(known)}')
        rows = tuple(row for row in self.rows if row.name in names)
        return replace(self, rows=rows)


def load_suite(name: str) -> Suite:
    """Read a suite.

    Args:
        name: Name of a built-in suite, or the path of a YAML or Python file.

    Returns:
        The suite.

    Raises:
        FileNotFoundError: If there is no such suite, or if a file that it names is missing.
        ValueError: If two rows have the same name or configs, or if a key or a column is unknown.
    """
    path = find_data(SUITES, name)
    cfg = Config.fromfile(path)
    if missing := {'title', 'rows'} - set(cfg.keys()):
        raise ValueError(f'{path}: not a suite, {" and ".join(sorted(missing))} missing')
    try:
        rows = tuple(Row(**row) for row in cfg.rows)
    except TypeError as error:
        raise ValueError(f'{path}: cannot read a row ({error})') from error
    if len({row.name for row in rows}) < len(rows):
        raise ValueError(f'{path}: two rows have the same name')
    runs = [(row.config, row.finetune, row.checkpoint) for row in rows if row.config]
    if len(set(runs)) < len(runs):
        raise ValueError(f'{path}: two rows have the same config')
    options = {option.name for option in fields(Suite)} - {'name', 'rows'}
    settings: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in cfg.items() if key in options
    }
    columns = settings.get('columns', ())
    if not set(columns) <= set(EXTRA_COLUMNS):
        raise ValueError(
            f'{path}: columns are {", ".join(columns)}, but there are {", ".join(EXTRA_COLUMNS)}'
        )
    for row in rows:
        try:
            for config in filter(None, (row.config, row.finetune)):
                find_config(config)
            if row.checkpoint:
                find_file(row.checkpoint)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{path}: row {row.name}: {error}') from error
    return Suite(name=path.stem, rows=rows, **settings)
