"""Keypoints of the meshes in COCO's results format, which evaluation servers and pycocotools read."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmroi.apis.inference.results import FrameResult, person_arrays
from mmroi.fileio.atomic import atomic_write
from mmroi.structures import convert_keypoints

PERSON = 1  # COCO's category
_DECIMALS = 3


class CocoWriter:
    """Collects people and writes ``coco/keypoints.json`` and ``coco/images.json``.

    The first is a list of results with ``image_id``, ``category_id``, ``keypoints`` (17 times x, y, 1) and
    ``score``, the second lists all images with ``id``, ``file_name``, ``width`` and ``height``. Images whose
    names are numbers, as those of COCO, have these as ids; if one has another name all are counted from 1.

    Args:
        out_dir: Output folder of the run.
    """

    def __init__(self, out_dir: Path) -> None:
        self._folder = out_dir / 'coco'
        self._images: list[dict[str, Any]] = []
        self._results: list[dict[str, Any]] = []

    def add(self, result: FrameResult) -> None:
        """Add the people of a frame.

        Args:
            result: Result for the frame.
        """
        frame = result.frame
        height, width = frame.image.shape[:2]
        name = frame.name if frame.video or not Path(frame.source).suffix else Path(frame.source).name
        self._images.append(dict(id=len(self._images) + 1, file_name=name, width=width, height=height))
        for sample in result.samples:
            pixels, _ = convert_keypoints(person_arrays(sample)['joints2d'], 'smpl_54', 'coco')
            keypoints = np.pad(pixels.astype(np.float64), ((0, 0), (0, 1)), constant_values=1)
            self._results.append(
                dict(
                    image_id=len(self._images),
                    category_id=PERSON,
                    keypoints=keypoints.round(_DECIMALS).reshape(-1).tolist(),
                    score=round(float(sample.bbox_score), _DECIMALS),
                )
            )

    def close(self) -> None:
        """Write the files, if there was a frame."""
        if not self._images:
            return
        stems = [Path(image['file_name']).stem for image in self._images]
        if all(stem.isascii() and stem.isdigit() for stem in stems) and len(set(map(int, stems))) == len(
            stems
        ):
            for image, stem in zip(self._images, stems, strict=True):
                image['id'] = int(stem)
            for result in self._results:
                result['image_id'] = self._images[result['image_id'] - 1]['id']
        self._write('keypoints', self._results)
        self._write('images', dict(images=self._images))

    def _write(self, name: str, content: Any) -> None:
        with atomic_write(self._folder / f'{name}.json') as temporary:
            temporary.write_text(json.dumps(content, ensure_ascii=False), encoding='utf-8')
