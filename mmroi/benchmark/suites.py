"""Suites: the configs that a table compares, and the paper's numbers for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from mmengine.config import Config

from mmroi.benchmark.columns import EXTRA_COLUMNS
from mmroi.benchmark.person_groups import KINDS
from mmroi.benchmark.project_files import SUITES, check_keys, find_data
from mmroi.fileio.named_errors import name_errors
from mmroi.utils.config_names import find_config
from mmroi.utils.installation import find_file

T = TypeVar('T')


@dataclass(frozen=True)
class Condition:
    """A change of the test set, under which trained rows are tested.

    Attributes:
        name: Name in messages and of files.
        label: Name in tables and plots.
        transforms: Configs of transforms that follow ``GetPersonBox``. Random ones draw the same numbers for
            all rows, since each person has a seed of its own in the feature cache.
        detector: Detector whose boxes replace the annotated ones, as ``--det-model`` of ``detect_boxes.py``.
            People that it misses keep their annotated boxes.
    """

    name: str
    label: str
    transforms: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    detector: str | None = None


@dataclass(frozen=True)
class Contrast:
    """A group of rows compared with another, pair by pair; the differences of the pairs are averaged.

    Attributes:
        label: Name in the report; of one row, its label.
        rows: Names of the rows that have it.
        without: Names of as many rows that lack it, in the same order.
    """

    label: str
    rows: tuple[str, ...]
    without: tuple[str, ...]


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
        own_crops: The size of the crops stays that of the config, whatever the profile; the grid of cells
            that a neck keeps of the map grows with it. Such a row shares no features with others, and is not
            run on five RoIs for the spread of its cameras.
        overrides: Settings of this row alone, after those of the profile and with the syntax of
            ``--cfg-options``, of parts that its config has; ``max_epochs`` also moves the schedulers. Its
            runs have a folder of its own.
        condition: Condition of the test.
    """

    name: str
    label: str
    config: str | None = None
    finetune: str | None = None
    checkpoint: str | None = None
    paper: Mapping[str, float | str] = field(default_factory=dict, hash=False)
    own_crops: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict, hash=False)
    condition: Condition | None = None

    def under(self, condition: Condition) -> 'Row':
        """Return the row tested under a condition."""
        return replace(self, condition=condition)

    @property
    def training(self) -> tuple[object, ...]:
        """What makes two rows the same training, or the same checkpoint."""
        return self.config, self.finetune, self.checkpoint, self.overrides

    @property
    def full_name(self) -> str:
        """The name, and the condition of the test."""
        return f'{self.name} @ {self.condition.name}' if self.condition else self.name

    @property
    def title(self) -> str:
        """The label, and the condition of the test."""
        return f'{self.label}, {self.condition.label}' if self.condition else self.label


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
        reference: Name of the row that the others are compared with; None for no comparison.
        contrasts: Comparisons of groups of rows.
        conditions: Conditions under which each row is tested; none for the test set as it is.
        groups: Groups of people that are compared separately, of ``person_groups.KINDS``.
        hypotheses: What was expected before the suite was first run.
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
    reference: str | None = None
    contrasts: tuple[Contrast, ...] = ()
    conditions: tuple[Condition, ...] = ()
    groups: tuple[str, ...] = ()
    hypotheses: tuple[str, ...] = ()

    def select(self, names: Sequence[str] | None) -> 'Suite':
        """Return the suite with some of its rows, and what can be compared between them.

        Args:
            names: Names of the rows, without conditions; None for all.

        Raises:
            ValueError: If there is no such row.
        """
        if names is None:
            return self
        _check_names(self, names)
        contrasts = tuple(c for c in self.contrasts if set(c.rows + c.without) <= set(names))
        rows = tuple(row for row in self.rows if row.name in names)
        return replace(self, rows=rows, contrasts=contrasts)

    @property
    def tested_rows(self) -> tuple[Row, ...]:
        """The rows of the table: each row under each condition."""
        if not self.conditions:
            return self.rows
        return tuple(row.under(condition) for condition in self.conditions for row in self.rows)


def load_suite(name: str) -> Suite:
    """Read a suite.

    Args:
        name: Name of a built-in suite, or the path of a YAML or Python file.

    Returns:
        The suite.

    Raises:
        FileNotFoundError: If there is no such suite, or if a file that it names is missing.
        ValueError: If two rows have the same name, or the same configs and overrides; if two conditions
            have the same name; if rows and conditions cannot be told apart by their labels; if the two sides
            of a contrast have different numbers of rows; or if a key, a column or a group is unknown.
    """
    path = find_data(SUITES, name)
    with name_errors(path, remedy='Correct it'):
        cfg = Config.fromfile(path)
    if missing := {'title', 'rows'} - set(cfg.keys()):
        raise ValueError(f'{path}: not a suite, {" and ".join(sorted(missing))} missing')
    known_keys = {option.name for option in fields(Suite)} - {'name'}
    check_keys(path, cfg.keys(), known_keys)
    rows = _read_all(Row, cfg.rows, path)
    conditions = _read_all(Condition, cfg.get('conditions', ()), path)
    for kind, entries in (('rows', rows), ('conditions', conditions)):
        for key in ('name', 'label'):
            if len({getattr(entry, key) for entry in entries}) < len(entries):
                raise ValueError(f'{path}: two {kind} have the same {key}')
    trainings = [row.training for row in rows if row.config]
    if any(training in trainings[:i] for i, training in enumerate(trainings)):
        raise ValueError(f'{path}: two rows have the same config')
    settings: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in cfg.items() if key in known_keys - {'rows'}
    }
    settings['contrasts'] = _read_all(Contrast, cfg.get('contrasts', ()), path)
    settings['conditions'] = conditions
    for contrast in settings['contrasts']:
        if not contrast.rows or len(contrast.rows) != len(contrast.without):
            raise ValueError(f'{path}: contrast {contrast.label} needs as many rows on both sides')
    for key, known in (('columns', EXTRA_COLUMNS), ('groups', KINDS)):
        if not set(chosen := settings.get(key, ())) <= set(known):
            raise ValueError(f'{path}: {key} are {", ".join(chosen)}, but there are {", ".join(known)}')
    for row in rows:
        try:
            for config in filter(None, (row.config, row.finetune)):
                find_config(config)
            if row.checkpoint:
                find_file(row.checkpoint)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{path}: row {row.name}: {error}') from error
    suite = Suite(name=path.stem, rows=rows, **settings)
    named = [*filter(None, [suite.reference]), *(n for c in suite.contrasts for n in c.rows + c.without)]
    try:
        _check_names(suite, named)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    return suite


def _read_all(kind: type[T], entries: Sequence[Mapping[str, Any]], path: Path) -> tuple[T, ...]:
    """Build a dataclass from each entry of a file."""
    try:
        return tuple(
            kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()})
            for entry in entries
        )
    except (AttributeError, TypeError) as error:
        raise ValueError(f'{path}: cannot read a {kind.__name__.lower()} ({error})') from error


def _check_names(suite: Suite, names: Sequence[str]) -> None:
    known = [row.name for row in suite.rows]
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f'suite {suite.name} has no rows {unknown}; it has {", ".join(known)}')
