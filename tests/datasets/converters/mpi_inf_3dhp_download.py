"""MPI-INF-3DHP's download in miniature: MATLAB annotations, AVI videos, Skeletool's calibration."""

import shutil
from pathlib import Path

import cv2
import h5py
import numpy as np
import scipy.io

from mmroi.datasets.converters import convert_split
from mmroi.registry import CONVERTERS

from .studio import WIDTH, make_camera, named, perform, write_video

FRAMES = 11  # rows are frames 0 and 10
SEQUENCES = [f'S{subject}/Seq{take}' for subject in range(1, 9) for take in (1, 2)]
CAMERAS = [make_camera(25 * i, 1 + i / 50) for i in range(14)]
TESTS = {f'TS{i}': CAMERAS[i] for i in range(1, 7)}
TEST_FRAMES = 4
VALID = np.array([1, 0, 1, 1])


def write_annot(path: Path, points: list[np.ndarray], joints: list[np.ndarray], version: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = dict(
        annot2=[values.reshape(len(values), -1) for values in points],
        annot3=[1000 * values.reshape(len(values), -1) for values in joints],
    )
    cells['univ_annot3'] = cells['annot3']
    if version == '5':
        content = {key: np.empty((14, 1), object) for key in cells}
        for key, values in cells.items():
            content[key][:, 0] = values
        scipy.io.savemat(path, dict(content, cameras=np.arange(14)))
        return
    with h5py.File(path, 'w', userblock_size=512) as file:
        for key, values in cells.items():
            references = file.create_dataset(key, (1, 14), h5py.ref_dtype)
            for i, array in enumerate(values):
                references[0, i] = file.create_dataset(f'#refs#/{key}{i}', data=array.T).ref
    with open(path, 'r+b') as file:
        file.write(b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM')


def write_calibration(path: Path) -> None:
    lines = ['Skeletool Camera Calibration File V1.0']
    for i, camera in enumerate(CAMERAS):
        intrinsics = np.eye(4)
        intrinsics[:3, :3] = camera.intrinsics
        lines += [
            f'name          {i}',
            '  sensor      10 10',
            '  size        256 240',
            '  animated    0',
            '  intrinsic   ' + ' '.join(map(str, intrinsics.ravel())),
            '  extrinsic   ' + ' '.join(map(str, np.eye(4).ravel())),
            '  radial      0',
        ]
    path.write_text('\n'.join(lines) + '\n')


class Studio:
    """Sixteen training sequences and six of the test set, and what is true about them."""

    def __init__(self, root: Path, body) -> None:
        self.root = root
        self.performance = perform(body, FRAMES)
        joints = named(self.performance.joints, 'mpi_inf_3dhp')
        self.joints = [camera.move(joints) for camera in CAMERAS]
        self.points = [camera.project(values) for camera, values in zip(CAMERAS, self.joints, strict=True)]
        write_video(root / 'video.avi', FRAMES, 'MJPG')
        for i, sequence in enumerate(SEQUENCES):
            folder = root / sequence
            write_annot(folder / 'annot.mat', self.points, self.joints, '7.3' if i % 2 else '5')
            if i != 0:
                write_calibration(folder / 'camera.calibration')
            (folder / 'imageSequence').mkdir()
            for camera in range(14):
                shutil.copy(root / 'video.avi', folder / 'imageSequence' / f'video_{camera}.avi')
        test_joints = named(self.performance.joints[:TEST_FRAMES], 'mpi_inf_3dhp_test')
        self.test_joints = {name: camera.move(test_joints) for name, camera in TESTS.items()}
        for name in TESTS:
            self.write_test(name)

    def write_test(self, name: str, **changes: np.ndarray) -> None:
        folder = self.root / 'mpi_inf_3dhp_test_set' / name
        (folder / 'imageSequence').mkdir(parents=True, exist_ok=True)
        joints = self.test_joints[name]
        labels = dict(
            annot2=TESTS[name].project(joints)[:, None],
            annot3=1000 * joints[:, None],
            univ_annot3=0.9 * 1000 * joints[:, None],
            valid_frame=VALID[:, None],
            activity_annotation=np.array([[1], [2], [3], [7]]),
        )
        with h5py.File(folder / 'annot_data.mat', 'w') as file:
            for key, values in {**labels, **changes}.items():
                file[key] = values
        photo = np.zeros((240, WIDTH, 3), np.uint8)
        for i in np.flatnonzero(VALID):
            cv2.imwrite(str(folder / 'imageSequence' / f'img_{i + 1:06d}.jpg'), photo)

    def convert(self, split: str = 'train', skip_bad: bool = False, workers: int = 1, **options):
        return convert_split(
            CONVERTERS.get('mpi_inf_3dhp')(self.root, **options),
            split,
            self.root / 'out',
            workers=workers,
            skip_bad=skip_bad,
            progress=False,
        )
