"""Suites: which configs a table compares, and what the paper has beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mmengine.config import Config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SUITES = CONFIGS / '_suites_'
COLUMNS = ('L_2D', 'fps')  # that a table may have beside those of all


@dataclass(frozen=True)
class Row:
    """One method of a table.

    Attributes:
        name: Name of its folder.
        label: Its name in tables and plots.
        config: Config, relative to ``configs/``; None where only the paper's numbers are quoted.
        finetune: Config of a second training that starts from the end of the first; real data only.
        paper: The paper's numbers by name of metric; a string where it is a range.
    """

    name: str
    label: str
    config: str | None = None
    finetune: str | None = None
    paper: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """The rows of one table.

    Attributes:
        name: Name of the file.
        title: Headline.
        paper_data: On what the paper's numbers were measured.
        rows: The rows.
        note: What a reader of the table must know.
        columns: What of ``COLUMNS`` the table has: the final 2D loss (1e-3), people per second.
    """

    name: str
    title: str
    paper_data: str
    rows: tuple[Row, ...]
    note: str = ''
    columns: tuple[str, ...] = ()

    def select(self, names: Sequence[str] | None) -> 'Suite':
        """The suite with some of its rows.

        Args:
            names: Their names; None for all.

        Returns:
            The smaller suite.

        Raises:
            ValueError: If it has no such row.
        """
        if names is None:
            return self
        known = [row.name for row in self.rows]
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise ValueError(f'suite {self.name} has no rows {unknown}; it has {", ".join(known)}')
        rows = tuple(row for row in self.rows if row.name in names)
        return replace(self, rows=rows)


def find_config(name: str, folder: Path) -> Path:
    """Find a suite or a profile.

    Args:
        name: Name of a file of the folder without its ending, or the path of a file elsewhere.
        folder: The folder.

    Returns:
        The file.

    Raises:
        FileNotFoundError: If there is neither; lists those of the folder.
    """
    for path in (folder / f'{name}.py', Path(name)):
        if path.is_file():
            return path
    known = sorted(path.stem for path in folder.glob('[!_]*.py'))
    raise FileNotFoundError(f'{name} is neither a file nor one of {", ".join(known)} in {folder}')


def load_suite(name: str) -> Suite:
    """Read a suite.

    Args:
        name: Name of a file in ``configs/_suites_``, or the path of a file of one's own, whose configs are then
            relative to ``configs/`` or absolute.

    Returns:
        The suite.

    Raises:
        FileNotFoundError: If there is no such suite, or a config that it names is missing.
        ValueError: If two rows have the same name or configs, a row has an unknown key, or the table an
            unknown column.
    """
    path = find_config(name, SUITES)
    cfg = Config.fromfile(path)
    try:
        rows = tuple(Row(**row) for row in cfg.rows)
    except TypeError as error:
        raise ValueError(f'{path}: a row is not understood ({error})') from error
    if len({row.name for row in rows}) < len(rows):
        raise ValueError(f'{path}: two rows have the same name')
    trained = [(row.config, row.finetune) for row in rows if row.config]
    if len(set(trained)) < len(trained):
        raise ValueError(f'{path}: two rows are trained alike')
    columns = tuple(cfg.get('columns', ()))
    if not set(columns) <= set(COLUMNS):
        raise ValueError(f'{path}: columns are {", ".join(columns)}, but there are {", ".join(COLUMNS)}')
    for row in rows:
        for config in filter(None, (row.config, row.finetune)):
            if not (CONFIGS / config).is_file():
                raise FileNotFoundError(f'{path}: row {row.name} names {config}, which is not in {CONFIGS}')
    return Suite(path.stem, cfg.title, cfg.paper_data, rows, cfg.get('note', ''), columns)
