"""Print PCK per joint, and write the results of every person as JSON or CSV."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.evaluation.keypoint_accuracy import KeypointAccuracy, PersonKeypoints
from mmroi.fileio.atomic import atomic_write
from mmroi.structures import SMPL_54
from mmroi.utils.choices import REPORT_SUFFIXES


def format_accuracy(accuracy: KeypointAccuracy) -> str:
    """Format PCK per joint and over all joints as a table.

    Args:
        accuracy: The people.

    Returns:
        Lines of text; percentages, intervals in brackets.
    """
    summary, table = accuracy.summary(), accuracy.per_joint()
    lines = [f'{"":16}{"joints":>7}' + ''.join(f'{column:>10}{"":15}' for column in table.columns[2:])]
    for name, count, *values in table.rows:
        lines.append(f'{name:16}{count:7d}' + ''.join(f'{value:10.1f}{"":15}' for value in values))
    for key, title in dict(all='all people', found='people found', mean_pose='mean pose').items():
        if key == 'found' and summary['found'] == summary['people']:
            continue
        people = accuracy.people if key == 'all' else accuracy.found
        cells = [
            f'{row["PCK"]:10.1f} ' + '[{:.1f}, {:.1f}]'.format(*row['interval'])
            for row in summary['PCK'].get(key, ())
        ]
        joints = int(sum((person.annotated[:, 2] > 0).sum() for person in people))
        lines.append(f'{title:16}{joints:7d}' + ''.join(f'{cell:25}' for cell in cells))
    lines.append(f'{summary["found"]} of {summary["people"]} people found in {summary["images"]} images')
    return '\n'.join(line.rstrip() for line in lines)


def save_people(accuracy: KeypointAccuracy, path: str | Path, extra: Mapping[str, Any]) -> None:
    """Write the results of every person.

    Args:
        accuracy: The people.
        path: ``.csv``: one row per person. ``.json``: also the summary, PCK per joint, and the pixels and
            error of each annotated joint.
        extra: Further entries of the JSON file, such as the model's name.

    Raises:
        ValueError: If the suffix is another.
    """
    path = Path(path)
    if path.suffix not in REPORT_SUFFIXES:
        raise ValueError(f'{path}: results are written as {" or ".join(REPORT_SUFFIXES)}')
    with atomic_write(path) as temporary, temporary.open('w', newline='', encoding='utf-8') as file:
        rows = [_row(person, accuracy.thresholds) for person in accuracy.people]
        if path.suffix == '.csv':
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            return
        table = accuracy.per_joint()
        content = dict(
            extra,
            summary=accuracy.summary(),
            per_joint=[dict(zip(table.columns, line, strict=True)) for line in table.rows],
            people=[
                dict(row, joints=_joints(person)) for row, person in zip(rows, accuracy.people, strict=True)
            ],
        )
        json.dump(content, file, indent=1)


def _row(person: PersonKeypoints, thresholds: Sequence[float]) -> dict[str, Any]:
    """Return the results of a person as JSON types."""
    mean_error = person.mean_error
    return dict(
        image=person.image,
        annotation_id=person.annotation_id,
        **dict(zip(('x1', 'y1', 'x2', 'y2'), person.bbox.tolist(), strict=True)),
        found=person.found,
        score=person.score,
        annotations=int((person.annotated[:, 2] > 0).sum()),
        mean_error=mean_error if math.isfinite(mean_error) else None,
        **{f'PCK@{threshold:g}': person.pck(threshold) for threshold in thresholds},
    )


def _joints(person: PersonKeypoints) -> dict[str, Any]:
    return {
        SMPL_54[joint]: dict(
            annotated=person.annotated[joint, :2].tolist(),
            predicted=None if person.predicted is None else person.predicted[joint].tolist(),
            error=None if person.predicted is None else float(person.errors[joint]),
        )
        for joint in np.flatnonzero(person.annotated[:, 2]).tolist()
    }
