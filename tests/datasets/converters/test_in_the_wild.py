"""COCO, MPII and LSPET in miniature, with CLIFF's and EFT's files and their own joints."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from scipy.spatial.transform import Rotation

from mmroi.datasets import BadSampleError
from mmroi.datasets.converters import convert_split
from mmroi.fileio import HumanData
from mmroi.geometry import expand_to_aspect
from mmroi.registry import CONVERTERS

from .conftest import People, check_projections, pick, write_photos


def convert(name: str, root: Path, skip_bad: bool = False, **options):
    return convert_split(
        CONVERTERS.get(name)(root, **options), 'train', root / 'out', skip_bad=skip_bad, progress=False
    )


def names_of(folder: str) -> list[str]:
    return [f'{folder}/COCO_train2014_{i:012d}.jpg' for i in range(6)]


def cliff_arrays(people: People, folder: str = 'train2014') -> dict[str, np.ndarray]:
    centers, scales = people.crops()
    joints = np.concatenate([people.joints - people.joints[:, 54 - 5 : 54 - 4], np.ones((6, 54, 1))], 2)
    return dict(
        imgname=np.array(names_of(folder)),
        center=centers,
        scale=scales,
        part=people.labels('smpl_24'),
        pose=people.pose,
        shape=people.betas,
        has_smpl=np.ones(6),
        global_t=people.transl,
        focal_l=np.full(6, people.focal_length),
        S=pick(joints, 'smpl_24'),
        annot_id=np.arange(6) + 100,
    )


def write_cliff(root: Path, arrays: dict[str, np.ndarray], name: str = 'coco2014part_cliffGT.npz') -> Path:
    write_photos(root, arrays['imgname'])
    path = root / 'cliffGT_v1' / name
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ('name', 'folder', 'file', 'output'),
    [
        ('coco', 'train2014', 'coco2014part_cliffGT.npz', 'cliff_coco_train.npz'),
        ('mpii', 'images', 'mpii_cliffGT.npz', 'cliff_mpii_train.npz'),
    ],
)
def test_cliff_bodies_meet_the_labels(tmp_path, people, body, name, folder, file, output):
    write_cliff(tmp_path, cliff_arrays(people, folder), file)
    summary = convert(name, tmp_path)
    assert summary.path.name == output and summary.rows == 6
    # The principal point is the image center, which the loader knows.
    check_projections(summary.path, tmp_path, body, 6, 24)
    human_data = HumanData.fromfile(summary.path)
    assert human_data['misc']['annotation_id'].tolist() == list(range(100, 106))
    assert human_data['keypoints3d_mask'].sum() == 24


def test_boxes_become_the_published_crops_again(tmp_path, people):
    arrays = cliff_arrays(people)
    write_cliff(tmp_path, arrays)
    boxes = torch.from_numpy(HumanData.fromfile(convert('coco', tmp_path).path)['bbox_xywh'][:, :4].copy())
    for aspect in (0.75, 1.0):  # CLIFF's crops and SPIN's
        found = torch.stack([expand_to_aspect(box.double(), aspect, 1.0) for box in boxes])
        np.testing.assert_allclose(found[:, :2], arrays['center'], atol=1e-3)
        np.testing.assert_allclose(found[:, 2], 200 * arrays['scale'], rtol=1e-6)


def test_labels_elsewhere_and_labels_that_are_missing(tmp_path, people):
    path = write_cliff(tmp_path, cliff_arrays(people))
    moved = path.rename(tmp_path / 'elsewhere.npz')
    with pytest.raises(FileNotFoundError, match='cliffGT_v1/coco2014part_cliffGT.npz.*docs/data.md'):
        convert('coco', tmp_path)
    assert convert('coco', tmp_path, labels_file=moved).rows == 6
    with pytest.raises(ValueError, match="no labels 'eft'; it has cliff, eft_all, eft_part, keypoints"):
        CONVERTERS.get('coco')(tmp_path, labels='eft')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda arrays: arrays.pop('global_t'), "coco2014part_cliffGT.npz: 'global_t' is missing"),
        (
            lambda arrays: arrays.update(pose=np.zeros((6, 75))),
            r"npz: 'pose' has shape \(6, 75\), expected \(N, 24, 3\)",
        ),
        (lambda arrays: arrays['S'].__imul__(1000), '5: body larger than 4 m in most rows.*millimeters'),
    ],
)
def test_wrong_cliff_file(tmp_path, people, change, message):
    arrays = cliff_arrays(people)
    change(arrays)
    write_cliff(tmp_path, arrays)
    with pytest.raises(ValueError, match=message):
        convert('coco', tmp_path, skip_bad=True)


def test_truncated_cliff_file(tmp_path, people):
    path = write_cliff(tmp_path, cliff_arrays(people))
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match='coco2014part_cliffGT.npz: not a readable npz.*truncated'):
        convert('coco', tmp_path)


def test_bad_people_are_named_and_counted(tmp_path, people):
    arrays = cliff_arrays(people)
    arrays['scale'][1] = 0
    arrays['pose'] = arrays['pose'].copy()
    arrays['pose'][2, 5] = np.nan
    arrays['center'][4] = (-5000, 0)
    write_cliff(tmp_path, arrays)
    message = 'zero-area box: row 1 of coco train, rows 0 to 5.*000001.jpg.*2 more'
    with pytest.raises(BadSampleError, match=message):
        convert('coco', tmp_path)
    summary = convert('coco', tmp_path, skip_bad=True)
    assert summary.rows == 3
    assert summary.skipped == Counter({'zero-area box': 1, 'NaN labels': 1, 'box outside the image': 1})


def eft_records(people: People) -> list[dict]:
    centers, scales = people.crops()
    matrices = Rotation.from_rotvec(people.pose.reshape(-1, 3)).as_matrix().reshape(6, 24, 3, 3)
    keypoints = people.labels('smpl_49')
    return [
        dict(
            imageName=f'/authors/disk/{Path(name).name}',
            annotId=i,
            bbox_center=centers[i].tolist(),
            bbox_scale=scales[i],
            parm_pose=matrices[i].tolist(),
            parm_shape=people.betas[i].tolist(),
            parm_cam=[0.9, 0.0, 0.1],
            gt_keypoint_2d=keypoints[i].tolist(),
            smpltype='smpl',
        )
        for i, name in enumerate(names_of('x'))
    ]


def write_eft(root: Path, name: str, records: list[dict], folder: str) -> Path:
    write_photos(root, names_of(folder))
    path = root / 'eft_fit' / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(dict(ver=0.1, data=records)))
    return path


@pytest.mark.parametrize(
    ('name', 'labels', 'file', 'folder', 'output'),
    [
        ('coco', 'eft_all', 'COCO2014-All-ver01.json', 'train2014', 'eft_coco_all.npz'),
        ('coco', 'eft_part', 'COCO2014-Part-ver01.json', 'train2014', 'eft_coco_part.npz'),
        ('mpii', 'eft', 'MPII_ver01.json', 'images', 'eft_mpii.npz'),
        ('lspet', '', 'LSPet_ver01.json', '.', 'eft_lspet.npz'),
    ],
)
def test_eft(tmp_path, people, name, labels, file, folder, output):
    write_eft(tmp_path, file, eft_records(people), folder)
    summary = convert(name, tmp_path, labels=labels)
    assert summary.path.name == output and summary.rows == 6
    human_data = HumanData.fromfile(summary.path)
    smpl = human_data['smpl']
    found = np.concatenate([smpl['global_orient'], smpl['body_pose'].reshape(6, 69)], 1).reshape(-1, 3)
    turned = Rotation.from_rotvec(found) * Rotation.from_rotvec(people.pose.reshape(-1, 3)).inv()
    assert turned.magnitude().max() < 1e-5
    np.testing.assert_allclose(smpl['betas'], people.betas, rtol=1e-6)
    assert 'transl' not in smpl and human_data['keypoints2d_mask'].sum() == 49
    np.testing.assert_allclose(human_data['misc']['weak_camera'], np.tile([0.9, 0, 0.1], (6, 1)), rtol=1e-6)


def test_eft_matrix_that_is_no_rotation_is_a_bad_row(tmp_path, people):
    records = eft_records(people)
    records[3]['parm_pose'][7] = [[0, 0, 0]] * 3
    write_eft(tmp_path, 'MPII_ver01.json', records, 'images')
    with pytest.raises(BadSampleError, match='NaN labels: row 3 of mpii train, rows 0 to 5'):
        convert('mpii', tmp_path, labels='eft')
    assert convert('mpii', tmp_path, labels='eft', skip_bad=True).rows == 5


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda text: text[:-100], 'MPII_ver01.json: cannot be read.*truncated'),
        (lambda text: '[]', 'MPII_ver01.json: holds a list'),
        (lambda text: '{"data": []}', 'MPII_ver01.json: holds no list of people'),
        (lambda text: text.replace('parm_pose', 'pose'), "MPII_ver01.json: 'parm_pose' is missing"),
        (
            lambda text: text.replace('"parm_cam": [0.9', '"parm_cam": [1, 0.9', 1),
            'MPII_ver01.json, rows 0 to 5: .parm_cam',
        ),
    ],
)
def test_wrong_eft_file(tmp_path, people, spoil, message):
    path = write_eft(tmp_path, 'MPII_ver01.json', eft_records(people), 'images')
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ValueError, match=message):
        convert('mpii', tmp_path, labels='eft')


def test_coco_keypoints(tmp_path, people):
    keypoints = people.labels('coco')
    keypoints[..., 2] = 2
    keypoints[0, 3] = (0, 0, 0)  # an ear may be missing, a knee may not
    keypoints[1, 13] = (0, 0, 0)
    images = [dict(id=50 - i, file_name=Path(name).name) for i, name in enumerate(names_of('x'))]
    people_of = [
        dict(id=7 + i, image_id=50 - i, bbox=[10, 20, 30.5, 40], keypoints=keypoints[i].ravel().tolist())
        for i in range(6)
    ]
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations' / 'person_keypoints_train2014.json').write_text(
        json.dumps(dict(images=images, annotations=people_of))
    )
    write_photos(tmp_path, names_of('train2014'))
    summary = convert('coco', tmp_path, labels='keypoints')
    assert summary.path.name == 'coco_2014_train.npz' and summary.rows == 5
    assert summary.left_out == Counter({'fewer than 12 joints of the body': 1})
    human_data = HumanData.fromfile(summary.path)
    assert list(human_data['image_path']) == names_of('train2014')[:1:-1] + names_of('train2014')[:1]
    assert human_data['keypoints2d'][-1, :, 2].sum() == 16 and 'smpl' not in human_data
    np.testing.assert_allclose(human_data['bbox_xywh'], np.tile([6.95, 16, 36.6, 48, 1], (5, 1)), rtol=1e-6)


def structs(records: list[dict]) -> np.ndarray:
    """MATLAB's array of structures."""
    array = np.empty((1, len(records)), [(key, object) for key in records[0]])
    for i, record in enumerate(records):
        array[0, i] = tuple(record.values())
    return array


def test_mpii_keypoints(tmp_path, people):
    joints = people.labels('mpii')[..., :2] + 1  # MATLAB counts from 1
    names = names_of('x')

    def person(i: int, num_joints: int = 16) -> dict:
        points = [dict(x=joints[i, k, 0], y=joints[i, k, 1], id=k, is_visible='1') for k in range(num_joints)]
        return dict(scale=1.5, objpos=dict(x=101.0, y=121.0), annopoints=dict(point=structs(points[::-1])))

    annolist = structs(
        [
            dict(image=dict(name=Path(names[0]).name), annorect=structs([person(0), person(1, 9)])),
            dict(image=dict(name=Path(names[1]).name), annorect=structs([person(2)])),
            dict(image=dict(name=Path(names[2]).name), annorect=np.zeros((0, 0))),
            dict(image=dict(name=Path(names[3]).name), annorect=structs([dict(scale=1.0)])),
        ]
    )
    scipy.io.savemat(
        tmp_path / 'mpii_human_pose_v1_u12_1.mat',
        dict(RELEASE=dict(annolist=annolist, img_train=np.array([[1, 0, 1, 1]]))),
    )
    write_photos(tmp_path, names_of('images'))
    summary = convert('mpii', tmp_path, labels='keypoints')
    assert summary.path.name == 'mpii_train.npz' and summary.rows == 1
    assert summary.left_out == Counter({'fewer than 16 joints': 2, 'test image': 1})
    human_data = HumanData.fromfile(summary.path)
    # 1.2 x 1.5 x 200 pixels high about (100, 120)
    np.testing.assert_allclose(human_data['bbox_xywh'], [[100 - 135, 120 - 180, 270, 360, 1]])
    found = human_data['keypoints2d'][0]
    assert found[:, 2].sum() == 16
    np.testing.assert_allclose(np.sort(found[found[:, 2] > 0, 0]), np.sort(joints[0, :, 0] - 1), rtol=1e-5)


def test_damaged_mat(tmp_path):
    (tmp_path / 'mpii_human_pose_v1_u12_1.mat').write_bytes(b'MATLAB 5.0 MAT-file' + bytes(200))
    with pytest.raises(ValueError, match='mpii_human_pose_v1_u12_1.mat: cannot be read'):
        convert('mpii', tmp_path, labels='keypoints')
