"""Dataset that reads HumanData files."""

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

from mmroi.datasets.boxes import MARGIN, find_square
from mmroi.datasets.derived_keypoints import DerivedKeypoints
from mmroi.datasets.focal_lengths import TO_PIXELS, question_focal_lengths
from mmroi.datasets.image_checks import check_folder, find_image_faults
from mmroi.datasets.missing_annotations import describe_missing
from mmroi.datasets.person_rows import PersonRows
from mmroi.datasets.row_checks import (
    UNIT_FAULTS,
    BadSampleError,
    fault_code,
    fault_reason,
    find_wrong_units,
)
from mmroi.datasets.seeded_samples import SeededBatches
from mmroi.fileio.file_access import ImageFolders
from mmroi.fileio.human_data import HumanData
from mmroi.fileio.image_archives import open_archive, split_archive
from mmroi.fileio.named_errors import name_errors
from mmroi.registry import DATASETS

_MIN_SQUARES = 10  # fewer boxes may all be square by chance
_NUM_INSPECTED = 32  # rows whose derived keypoints are compared with the box
_NUM_QUESTIONED = 1000  # rows whose focal lengths are compared with the box


@DATASETS.register_module()
class HumanImageDataset(SeededBatches, BaseDataset):
    """People in images, one per row of a HumanData file.

    Keypoints of any convention are mapped to ``smpl_54``. Labels are checked once, when the dataset is built.
    A sample before the pipeline has these keys; labels that the file lacks are zero and their flag is False:

    ===============================  ========  ===========================================================
    key                              shape     meaning
    ===============================  ========  ===========================================================
    ``img_path``                               full path of the image
    ``bbox_xywh``                    (4,)      pixels
    ``bbox_score``                             confidence of the box
    ``keypoints2d``                  (54, 3)   pixels, confidence
    ``keypoints3d``                  (54, 4)   meters in the camera frame, confidence
    ``global_orient``                (3,)      axis-angle
    ``body_pose``                    (23, 3)   axis-angle
    ``betas``                        (10,)
    ``pelvis``                       (3,)      SMPL's root joint, meters in the camera frame
    ``focal_length``                           pixels; a float, (2,) if fx and fy differ, None if unknown
    ``principal_point``              (2,)      pixels; None if unknown
    ``gender``, ``action``                     strings
    ``has_smpl``, ``has_transl``               flags, also ``has_keypoints2d`` and ``has_keypoints3d``
    ``dataset_name``                           name in per-dataset tables
    ``row``, ``sample_idx``                    index in the file and in the dataset
    ===============================  ========  ===========================================================

    Args:
        ann_file: HumanData npz, relative to ``data_root`` unless absolute.
        data_root: Folder of the data.
        data_prefix: ``img_path``: folder, relative to ``data_root``, that the file's image paths start from;
            or a tar archive of this folder, such as ``coco.tar``, or of its shards,
            ``coco-{00000..00012}.tar``, see ``tools/dataset_tools/pack_images.py``.
        pipeline: Transforms.
        dataset_name: Name in logs and per-dataset tables; by default that of the file.
        skip_bad: Skip and count unusable rows instead of stopping at the first one. In training, bad images
            are noticed as they are read, and another sample takes their place. In ``test_mode`` all images
            are checked beforehand, since no sample may replace another. Rows that repeat the image and the
            box of an earlier row are skipped as well; without ``skip_bad`` they are only reported.
        crop_boxes: The boxes are crops published by center and scale (SPIN, EFT, CLIFF). Square ones, as
            MMHuman3D's converters write them, are read as the 3:4 boxes of the same height that our
            converters write. By default boxes are kept, with a warning if all of them are square; False
            silences the warning.
        box_margin: Enlargement that the boxes already have: 1.0 for tight boxes, 1.2 for those of MMHuman3D
            and ``convert.py``. ``GetPersonBox`` takes it from the sample. Default: 1.2 with ``crop_boxes``,
            else 1.0.
        body_model: Config of the body, such as ``dict(type='SMPL', model_path='data/body_models/smpl')``. It
            computes 3D keypoints for rows that have SMPL's pose, shape and translation but no 3D keypoints,
            2D keypoints for rows that also have a camera but no 2D keypoints, and the root position where no
            keypoint gives it. Genders have their own body if the folder contains it. The body is built only
            if a row needs it. None derives nothing.
        allow_outside: Accept image paths that lead out of ``data_root`` and of the folder ``img_path``: by
            ``..``, as absolute paths, or by links in these folders.
        **kwargs: ``metainfo``, ``indices``, ``test_mode``, ``lazy_init``, ``max_refetch`` of ``BaseDataset``.

    Raises:
        BadSampleError: A row is bad and ``skip_bad`` is False; names the file, the row and the remedy.
        FileNotFoundError: The annotation file (names the command that creates it), the body's file or an
            archive of images is missing.
        KeyError: The file lacks a required key.
        ValueError: The file is damaged, a key has the wrong shape, most rows are bad or in wrong units, or
            derived keypoints lie outside the boxes.
    """

    METAINFO = dict(convention='smpl_54')

    def __init__(
        self,
        ann_file: str,
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        pipeline: Sequence[dict[str, Any] | Callable[..., Any]] = (),
        dataset_name: str | None = None,
        skip_bad: bool = False,
        crop_boxes: bool | None = None,
        box_margin: float | None = None,
        body_model: dict[str, Any] | None = None,
        allow_outside: bool = False,
        **kwargs: Any,
    ) -> None:
        self.dataset_name = dataset_name or Path(ann_file).stem
        self.skip_bad = skip_bad
        self.crop_boxes = crop_boxes
        self.box_margin = box_margin if box_margin is not None else MARGIN if crop_boxes else 1.0
        if not 0 < self.box_margin < float('inf'):
            raise ValueError(f'HumanImageDataset: box_margin must be positive, got {box_margin}')
        self.body_model = body_model
        self.allow_outside = allow_outside
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or dict(img_path=''),
            pipeline=list(pipeline),
            serialize_data=False,  # rows are created on demand from arrays that all workers share
            **kwargs,
        )

    def load_data_list(self) -> PersonRows:
        """Open the file.

        Returns:
            All rows.
        """
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(describe_missing(self.ann_file, self.dataset_name))
        derived = None if self.body_model is None else DerivedKeypoints(self.body_model)
        prefix = self.data_prefix.get('img_path', '')
        self._folders = None if self.allow_outside else ImageFolders((self.data_root or '', prefix))
        if archive := split_archive(prefix):
            open_archive(archive[0])  # its index is shared with loader workers
        with name_errors(self.ann_file):
            rows = PersonRows(
                HumanData.fromfile(self.ann_file), self.dataset_name, derived, bool(self.crop_boxes)
            )
        if not len(rows):
            raise ValueError(f'{self.ann_file}: has no rows, no person at all. Convert the dataset again')
        self._report_square_boxes(rows.columns.bbox)
        if rows.columns.flags_without_smpl:
            print_log(
                f"{self.ann_file}: 'has_smpl' is 1 for some rows, but there is no 'smpl': no row counts",
                'current',
                logging.WARNING,
            )
        # One byte per row of the file, shared with loader workers: 0, or the code of the fault.
        self._faults = torch.zeros(len(rows), dtype=torch.uint8).share_memory_()
        return rows

    def filter_data(self) -> PersonRows:
        """Find bad boxes and labels, in test mode also bad images, and skip them or stop.

        Returns:
            The good rows.
        """
        rows = self.data_list
        with name_errors(self.ann_file):
            faults = rows.find_faults()
        self._refuse_wrong_units(faults)
        self._question_focal_lengths(rows[faults == 0])
        if self.skip_bad:
            self._refuse_mostly_bad(faults)
        if faults.any() and not self.skip_bad:
            first = int(np.flatnonzero(faults)[0])
            reason = fault_reason(faults[first])
            others = np.count_nonzero(faults) - 1
            row = int(rows.indices[first])
            camera = rows.columns.cameras.describe(row, reason)
            raise BadSampleError(
                reason,
                f'row {row} of {self.ann_file}, and {others} more bad rows{camera}. '
                'Correct the file, or set skip_bad=True to skip them',
            )
        duplicates = rows.find_duplicates() & (faults == 0)
        if self.skip_bad:
            faults[duplicates] = fault_code('duplicated row')
        elif duplicates.any():
            number, first = np.count_nonzero(duplicates), rows.indices[np.flatnonzero(duplicates)[0]]
            print_log(
                f'{self.ann_file}: {number} duplicated rows (image and box of an earlier row), the '
                f'first is row {first}. skip_bad=True skips them',
                'current',
                logging.WARNING,
            )
        if self.skip_bad and self.test_mode:
            good = np.flatnonzero(faults == 0)
            indices, columns = rows.indices[good], rows.columns
            paths = [self._image_path(str(columns.image_path[row])) for row in indices]
            faults[good] = find_image_faults(paths, np.asarray(columns.bbox[indices])[:, :4], self._folders)
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
        rows.human_data.release()
        return rows

    def _prepare_derived(self, rows: PersonRows, derived: DerivedKeypoints) -> None:
        """Build the bodies that rows need, and check that derived keypoints lie inside the boxes."""
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
        inspected = np.flatnonzero(needed[:, 0])
        inspected = inspected[:: max(1, len(inspected) // _NUM_INSPECTED)]
        outside = [int(i) for i in inspected if not rows[int(i)]['has_keypoints2d']]
        if 2 * len(outside) > len(inspected):
            raise ValueError(
                f'{self.ann_file}: 2D keypoints derived from SMPL lie outside the box in '
                f'{len(outside)} of {len(inspected)} inspected rows, the first is row '
                f"{rows.indices[outside[0]]}: smpl['transl'] is not in the frame of the camera, "
                'or the camera does not belong to the image. Convert the dataset again, or set '
                'body_model=None to derive nothing'
            )

    def _report_square_boxes(self, boxes: np.ndarray) -> None:
        """Warn of square boxes, whose 3:4 crops would be larger than those of other datasets."""
        if self.crop_boxes is None and len(boxes) >= _MIN_SQUARES and find_square(boxes).all():
            print_log(
                f'{self.ann_file}: all {len(boxes)} boxes are square, as MMHuman3D writes the crops of '
                'SPIN, EFT and CLIFF; crops of aspect 3:4 made from them are a third larger than from '
                "the files of convert.py. crop_boxes=True in the dataset's config reads them as the "
                '3:4 boxes of the same height, crop_boxes=False keeps them',
                'current',
                logging.WARNING,
            )

    def _refuse_wrong_units(self, faults: np.ndarray) -> None:
        """Stop if most rows are in wrong units: then the file is wrong, not the rows."""
        wrong_units = find_wrong_units(faults)
        if wrong_units is not None:
            reason, found = wrong_units
            row = int(self.data_list.indices[found[0]])
            camera = self.data_list.columns.cameras.describe(row, reason)
            raise ValueError(
                f'{self.ann_file}: {reason} in {len(found)} of {len(faults)} rows, the first is row '
                f'{row}{camera}: {UNIT_FAULTS[reason]}. Convert the dataset again'
            )

    def _question_focal_lengths(self, rows: PersonRows) -> None:
        """Warn of focal lengths that may be in mm, but are not so short that they must be."""
        rows = rows[:: max(1, len(rows) // _NUM_QUESTIONED)]
        cameras, indices = rows.columns.cameras, rows.indices
        if cameras.focal_length is None or not len(rows):
            return
        centers = None if cameras.principal_point is None else cameras.principal_point[indices]
        boxes = np.asarray(rows.columns.bbox[indices])
        questioned = question_focal_lengths(cameras.focal_length[indices], boxes, centers)
        if questioned is not None:
            row, angle = int(indices[questioned[0]]), questioned[1]
            print_log(
                f'{self.ann_file}: {cameras.key} is {cameras.focal_length[row]} in row {row}, which means an '
                f'angle of view of {angle:.0f} degrees or more for the image, and most rows are alike. Focal '
                f'lengths are in pixels of the image; if these are in mm (35 mm equivalent), {TO_PIXELS}',
                'current',
                logging.WARNING,
            )

    def _refuse_mostly_bad(self, faults: np.ndarray) -> None:
        """Stop if most rows would be skipped: then the file is wrong, and what is left is no dataset."""
        bad = np.flatnonzero(faults)
        if 2 * len(bad) > len(faults):
            counts = Counter(faults[bad].tolist())
            listed = ', '.join(f'{fault_reason(fault)} ({count})' for fault, count in counts.most_common())
            raise ValueError(
                f'{self.ann_file}: {len(bad)} of {len(faults)} rows are bad, too many to skip: {listed}; the '
                f'first is row {self.data_list.indices[bad[0]]}. Convert the dataset again'
            )

    @property
    def skipped(self) -> dict[str, int]:
        """Number of rows skipped so far by reason, over all loader workers of this process."""
        counts = Counter(self._faults[self._faults > 0].tolist())
        return {fault_reason(fault): number for fault, number in sorted(counts.items())}

    @force_full_init
    def label_confidences(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Report chunk by chunk which labels the people have, without the rows found bad so far.

        Keypoints that would be derived from the body are not computed; they count with confidence 1.

        Yields:
            Confidences of the 2D and of the 3D keypoints of R people, (R, 54) float32 each in smpl_54, and
            has_smpl, (R,) bool.
        """
        rows = self.data_list
        yield from rows[self._faults.numpy()[rows.indices] == 0].label_confidences()

    @force_full_init
    def image_paths(self) -> list[str]:
        """Return the full path of each sample's image."""
        return [self._image_path(path) for path in self.data_list.image_paths()]

    @force_full_init
    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return one row with the full path of its image.

        Args:
            idx: Index into the dataset.

        Returns:
            The sample before the pipeline.
        """
        with name_errors(self.ann_file, f'row {self.data_list.indices[idx]}'):
            info = self.data_list[idx]
        info['box_margin'] = self.box_margin
        info['sample_idx'] = idx if idx >= 0 else len(self) + idx
        info['img_path'] = self._image_path(info['img_path'])
        return info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline.

        Args:
            idx: Index into the dataset.

        Returns:
            The result of the pipeline; None for a bad sample that may be skipped.

        Raises:
            BadSampleError: The sample is bad and may not be skipped; names the file and the row.
        """
        info = self.get_data_info(idx)
        row = info['row']
        if self._faults[row]:
            return None
        try:
            if self._folders is not None:
                check_folder(info['img_path'], self._folders)
            return self.pipeline(info)
        except BadSampleError as error:
            if not self.skip_bad or self.test_mode:
                remedy = '' if self.skip_bad else '. skip_bad=True skips such rows'
                raise BadSampleError(
                    error.reason, f'row {row} of {self.ann_file}: {error.detail}{remedy}'
                ) from None
            self._faults[row] = fault_code(error.reason)
            print_log(f'skipped row {row} of {self.ann_file}: {error}', 'current', logging.WARNING)
            return None

    def _image_path(self, path: str) -> str:
        return os.path.join(self.data_prefix.get('img_path', ''), path)

    def _copy_without_annotation(self, memo: dict[int, Any] | None = None) -> 'HumanImageDataset':
        # mmengine 0.10.7 keeps one memo for all calls in a mutable default argument, so it may return objects
        # of deleted datasets whose ids have been reused.
        return super()._copy_without_annotation({} if memo is None else memo)

    def _get_unserialized_subset(self, indices: Sequence[int] | int) -> PersonRows:
        if isinstance(indices, int):
            return self.data_list[:indices] if indices >= 0 else self.data_list[indices:]
        return self.data_list[np.asarray(indices, dtype=np.int64)]
