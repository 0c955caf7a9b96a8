"""Run a converter in several processes, check its rows and write the annotation file.

Finished units are kept in ``.<name>.parts`` beside the output until it is written, so an interrupted run can
be resumed. Each is converted again if it cannot be read, or a file that it was made from has changed.
"""

import hashlib
import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from mmroi.datasets.converters.base import Converter, Rows, Unit, check_shapes
from mmroi.datasets.converters.input_files import recorded_inputs, stamps
from mmroi.datasets.image_checks import find_image_faults
from mmroi.datasets.row_checks import (
    SMPL_KEYS,
    UNIT_FAULTS,
    BadSampleError,
    fault_code,
    fault_reason,
    find_duplicates,
    find_faults,
    find_wrong_units,
)
from mmroi.fileio.atomic import atomic_write
from mmroi.fileio.file_access import leads_out
from mmroi.fileio.human_data import HumanData
from mmroi.fileio.locking import reserve
from mmroi.fileio.named_errors import name_errors
from mmroi.fileio.npz_io import LazyNpz, write_npz
from mmroi.fileio.output_folders import check_folder
from mmroi.fileio.processes import run_in_processes
from mmroi.structures import get_convention
from mmroi.structures.keypoint_names import HUMAN_DATA_190
from mmroi.utils import ProgressBar
from mmroi.utils.installation import find_page

_VERSION = 3  # increase it if the same download gives different rows
_COUNTS, _INPUTS = '__counts__', '__inputs__'


@dataclass
class Summary:
    """Summary of a converted split.

    Attributes:
        path: The annotation file.
        rows: Number of people.
        images: Number of images.
        left_out: Number of people that the protocol of the dataset excludes, by reason.
        skipped: Number of bad rows, by reason.
        seconds: Duration of this run.
    """

    path: Path
    rows: int = 0
    images: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [f'{self.path}: {self.rows} people in {self.images} images ({self.seconds:.0f} s)']
        for title, counts in (('left out by the protocol', self.left_out), ('skipped as bad', self.skipped)):
            lines += [f'  {title}: {number} ({reason})' for reason, number in sorted(counts.items())]
        return '\n'.join(lines)


def convert_split(
    converter: Converter,
    split: str,
    out: str | Path,
    workers: int = 1,
    skip_bad: bool = False,
    check_images: bool = True,
    progress: bool = True,
) -> Summary:
    """Convert one split of a dataset into a HumanData file.

    Args:
        converter: Converter of the download.
        split: One of its ``splits``.
        out: Folder of the annotation file. An existing file is replaced.
        workers: Number of processes.
        skip_bad: Skip and count bad rows instead of stopping at the first one.
        check_images: Check that images can be read and contain the boxes.
        progress: Show a progress bar.

    Returns:
        Counts of rows.

    Raises:
        BadSampleError: A row is bad and ``skip_bad`` is False.
        FileNotFoundError: The folder or a file of the download is missing.
        RuntimeError: Another process is converting into the same file.
        ValueError: The split is unknown, a file is damaged or in wrong units, or no row is left.
        WriteError: Nothing can be written into ``out``.
    """
    if split not in converter.splits:
        raise ValueError(f'{converter.name} has no split {split!r}; it has {", ".join(converter.splits)}')
    if not converter.root.is_dir():
        raise FileNotFoundError(
            f'{converter.root}: no such folder. {find_page("data.md")} shows where to download '
            f'{converter.name} and the expected folders; correct --root'
        )
    check_folder(out, '--out')
    start = time.monotonic()
    summary = Summary(Path(out) / f'{converter.output_name(split)}.npz')
    busy = f'{summary.path}: another process is converting it; wait for it, or choose another folder (--out)'
    with reserve(summary.path.with_name(f'.{summary.path.stem}.lock'), busy):
        job = _Job(
            converter, split, summary.path.with_name(f'.{summary.path.stem}.parts'), skip_bad, check_images
        )
        _convert(job, summary, workers, progress)
    summary.seconds = time.monotonic() - start
    return summary


def _convert(job: '_Job', summary: Summary, workers: int, progress: bool) -> None:
    """Convert what is missing of a split and write its file."""
    converter, split = job.converter, job.split
    with recorded_inputs() as inputs, name_errors(converter.root, f'{converter.name} {split}'):
        units = list(converter.units(split))
    _open_work_folder(job, units, inputs)
    todo = [i for i, unit in enumerate(units) if not job.is_done(i, unit)]
    with (
        ProgressBar(
            len(units), summary.path.stem, completed=len(units) - len(todo), disable=not progress
        ) as bar,
        closing(_run(job, units, todo, workers if converter.parallel else 1)) as converted,
    ):
        for _ in converted:
            bar.advance()
    rows = _join([job.path(i) for i in range(len(units))], summary)
    _drop_duplicates(rows, summary, job.skip_bad)
    if not len(rows.get('image_path', ())):
        raise ValueError(
            f'{summary.path}: no row is left; left out {dict(summary.left_out)}, skipped '
            f'{dict(summary.skipped)}'
        )
    summary.rows, summary.images = len(rows['image_path']), len(np.unique(rows['image_path']))
    to_human_data(rows, converter, split).dump(summary.path)
    shutil.rmtree(job.folder, ignore_errors=True)


def to_human_data(rows: Rows, converter: Converter, split: str) -> HumanData:
    """Turn rows into HumanData with compressed keypoints of MMHuman3D's ``human_data`` convention.

    Args:
        rows: Arrays as described in ``base``.
        converter: Names the conventions of the keypoints.
        split: One of its splits.

    Returns:
        The content of the annotation file.
    """
    rows = dict(rows)
    human_data = HumanData(dict(config=converter.name, image_path=rows.pop('image_path').tolist()))
    human_data['bbox_xywh'] = _with_confidence(rows.pop('bbox_xywh'))
    for key, convention in zip(('keypoints2d', 'keypoints3d'), converter.conventions(split), strict=True):
        if key in rows:
            names = get_convention(str(convention))
            order = [names.index(name) for name in HUMAN_DATA_190 if name in names]
            human_data[key] = rows.pop(key)[:, order]
            human_data[f'{key}_mask'] = np.isin(HUMAN_DATA_190, names).astype(np.uint8)
            human_data[f'{key}_convention'] = 'human_data'
    human_data.keypoints_compressed = True
    smpl = {key: rows.pop(key) for key in SMPL_KEYS if key in rows}
    if smpl:
        human_data['smpl'] = smpl
        human_data['has_smpl'] = rows.pop('has_smpl', np.ones(human_data.data_len)).astype(np.uint8)
    meta = {key: rows.pop(key).tolist() for key in ('gender', 'action') if key in rows}
    if meta:
        human_data['meta'] = meta
    if rows:
        human_data['misc'] = rows
    return human_data


@dataclass(frozen=True)
class _Job:
    """What a worker process needs to convert a unit."""

    converter: Converter
    split: str
    folder: Path
    skip_bad: bool
    check_images: bool

    def path(self, index: int) -> Path:
        return self.folder / f'{index:06d}.npz'

    def is_done(self, index: int, unit: Unit) -> bool:
        """Return whether a unit is stored, can be read, and was made from the files as they are now."""
        path = self.path(index)
        if not path.exists():
            return False
        try:
            before = json.loads(_read_part(path)[_INPUTS].item())
            changed = [name for name, stamp in stamps(before).items() if stamp != before[name]]
        except Exception as error:  # damaged bytes raise almost anything
            reason = f'its finished rows are damaged ({error})'
        else:
            if not changed:
                return True
            reason = f'{changed[0]} has changed since'
        name = f'{self.converter.name} {self.split}, {unit.name}'
        print_log(f'{name} is converted again: {reason}', 'current', logging.WARNING)
        return False

    def do(self, index: int, unit: Unit) -> int:
        """Convert, check and store one unit."""
        with recorded_inputs() as inputs:
            content = self._read(unit)
        content[_INPUTS] = np.array(json.dumps(stamps(inputs)))
        write_npz(self.path(index), content)
        return index

    def _read(self, unit: Unit) -> Rows:
        """Convert and check one unit."""
        converter = self.converter
        source = f'{converter.name} {self.split}, {unit.name}'
        with name_errors(converter.root, source):
            rows, left_out = converter.read(self.split, unit)
        convention2d, convention3d = converter.conventions(self.split)
        check_shapes(rows, (_num_joints(convention2d), _num_joints(convention3d)), source)
        for key in rows.keys() & {'keypoints2d', 'keypoints3d'}:  # 2 in COCO: labeled and visible
            rows[key] = np.array(rows[key])
            rows[key][..., -1] = np.minimum(rows[key][..., -1], 1)
        faults = find_faults(rows)
        _refuse_wrong_units(faults, source)
        outside = np.array([leads_out(str(path)) for path in rows['image_path']], bool)
        faults[outside] = fault_code('image outside its folder')
        good = faults == 0
        if self.check_images:
            paths = [str(converter.root / path) for path in rows['image_path'][good].tolist()]
            faults[good] = find_image_faults(paths, rows['bbox_xywh'][good])
            good = faults == 0
        if not self.skip_bad:
            _refuse_bad_rows(faults, rows, source)
        counts = [dict(left_out), dict(Counter(map(fault_reason, faults[~good].tolist())))]
        kept = {key: _small(values[good]) for key, values in rows.items()}
        return {_COUNTS: np.array(json.dumps(counts)), **kept}


def _num_joints(convention: str | None) -> int | None:
    return None if convention is None else len(get_convention(convention))


def _small(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32) if values.dtype == np.float64 else values


def _run(job: _Job, units: Sequence[Unit], todo: list[int], workers: int) -> Generator[int, None, None]:
    """Convert units and yield the index of each finished one."""
    workers = min(workers, len(todo))
    if workers <= 1:
        yield from (job.do(i, units[i]) for i in todo)
        return
    yield from run_in_processes(job.do, [(i, units[i]) for i in todo], workers)


def _open_work_folder(job: _Job, units: Sequence[Unit], inputs: set[str]) -> None:
    """Make the folder of finished units, or empty it if they were made with other settings."""
    converter, options = job.converter, (job.skip_bad, job.check_images)
    settings = [
        _VERSION,
        converter.name,
        str(converter.root),
        converter.settings(),
        job.split,
        units,
        options,
    ]
    described = json.dumps([settings, stamps(inputs)], default=str)
    fingerprint = hashlib.sha256(described.encode()).hexdigest()
    note = job.folder / 'fingerprint'
    if not (note.is_file() and note.read_text(errors='replace') == fingerprint):
        if job.folder.is_dir():
            shutil.rmtree(job.folder)
        with atomic_write(note) as temporary:
            temporary.write_text(fingerprint)


def _read_part(path: Path) -> Rows:
    npz = LazyNpz(path)
    return {key: np.array(npz.read(key)) for key in npz.keys()}  # not mapped: there may be thousands of files


def _join(paths: list[Path], summary: Summary) -> Rows:
    parts: list[Rows] = []
    for path in paths:
        part = _read_part(path)
        del part[_INPUTS]
        left_out, skipped = json.loads(part.pop(_COUNTS).item())
        summary.left_out.update(left_out)
        summary.skipped.update(skipped)
        if len(part['image_path']):
            parts.append(part)
    keys = {frozenset(part) for part in parts}
    if len(keys) > 1:
        differing = sorted(frozenset.union(*keys) - frozenset.intersection(*keys))
        raise ValueError(f'{summary.path}: only some units have {differing}, expected all or none')
    return {key: np.concatenate([part[key] for part in parts]) for key in (parts[0] if parts else {})}


def _drop_duplicates(rows: Rows, summary: Summary, skip_bad: bool) -> None:
    if not rows:
        return
    duplicate = find_duplicates(rows['bbox_xywh'], lambda i: str(rows['image_path'][i]))
    if not skip_bad:
        _refuse_bad_rows(duplicate * fault_code('duplicated row'), rows, str(summary.path))
    if duplicate.any():
        summary.skipped['duplicated row'] += int(duplicate.sum())
        rows.update({key: values[~duplicate] for key, values in rows.items()})


def _refuse_wrong_units(faults: np.ndarray, source: str) -> None:
    wrong_units = find_wrong_units(faults)
    if wrong_units is not None:
        raise ValueError(
            f'{source}: {wrong_units[0]} in most rows; {UNIT_FAULTS[wrong_units[0]]}. Get the file that '
            f'{find_page("data.md")} names, or convert this one to the right unit'
        )


def _refuse_bad_rows(faults: np.ndarray, rows: Rows, source: str) -> None:
    bad = np.flatnonzero(faults)
    if len(bad):
        row = bad[0]
        bbox = np.round(rows['bbox_xywh'][row], 1).tolist()
        raise BadSampleError(
            fault_reason(faults[row]),
            f'row {row} of {source}, image {rows["image_path"][row]}, bbox_xywh {bbox}; {len(bad) - 1} more '
            'bad rows there. Correct the download, or skip and count such rows with --skip-bad',
        )


def _with_confidence(bbox: np.ndarray) -> np.ndarray:
    return np.concatenate([bbox, np.ones_like(bbox[:, :1])], 1)
