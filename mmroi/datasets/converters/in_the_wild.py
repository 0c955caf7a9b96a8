"""COCO 2014, MPII and HR-LSPET: images with annotated 2D keypoints and SMPL pseudo-labels."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from mmroi.datasets.converters.base import Converter, Part, Unit
from mmroi.datasets.converters.keypoint_annotations import CocoKeypoints, MpiiKeypoints
from mmroi.datasets.converters.pseudo_labels import CliffLabels, EftLabels
from mmroi.datasets.converters.raw_files import find_file
from mmroi.registry import CONVERTERS


class Labels(Protocol):
    """A file of labels: CLIFF's, EFT's or the annotations of the dataset; see ``Converter``."""

    @property
    def parallel(self) -> bool:
        """Whether units may be read in parallel."""

    @property
    def keypoints2d_convention(self) -> str | None:
        """Convention of the 2D keypoints."""

    @property
    def keypoints3d_convention(self) -> str | None:
        """Convention of the 3D keypoints."""

    def units(self) -> Sequence[Unit]:
        """List ranges of rows."""

    def read(self, unit: Unit) -> Part:
        """Read a range of rows."""


@dataclass(frozen=True)
class InTheWild(Converter):
    """Images with a choice of label files.

    Args:
        root: Folder of the download.
        labels: Which labels to convert, a key of ``outputs``; by default the first.
        labels_file: File of the labels, if it is not under ``root``.
    """

    labels: str = ''
    labels_file: Path | None = None

    outputs: ClassVar[dict[str, str]]

    def __post_init__(self) -> None:
        if not self.labels:
            object.__setattr__(self, 'labels', next(iter(self.outputs)))
        if self.labels not in self.outputs:
            raise ValueError(f'{self.name} has no labels {self.labels!r}; it has {", ".join(self.outputs)}')

    @abstractmethod
    def source(self) -> Labels:
        """Open the file of the labels."""

    @property
    def parallel(self) -> bool:
        """Whether units may be read in parallel."""
        return self.source().parallel

    @property
    def keypoints2d_convention(self) -> str | None:
        """Convention of the 2D keypoints."""
        return self.source().keypoints2d_convention

    @property
    def keypoints3d_convention(self) -> str | None:
        """Convention of the 3D keypoints."""
        return self.source().keypoints3d_convention

    def output_name(self, split: str) -> str:
        """Return the name that MMHuman3D uses."""
        return self.outputs[self.labels]

    def units(self, split: str) -> Sequence[Unit]:
        """List ranges of rows."""
        return self.source().units()

    def read(self, split: str, unit: Unit) -> Part:
        """Read a range of rows."""
        return self.source().read(unit)

    def find(self, *candidates: str) -> Path:
        """Find the file of the labels: ``labels_file``, or the first existing candidate under ``root``.

        Raises:
            FileNotFoundError: There is no such file.
        """
        if self.labels_file is not None:
            return find_file(Path(), str(self.labels_file))
        return find_file(self.root, *candidates)


@CONVERTERS.register_module('coco')
class Coco(InTheWild):
    """COCO 2014, images in ``train2014/``, with pseudo-labels or annotations.

    Args:
        root: Folder of the download.
        labels: ``cliff`` (coco2014part_cliffGT.npz), ``eft_all`` or ``eft_part`` (COCO2014-All-ver01.json,
            COCO2014-Part-ver01.json), or ``keypoints`` (annotations/person_keypoints_train2014.json, without
            bodies).
        labels_file: File of the labels, if it is not under ``root``.
    """

    outputs = dict(
        cliff='cliff_coco_train',
        eft_all='eft_coco_all',
        eft_part='eft_coco_part',
        keypoints='coco_2014_train',
    )

    def source(self) -> Labels:
        """Open the file of the labels."""
        if self.labels == 'cliff':
            name = 'coco2014part_cliffGT.npz'
            return CliffLabels(self.find(name, f'cliffGT_v1/{name}', f'annotations/{name}'))
        if self.labels == 'keypoints':
            return CocoKeypoints(self.find('annotations/person_keypoints_train2014.json'), 'train2014')
        name = dict(eft_all='COCO2014-All-ver01.json', eft_part='COCO2014-Part-ver01.json')[self.labels]
        return EftLabels(self.find(name, f'eft_fit/{name}', f'coco_2014_train_fit/{name}'), 'train2014')


@CONVERTERS.register_module('mpii')
class Mpii(InTheWild):
    """MPII Human Pose, images in ``images/``, with pseudo-labels or annotations.

    Args:
        root: Folder of the download.
        labels: ``cliff`` (mpii_cliffGT.npz), ``eft`` (MPII_ver01.json), or ``keypoints``
            (mpii_human_pose_v1_u12_1.mat, without bodies).
        labels_file: File of the labels, if it is not under ``root``.
    """

    outputs = dict(cliff='cliff_mpii_train', eft='eft_mpii', keypoints='mpii_train')

    def source(self) -> Labels:
        """Open the file of the labels."""
        if self.labels == 'cliff':
            name = 'mpii_cliffGT.npz'
            return CliffLabels(self.find(name, f'cliffGT_v1/{name}', f'annotations/{name}'))
        if self.labels == 'keypoints':
            name = 'mpii_human_pose_v1_u12_1.mat'
            path = self.find(name, f'mpii_human_pose_v1_u12_2/{name}', f'annotations/{name}')
            return MpiiKeypoints(path, 'images')
        name = 'MPII_ver01.json'
        return EftLabels(self.find(name, f'eft_fit/{name}', f'MPII_fit/{name}'), 'images')


@CONVERTERS.register_module('lspet')
class Lspet(InTheWild):
    """Leeds Sports Pose Extended in high resolution (HR-LSPET), with EFT's pseudo-labels.

    Args:
        root: Folder of the images.
        labels: ``eft`` (LSPet_ver01.json).
        labels_file: File of the labels, if it is not under ``root``.
    """

    outputs = dict(eft='eft_lspet')

    def source(self) -> Labels:
        """Open the file of the labels."""
        name = 'LSPet_ver01.json'
        return EftLabels(self.find(name, f'eft_fit/{name}', f'LSPet_fit/{name}'), '')
