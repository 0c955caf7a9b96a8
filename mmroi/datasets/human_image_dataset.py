"""The dataset of HumanData files."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.dataset.base_dataset import force_full_init
from mmengine.logging import print_log

from mmroi.datasets.boxes import find_square
from mmroi.datasets.derived_keypoints import DerivedKeypoints
from mmroi.datasets.image_checks import find_image_faults
from mmroi.datasets.missing_annotations import describe_missing
from mmroi.datasets.person_rows import PersonRows
from mmroi.datasets.row_checks import (
    UNIT_FAULTS,
    BadSampleError,
    fault_code,
    fault_reason,
    find_wrong_units,
)
from mmroi.fileio.human_data import HumanData
from mmroi.registry import DATASETS

_MANY = 10  # square boxes: fewer may all be square by chance

_CHUNK = 8192
_LOOKED_AT = 32  # rows whose derived keypoints are compared with the box


@DATASETS.register_module()
class HumanImageDataset(BaseDataset):
    """People in images, one row of a HumanData file each, whatever the file's keypoint convention.

    A sample before the pipeline has ``img_path``, ``bbox_xywh`` (4,), ``bbox_score``, ``keypoints2d`` (54, 3)
    image pixels and confidence, ``keypoints3d`` (54, 4) camera frame in meters and confidence,
    ``global_orient`` (3,), ``body_pose`` (23, 3), ``betas`` (10,), ``pelvis`` (3,) position of SMPL's root
    joint in the camera frame, ``focal_length``, a float, or (2,) fx, fy, where they differ, and
    ``principal_point`` (2,), either None where unknown (forms of files: ``read_cameras``), ``gender``, the
    flags ``has_smpl``, ``has_keypoints2d``, ``has_keypoints3d``, ``has_transl``, ``dataset_name``, ``row``
    (of the file) and ``sample_idx``. Labels that the file lacks are zero and their flag False. Labels are
    checked once when the dataset is made.

    Args:
        ann_file: HumanData npz, relative to ``data_root`` unless absolute.
        data_root: Folder of the data.
        data_prefix: ``img_path``: folder, relative to ``data_root``, that the file's image paths start from.
        pipeline: Transforms.
        dataset_name: Name in logs and per-dataset tables; the file's name by default.
        skip_bad: Leave out and count rows that cannot be used, instead of stopping at the first. In training,
            images are found bad as they are read, and another sample takes the place; in ``test_mode`` all
            images are looked at beforehand, since no sample may stand in for another. Rows that repeat the
            image and the box of an earlier one are left out, too; without ``skip_bad`` they are only
            reported, because such a row can be used.
        crop_boxes: Boxes of the file are crops, published by center and scale (SPIN, EFT, CLIFF): square
            ones, as MMHuman3D's converters write them, are read as the 3:4 boxes of the same height that ours
            write. By default they stay as they are, with a warning where all boxes of a file are square;
            False takes the warning away.
        body_model: Config of the body, such as ``dict(type='SMPL', model_path='data/body_models/smpl')``.
            Rows that have SMPL's pose, shape and translation, but no 3D keypoints at all, get those of the
            body, and where the camera is known 2D keypoints likewise; the same body gives the root's position
            where no keypoint has it. Labels are posed with the body of their gender where the folder has it.
            It is built only if a row needs it. None: nothing is derived.
        serialize_data: Pickle every row, as other datasets of MMEngine do. Not needed: rows are made on
            demand from arrays that all workers share.
        **kwargs: ``metainfo``, ``indices``, ``test_mode``, ``lazy_init``, ``max_refetch`` of ``BaseDataset``.

    Raises:
        BadSampleError: A row is bad and ``skip_bad`` is False; names the file, the row and the remedy.
        FileNotFoundError: The file is not there; names the command that makes it. Or the body's file is not.
        KeyError: The file lacks a key that is needed.
        ValueError: The file is damaged, a key has the wrong shape, most rows are in wrong units, or derived
            keypoints lie outside the boxes.
    """

    METAINFO = dict(convention='smpl_54')

    def __init__(
        self,
        ann_file: str,
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        dataset_name: str | None = None,
        skip_bad: bool = False,
        crop_boxes: bool | None = None,
        body_model: dict | None = None,
        serialize_data: bool = False,
        **kwargs: Any,
    ) -> None:
        self.dataset_name = dataset_name or Path(ann_file).stem
        self.skip_bad = skip_bad
        self.crop_boxes = crop_boxes
        self.body_model = body_model
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path=''),
            pipeline=list(pipeline),
            serialize_data=serialize_data,
            **kwargs,
        )

    def load_data_list(self) -> PersonRows:
        """Open the file.

        Returns:
            PersonRows: All rows.
        """
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(describe_missing(self.ann_file, self.dataset_name))
        derived = None if self.body_model is None else DerivedKeypoints(self.body_model)
        rows = PersonRows(
            HumanData.fromfile(self.ann_file), self.dataset_name, derived, bool(self.crop_boxes)
        )
        self._report_square_boxes(rows.columns.bbox)
        # One byte per row of the file, shared with loader workers: 0, or 1 + the index of the fault in
        # REASONS.
        self._faults = torch.zeros(len(rows), dtype=torch.uint8).share_memory_()
        return rows

    def filter_data(self) -> PersonRows:
        """Find bad boxes and labels, in test mode also bad images; leave them out or stop.

        Returns:
            PersonRows: The good rows.
        """
        rows = self.data_list
        faults = rows.find_faults()
        self._refuse_wrong_units(faults)
        if faults.any() and not self.skip_bad:
            first = int(np.flatnonzero(faults)[0])
            reason = fault_reason(faults[first])
            others = np.count_nonzero(faults) - 1
            row = int(rows.indices[first])
            camera = rows.columns.cameras.describe_fault(row)
            raise BadSampleError(
                reason,
                f'row {row} of {self.ann_file}, and {others} more bad rows{camera}. '
                'Correct the file, or set skip_bad=True to leave them out',
            )
        duplicates = rows.find_duplicates() & (faults == 0)
        if self.skip_bad:
            faults[duplicates] = fault_code('duplicated row')
        elif duplicates.any():
            number, first = np.count_nonzero(duplicates), rows.indices[np.flatnonzero(duplicates)[0]]
            print_log(
                f'{self.ann_file}: {number} duplicated rows (image and box of an earlier row), the '
                f'first is row {first}. skip_bad=True leaves them out',
                'current',
                logging.WARNING,
            )
        if self.skip_bad and self.test_mode:
            good = np.flatnonzero(faults == 0)
            indices, columns = rows.indices[good], rows.columns
            paths = [self._image_path(str(columns.image_path[row])) for row in indices]
            faults[good] = find_image_faults(paths, np.asarray(columns.bbox[indices])[:, :4])
        self._faults[torch.from_numpy(rows.indices)] = torch.from_numpy(faults)
        if faults.any():
            print_log(
                f'{self.ann_file}: skipped {np.count_nonzero(faults)} of {len(rows)} rows: {self.skipped}',
                logger='current',
                level=logging.WARNING,
            )
        good = np.flatnonzero(faults == 0)
        if not len(good):
            raise ValueError(f'{self.ann_file}: no row can be used; skipped {self.skipped}')
        rows = rows[good]
        if rows.derived is not None:
            self._prepare_derived(rows, rows.derived)
        return rows

    def _prepare_derived(self, rows: PersonRows, derived: DerivedKeypoints) -> None:
        """Build the bodies that rows need, and look whether keypoints derived from them meet the boxes."""
        if rows.columns.lacks_transl:
            print_log(
                f'{self.ann_file}: no keypoints are derived from its SMPL parameters, because it has '
                "no smpl['transl']",
                'current',
                logging.WARNING,
            )
        needed = rows.find_derived()
        if not needed.any():
            return
        gender = rows.columns.gender
        found = np.unique(gender[rows.indices[needed.any(1)]]) if gender is not None else ('neutral',)
        derived.build(map(str, found), self.ann_file)
        of_2d, of_3d, of_root = needed.sum(0).tolist()
        print_log(
            f'{self.ann_file}: derived from SMPL in {len(rows)} rows: 2D keypoints of {of_2d}, 3D '
            f'keypoints of {of_3d}, the position of the root of {of_root}',
            'current',
        )
        looked_at = np.flatnonzero(needed[:, 0])
        looked_at = looked_at[:: max(1, len(looked_at) // _LOOKED_AT)]
        outside = [int(i) for i in looked_at if not rows[int(i)]['has_keypoints2d']]
        if 2 * len(outside) > len(looked_at):
            raise ValueError(
                f'{self.ann_file}: 2D keypoints derived from SMPL lie outside the box in '
                f'{len(outside)} of {len(looked_at)} rows looked at, the first is row '
                f"{rows.indices[outside[0]]}: smpl['transl'] is not in the frame of the camera, "
                'or the camera is not that of the image. Convert the dataset again, or set '
                'body_model=None to derive nothing'
            )

    def _report_square_boxes(self, boxes: np.ndarray) -> None:
        """Warn of squares that make 3:4 crops larger than those of other sets."""
        if self.crop_boxes is None and len(boxes) >= _MANY and find_square(boxes).all():
            print_log(
                f'{self.ann_file}: all {len(boxes)} boxes are square, as MMHuman3D writes the crops of '
                'SPIN, EFT and CLIFF; crops of aspect 3:4 made from them are a third larger than from '
                "the files of convert.py. crop_boxes=True in the data set's config reads them as the "
                '3:4 boxes of the same height, crop_boxes=False keeps them',
                'current',
                logging.WARNING,
            )

    def _refuse_wrong_units(self, faults: np.ndarray) -> None:
        """Stop where most rows are in wrong units: not the rows are bad then, but the file."""
        wrong_units = find_wrong_units(faults)
        if wrong_units is not None:
            reason, found = wrong_units
            raise ValueError(
                f'{self.ann_file}: {reason} in {len(found)} of {len(faults)} rows, the first is row '
                f'{self.data_list.indices[found[0]]}: {UNIT_FAULTS[reason]}. Convert the dataset again'
            )

    @property
    def skipped(self) -> dict[str, int]:
        """Number of rows left out so far, by reason, over all workers of this process's loader."""
        counts = Counter(self._faults[self._faults > 0].tolist())
        return {fault_reason(fault): number for fault, number in sorted(counts.items())}

    @force_full_init
    def label_confidences(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Which labels the people of the dataset have, in pieces; rows found bad so far are left out.

        Nothing is derived from the body for it: what would be counts with confidence 1.

        Yields:
            tuple: Of R people, confidences of 2D and of 3D keypoints, (R, 54) float32 each in smpl_54, and
                has_smpl, (R,) bool.
        """
        if not self.serialize_data:
            rows = self.data_list
            yield from rows[self._faults.numpy()[rows.indices] == 0].label_confidences()
            return
        for start in range(0, len(self), _CHUNK):
            people = [self.get_data_info(i) for i in range(start, min(start + _CHUNK, len(self)))]
            good = [info for info in people if not self._faults[info['row']]]
            if good:
                yield (
                    np.stack([info['keypoints2d'][:, 2] for info in good]),
                    np.stack([info['keypoints3d'][:, 3] for info in good]),
                    np.array([info['has_smpl'] for info in good]),
                )

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """One row with the full path of its image.

        Args:
            idx: Index into the dataset.

        Returns:
            dict: The sample before the pipeline.
        """
        info = super().get_data_info(idx) if self.serialize_data else self.data_list[idx]
        info['sample_idx'] = idx if idx >= 0 else len(self) + idx
        info['img_path'] = self._image_path(info['img_path'])
        return info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline.

        Args:
            idx: Index into the dataset.

        Returns:
            Any: The pipeline's result; None for a bad sample that may be skipped.

        Raises:
            BadSampleError: The sample is bad and may not be skipped; names the file and the row.
        """
        info = self.get_data_info(idx)
        row = info['row']
        if self._faults[row]:
            return None
        try:
            return self.pipeline(info)
        except BadSampleError as error:
            if not self.skip_bad or self.test_mode:
                remedy = '' if self.skip_bad else '. skip_bad=True leaves such rows out'
                raise BadSampleError(
                    error.reason, f'row {row} of {self.ann_file}: {error.detail}{remedy}'
                ) from None
            self._faults[row] = fault_code(error.reason)
            print_log(f'skipped row {row} of {self.ann_file}: {error}', 'current', logging.WARNING)
            return None

    def _image_path(self, path: str) -> str:
        return os.path.join(self.data_prefix.get('img_path', ''), path)

    def _copy_without_annotation(self, memo: dict | None = None) -> 'HumanImageDataset':
        # mmengine 0.10.7 keeps one memo for all calls as a default argument, and so returns objects of
        # datasets long gone whose ids are in use again.
        return super()._copy_without_annotation({} if memo is None else memo)

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> PersonRows:
        if isinstance(indices, int):
            return self.data_list[:indices] if indices >= 0 else self.data_list[indices:]
        return self.data_list[np.asarray(indices, dtype=np.int64)]
