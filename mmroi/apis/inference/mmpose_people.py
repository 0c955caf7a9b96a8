"""People in the files that MMPose's inferencer writes, one JSON for each image or video."""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.given_people import check_boxes, inside, select_boxes
from mmroi.apis.inference.people import People
from mmroi.structures import COCO_17, convert_keypoints

_WHOLE_BODY = 133  # COCO-WholeBody begins with COCO's 17


class MMPosePeople:
    """Boxes and keypoints that MMPose found, in COCO's or COCO-WholeBody's order.

    Files are found by the name of the image or video without its suffix.

    Args:
        folder: Folder of the files.
        score_thr: Lowest score of a box; None keeps all.

    Raises:
        BadInputError: If the folder does not exist or has no JSON file; when frames are looked up, if a file
            has other content or keypoints of another convention.
    """

    def __init__(self, folder: str | Path, score_thr: float | None = None) -> None:
        self._folder, self._score_thr = Path(folder).expanduser(), score_thr
        if not any(self._folder.glob('*.json')):
            raise BadInputError(
                f'keypoints {folder} has no JSON files; give the folder predictions of MMPose'
            )

    def __call__(self, frames: Sequence[Frame]) -> list[People]:
        """Look up the people of the frames.

        Args:
            frames: The frames.

        Returns:
            One item per frame.
        """
        return [self._look_up(frame) for frame in frames]

    def _look_up(self, frame: Frame) -> People:
        path = self._folder / f'{Path(frame.source).stem}.json'
        if not path.is_file():
            return People.nobody(
                BadInput(frame.source, f'has no file {path}; run MMPose on it or remove the image')
            )
        content = _read(path, path.stat().st_mtime_ns)
        if content and 'instances' in content[0]:  # a video; MMPose counts frames from 0
            content = next((f['instances'] for f in content if f['frame_id'] == frame.index), [])
        people = [_read_person(entry, str(path)) for entry in content]
        if not people:
            return People.nobody()
        boxes = check_boxes(np.stack([box for box, _ in people]), str(path))
        kept = select_boxes(boxes, self._score_thr)
        return inside(boxes[kept], frame, np.stack([keypoints for _, keypoints in people])[kept])


@lru_cache(maxsize=2)  # a video asks for the same file for each frame
def _read(path: Path, _modified: int) -> list[dict[str, Any]]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise BadInputError(f'keypoints {path} was not written by MMPose; give a file of its pred_out_dir')
    return content


def _read_person(entry: dict[str, Any], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Box with score (5,), and keypoints (54, 3)."""
    try:
        points = np.array(entry['keypoints'], np.float64)[:, :2]
        scores = np.array(entry['keypoint_scores'], np.float64)
        box = np.array(entry['bbox'], np.float64).reshape(4)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(f'keypoints {where} lacks keypoints, keypoint_scores or bbox ({error})') from None
    if len(points) not in (len(COCO_17), _WHOLE_BODY) or len(scores) != len(points):
        raise BadInputError(
            f"keypoints {where} has {len(points)} keypoints, and {len(COCO_17)} in COCO's order or "
            f'{_WHOLE_BODY} in that of COCO-WholeBody are expected; run MMPose with a body model of COCO'
        )
    coco = np.column_stack([points, scores])[: len(COCO_17)]
    keypoints, _ = convert_keypoints(coco, 'coco', 'smpl_54')
    return np.append(box, float(entry.get('bbox_score', 1))), keypoints
