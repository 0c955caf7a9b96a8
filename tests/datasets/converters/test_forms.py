"""One download, converted here, by MMHuman3D and as SPIN does, gives the same labels and figures."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import MagicMock

import h5py
import numpy as np
import pytest
from mmengine.registry import Registry

from mmroi.datasets import HumanImageDataset
from mmroi.datasets.converters import convert_split
from mmroi.datasets.converters.raw_files import read_mat
from mmroi.evaluation import MeshMetric
from mmroi.registry import CONVERTERS
from mmroi.structures import get_convention

from . import h36m_download, mpi_inf_3dhp_download
from .studio import HEIGHT, WIDTH, samples_of

# Of SPIN's scripts: the slots of 17 joints among its 24, and the joints of the downloads in that order.
SPIN_SLOTS = [14, 3, 4, 5, 2, 1, 0, 16, 12, 17, 18, 9, 10, 11, 8, 7, 6]
SPIN_TRAIN = [4, 18, 19, 20, 23, 24, 25, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16]
SPIN_TEST = [14, 11, 12, 13, 8, 9, 10, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4]
SPIN_H36M = [11, 6, 7, 8, 1, 2, 3, 12, 24, 14, 15, 17, 18, 19, 25, 26, 27]
Labels = Mapping[str, tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def converter(
    import_mmhuman3d: Callable, import_mmhuman3d_alone: Callable, monkeypatch: pytest.MonkeyPatch
) -> Callable:
    """MMHuman3D's converter of a data set, without the registry and the cameras, which need old libraries."""
    import_mmhuman3d('data.data_structures.human_data').HumanData.set_logger('silent')
    builder = MagicMock(DATA_CONVERTERS=Registry('data converter'))
    monkeypatch.setitem(sys.modules, 'mmhuman3d.data.data_converters.builder', builder)
    for name in ('cameras', 'cameras.camera_parameters'):
        monkeypatch.setitem(sys.modules, f'mmhuman3d.core.{name}', MagicMock())

    def make(module: str, name: str):
        loaded = import_mmhuman3d_alone(f'data.data_converters.{module}')
        cameras = MagicMock(**{'return_value.generate_cameras_dict.return_value': {}})
        monkeypatch.setattr(loaded, 'H36mCamera', cameras, raising=False)
        return getattr(loaded, name)()

    return make


def convert_spin(root: Path, labels: Labels, with_pixels: bool = True) -> Path:
    """Convert SPIN's npz, made from pixels (17, 2) and meters (17, 3) by image, root first.

    Its test files of Human3.6M have no 2D joints.
    """
    part, joints = np.zeros((len(labels), 24, 3)), np.zeros((len(labels), 24, 4))
    for row, (pixels, points) in enumerate(labels.values()):
        part[row, SPIN_SLOTS] = np.c_[pixels, np.ones(17)]
        joints[row, SPIN_SLOTS] = np.c_[points - points[0], np.ones(17)]
    seen = part[:, SPIN_SLOTS, :2]
    low, high = seen.min(1), seen.max(1)
    path = root / f'spin_{with_pixels}.npz'
    np.savez(
        path,
        imgname=list(labels),
        center=(low + high) / 2,
        scale=1.2 * (high - low).max(1) / 200,
        S=joints,
        **(dict(part=part) if with_pixels else {}),
    )
    spin = CONVERTERS.get('spin')(root, labels_file=path)
    return convert_split(spin, 'train', root / 'out', progress=False).path


def rows_of(npz: Path, root: Path) -> dict[str, dict]:
    """Rows of a file by image, without what its author chose: 3D joints are taken from the pelvis."""
    dataset = HumanImageDataset(str(npz), data_prefix=dict(img_path=str(root)))
    pelvis = get_convention('smpl_54').index('pelvis_extra')
    rows = {}
    for i in range(len(dataset)):
        row = dataset.data_list[i]
        joints = row['keypoints3d'].copy()
        joints[:, :3] -= joints[pelvis, :3] * (joints[:, 3:] > 0)
        rows[row['img_path']] = dict(keypoints2d=row['keypoints2d'], keypoints3d=joints)
    return rows


def assert_same(files: dict[str, Path], root: Path, only_here: tuple[str, ...] = (), few: int = 10) -> None:
    """Each file's 54 joints are those of the file that was made here; SPIN drops some joints."""
    ours = rows_of(files['here'], root)
    dropped = [get_convention('smpl_54').index(name) for name in only_here]
    for form, path in files.items():
        rows = rows_of(path, root)
        assert few <= len(rows) and rows.keys() <= ours.keys(), form
        for image, row in rows.items():
            for key, values in row.items():
                expected = ours[image][key].copy()
                if form == 'spin':
                    assert (expected[dropped, -1] == 1).all()
                    expected[dropped] = 0
                np.testing.assert_allclose(values, expected, atol=2e-5, rtol=1e-5, err_msg=f'{form} {image}')
                assert (values[:, -1] > 0).sum() >= 17


def assert_same_figures(files: dict[str, Path], root: Path, protocol: str, gt: str | None) -> None:
    """The same wrong predictions have the same errors in each joint."""
    figures, tables = {}, {}
    for form, path in files.items():
        metric = MeshMetric(protocol, dict(type='SMPL'), gt=gt)
        metric.process(
            None,
            samples_of(
                path,
                root,
                lambda sample, frame: np.random.default_rng(
                    [frame, sum(map(ord, sample['img_path']))]
                ).normal(0, 0.2, (17, 3)),
            ),
        )
        figures[form] = metric.evaluate(len(metric.results))
        tables[form] = dict(row[:2] for row in metric.tables['per_joint'].rows)
    assert figures['here'][f'{metric.prefix}/MPJPE'] > 100
    for form in files:
        assert figures[form] == pytest.approx(figures['here'], abs=0.01), form
        assert tables[form] == pytest.approx(tables['here'], abs=0.01), form


def write_masks(studio, subject: str, name: str) -> None:
    path = studio.root / subject / 'MySegmentsMat' / 'ground_truth_bs' / f'{name}.mat'
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, 'w') as file:
        references = file.create_dataset('Masks', (h36m_download.FRAMES, 1), h5py.ref_dtype)
        mask = file.create_dataset('#refs#/0', data=np.ones((WIDTH, HEIGHT), np.uint8))
        references[:, 0] = [mask.ref] * h36m_download.FRAMES


@pytest.mark.parametrize('split, mode', [('train', 'train'), ('valid_protocol1', 'valid')])
def test_h36m(tmp_path: Path, body, converter: Callable, split: str, mode: str) -> None:
    studio = h36m_download.Studio(tmp_path / 'h36m', body)
    files = dict(here=studio.convert(split).path)
    for path in studio.root.glob('S*/MyPoseFeatures/D2_Positions/*.cdf'):
        write_masks(studio, path.parts[-4], path.stem)
    theirs = converter('h36m', 'H36mConverter')
    theirs.convert_by_mode(str(studio.root), str(tmp_path / 'mmhuman3d'), mode)
    files['mmhuman3d'] = tmp_path / 'mmhuman3d' / files['here'].name

    labels = {}
    for subject in h36m_download.TRAIN if split == 'train' else h36m_download.TEST:
        joints = h36m_download.raw_joints(studio.performances[subject].joints_h36m)[:, SPIN_H36M]
        for path in sorted((studio.root / subject / 'MyPoseFeatures' / 'D2_Positions').glob('*.cdf')):
            action, camera_name = path.stem.rsplit('.', 1)
            camera = h36m_download.CAMERAS[subject, camera_name]
            stem = f'{subject}_{action.replace(" ", "_")}.{camera_name}'
            points = camera.move(joints)
            for frame in (0, 5, 10):
                name = f'{subject}/images/{stem}/{stem}_{frame + 1:06d}.jpg'
                labels[name] = camera.project(points)[frame], points[frame]
    files['spin'] = convert_spin(studio.root, labels)

    assert_same(files, studio.root)
    assert len(rows_of(files['mmhuman3d'], studio.root)) == len(labels)
    files['spin without pixels'] = convert_spin(studio.root, labels, with_pixels=False)
    assert_same_figures(files, studio.root, 'h36m_p1', 'dataset')


def test_mpi_inf_3dhp_test(tmp_path: Path, body, converter: Callable) -> None:
    studio = mpi_inf_3dhp_download.Studio(tmp_path / 'mpi', body)
    files = dict(here=studio.convert('test').path)
    theirs = converter('mpi_inf_3dhp', 'MpiInf3dhpConverter')
    theirs.convert_by_mode(str(studio.root), str(tmp_path / 'mmhuman3d'), 'test')
    files['mmhuman3d'] = tmp_path / 'mmhuman3d' / files['here'].name

    labels = {}
    for name in mpi_inf_3dhp_download.TESTS:
        folder = f'mpi_inf_3dhp_test_set/{name}'
        with h5py.File(studio.root / folder / 'annot_data.mat') as file:
            for frame in np.flatnonzero(file['valid_frame'][()]):
                image = f'{folder}/imageSequence/img_{frame + 1:06d}.jpg'
                labels[image] = (
                    file['annot2'][frame, 0][SPIN_TEST],
                    file['univ_annot3'][frame, 0][SPIN_TEST] / 1000,
                )
    files['spin'] = convert_spin(studio.root, labels)

    assert_same(files, studio.root)
    assert len(rows_of(files['mmhuman3d'], studio.root)) == len(labels) == 18
    assert_same_figures(files, studio.root, 'mpi_inf_3dhp', None)


def test_mpi_inf_3dhp_train(tmp_path: Path, body, converter: Callable) -> None:
    studio = mpi_inf_3dhp_download.Studio(tmp_path / 'mpi', body)
    for sequence in mpi_inf_3dhp_download.SEQUENCES:
        path = studio.root / sequence / 'annot.mat'
        mpi_inf_3dhp_download.write_annot(path, studio.points, studio.joints, '5')  # theirs reads no other
    files = dict(here=studio.convert(every=1).path)  # extracts every frame
    theirs = converter('mpi_inf_3dhp', 'MpiInf3dhpConverter')
    theirs.convert_by_mode(str(studio.root), str(tmp_path / 'mmhuman3d'), 'train')
    files['mmhuman3d'] = tmp_path / 'mmhuman3d' / files['here'].name

    labels = {}
    annotations = read_mat(studio.root / 'S1' / 'Seq1' / 'annot.mat', ['annot2', 'annot3'])
    for camera in (0, 4):
        for frame in range(mpi_inf_3dhp_download.FRAMES):
            pixels, points = (
                annotations[key][camera][frame].reshape(28, -1)[SPIN_TRAIN] for key in ('annot2', 'annot3')
            )
            labels[f'S1/Seq1/video_{camera}/{frame + 1:06d}.jpg'] = pixels, points / 1000
    files['spin'] = convert_spin(studio.root, labels)

    assert_same(files, studio.root, ('spine_2', 'spine_3', 'left_foot', 'right_foot'))
