import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.structures import InstanceData

from mmroi.datasets import GetPersonBox, LoadImage, MultiRoICrop, PackHMRInputs
from mmroi.geometry import axis_angle_to_matrix
from mmroi.structures import SMPL_54, HMRDataSample
from mmroi.visualization import MeshVisualizer
from mmroi.visualization.mesh_visualizer import CONTEXT

WRISTS = [SMPL_54.index(name) for name in ('left_wrist', 'right_wrist')]


@pytest.fixture
def visualizer(smpl, tmp_path):
    return MeshVisualizer(f'visualizer_{tmp_path}', smpl, height=256)


def packed(sample, smpl=None, shift=(0.0, 0.0, 0.0)):
    """A data sample; with ``smpl`` its prediction is the label, moved by some meters."""
    packed = PackHMRInputs()(dict(sample))['data_samples']
    if smpl:
        keys = ('global_orient', 'body_pose', 'betas')
        label = {key: torch.as_tensor(packed.gt_instances[key]) for key in keys}
        body = smpl(*label.values())
        moved = torch.as_tensor(packed.gt_instances.pelvis) + torch.tensor(shift) - body.joints[:, 0]
        packed.pred_instances = InstanceData(
            vertices=body.vertices,
            camera_translation=moved,
            global_orient=axis_angle_to_matrix(label['global_orient']),
        )
    return packed


def panels(picture, count):
    """The panels of a picture, cut out of its paper."""
    pitch = (picture.shape[1] - 6) // count
    return [picture[-262:-6, 6 + i * pitch : (i + 1) * pitch] for i in range(count)]


@pytest.mark.parametrize('fixture', ['person', 'person_of_two'])
def test_prediction_and_truth_cover_the_person(visualizer, smpl, fixture, augmented, request):
    """Where the prediction is the label, both meshes lie on the person, in the augmented frame."""
    person = request.getfixturevalue(fixture)
    sample = augmented(person)
    view = visualizer._view(packed(sample))
    picture = visualizer.draw_person(person['img'], packed(sample, smpl), text='a person')
    photo, predicted, true, *sides = panels(picture, 5)
    np.testing.assert_array_equal(predicted.shape, (256, view.size[1], 3))
    columns, rows = np.rint(view.place(sample['keypoints2d'])[WRISTS, :2]).astype(int).T
    bright = cv2.dilate(photo, np.ones((7, 7)))[rows, columns]
    assert (bright > 150).all()  # the photo has white discs there
    for panel in (predicted, true):
        assert (np.abs(panel[rows, columns].astype(int) - photo[rows, columns]).max(-1) > 20).all()
    silhouettes = [(panel != photo).any(-1)[30:] for panel in (predicted, true)]  # without the caption
    np.testing.assert_array_equal(*silhouettes)
    assert 0.05 < silhouettes[0].mean() < 0.5
    assert all(side[30:].std() > 5 for side in sides)


def test_one_crop_for_all_rois_shows_the_same_frame(visualizer, smpl, person, augmented):
    own = augmented(person)
    shared = MultiRoICrop(5, (128, 96), context_size=(192, 176))(dict(own))
    one, other = (visualizer.draw_person(person['img'], packed(sample, smpl)) for sample in (own, shared))
    assert np.abs(one.astype(int) - other).max() <= 1


def test_a_sample_of_a_file_of_results_is_rectified_too(visualizer, person_of_two):
    """It has no crops; the photo's discs are on the stretched wrists."""
    sample = Compose([LoadImage(), GetPersonBox(), MultiRoICrop(5, (128, 96))])(dict(person_of_two))
    full = packed(sample)
    kept = ('boxes', 'focal_length', 'focal_lengths', 'principal_point')
    bare = HMRDataSample(metainfo={key: full.metainfo[key] for key in kept})
    photos = [visualizer.draw_person(person_of_two['img'], each, False, False) for each in (full, bare)]
    np.testing.assert_array_equal(*photos)
    columns, rows = np.rint(visualizer._view(full).place(sample['keypoints2d'])[WRISTS, :2]).astype(int).T
    (photo,) = panels(photos[0], 1)
    assert (cv2.dilate(photo, np.ones((5, 5)))[rows, columns] > 150).all()


def test_a_wrong_prediction_lies_elsewhere(visualizer, smpl, person, augmented):
    sample = augmented(person)
    right, wrong = (
        panels(visualizer.draw_person(person['img'], packed(sample, smpl, (x, 0, 0))), 5) for x in (0.0, 0.15)
    )
    np.testing.assert_array_equal(right[2], wrong[2])
    moved = [np.nonzero((picture[1] != picture[0]).any(-1)[30:])[1].mean() for picture in (right, wrong)]
    expected = 0.15 / 5 * person['focal_length'] * 256 / (sample['boxes'][0, 2] * CONTEXT)
    assert moved[1] - moved[0] == pytest.approx(expected, rel=0.15)  # arms leave the panel


@pytest.mark.parametrize('changes, count', [(dict(has_transl=False), 3 + 2), (dict(has_smpl=False), 3 + 1)])
def test_labels_without_camera_or_mesh_are_drawn_as_keypoints(
    visualizer, smpl, person, augmented, changes, count
):
    sample = {**augmented(person), **changes}
    data_sample = packed(sample, smpl)
    photo, _, true, *_ = panels(visualizer.draw_person(person['img'], data_sample), count)
    changed = (photo != true).any(-1)[30:].mean()
    assert 0.01 < changed < 0.15  # bones, not a body


def test_one_side_only(visualizer, smpl, person, augmented):
    data_sample = packed(augmented(person), smpl)
    widths = [
        visualizer.draw_person(person['img'], data_sample, *sides).shape[1]
        for sides in ((True, True), (True, False), (False, True), (False, False))
    ]
    assert widths[0] > widths[1] == widths[2] > widths[3]


def test_to_a_file_and_to_the_backends(smpl, person, augmented, tmp_path):
    visualizer = MeshVisualizer(
        str(tmp_path), smpl, height=128, vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path)
    )
    data_sample = packed(augmented(person), smpl)
    drawn = visualizer.draw_person(person['img'], data_sample, text='words')
    rgb = person['img'][..., ::-1]
    visualizer.add_datasample('val_000000', rgb, data_sample, step=12, text='words')
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'vis_data/vis_image/val_000000_12.png')), drawn)
    visualizer.add_datasample('x', rgb, data_sample, out_file=tmp_path / 'new' / 'x.png', text='words')
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'new' / 'x.png')), drawn)
    with pytest.raises(OSError, match='cannot write'):
        (tmp_path / 'folder.png').mkdir()
        visualizer.add_datasample('x', rgb, data_sample, out_file=tmp_path / 'folder.png')


def test_in_a_window(visualizer, smpl, person, augmented, monkeypatch):
    shown = []
    monkeypatch.setattr(visualizer, 'show', lambda image, **options: shown.append((image, options)))
    data_sample = packed(augmented(person), smpl)
    visualizer.add_datasample('me', person['img'][..., ::-1], data_sample, show=True, wait_time=3)
    ((image, options),) = shown
    np.testing.assert_array_equal(image[..., ::-1], visualizer.draw_person(person['img'], data_sample))
    assert options == dict(win_name='me', wait_time=3)
