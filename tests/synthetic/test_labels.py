"""Labels of rendered photos: consistent with the body model, the camera, and the pixels."""

import cv2
import numpy as np
import pytest
import torch

from mmroi.geometry import rasterize
from mmroi.synthetic.labels import label_rows, to_human_data
from mmroi.synthetic.presets import get_preset
from mmroi.synthetic.renderer import Renderer
from mmroi.synthetic.scene import SceneSampler
from mmroi.synthetic.studio import Studio, StudioSettings


@pytest.fixture(scope='module')
def studio():
    return Studio(StudioSettings('full', 128, 3))


@pytest.fixture(scope='module')
def shots(studio):
    sampler, renderer = SceneSampler(studio.body, get_preset('full'), 128), Renderer(studio.body)
    out = []
    for i in range(16):
        rng = np.random.default_rng([3, i])
        scene = sampler.sample(rng)
        photo = renderer.render(rng, scene)
        out.append((scene, photo, label_rows(scene, photo, 0.25)))
    return out


def people(shots):
    for scene, photo, rows in shots:
        for r, k in enumerate(rows['person_id']):
            yield scene, photo, {key: value[r] for key, value in rows.items()}, int(k)


def test_parameters_reproduce_keypoints(studio, shots):
    count = 0
    for _, _, row, _ in people(shots):
        with torch.no_grad():
            out = studio.body.model(
                *(
                    torch.from_numpy(row[key].reshape(1, -1))
                    for key in ('global_orient', 'body_pose', 'betas', 'transl')
                )
            )
        joints = out.joints[0].double().numpy()
        np.testing.assert_allclose(joints, row['keypoints3d'][:, :3], atol=2e-5)
        points = joints[:, :2] / joints[:, 2:] * row['focal_length'] + row['principal_point']
        assert np.abs(points - row['keypoints2d'][:, :2]).max() < 0.01
        count += 1
    assert count > 10


def test_joints_of_visible_people_lie_on_their_pixels(studio, shots):
    """On the outline of the bare body; where nothing is in front, on the person's own pixels too."""
    for scene, photo, row, k in people(shots):
        camera = scene.camera
        points = camera.project(scene.people[k].vertices)
        mask = np.zeros(camera.height * camera.width, np.uint8)
        mask[
            rasterize(
                points, scene.people[k].vertices[:, 2], studio.body.faces, camera.height, camera.width
            ).pixel_index
        ] = 1
        mask = cv2.dilate(mask.reshape(camera.height, camera.width), np.ones((3, 3), np.uint8))
        own = cv2.dilate((photo.owner == k).astype(np.uint8), np.ones((7, 7), np.uint8))
        for (x, y, inside), hidden in zip(
            row['keypoints2d'][:24], row['keypoints2d_occluded'][:24], strict=True
        ):
            if inside:
                assert mask[round(float(y)), round(float(x))]
                if not hidden:
                    assert own[int((y + 0.5) * 2), int((x + 0.5) * 2)]


def test_boxes_are_the_extent_of_the_visible_pixels(shots):
    for _, photo, row, k in people(shots):
        ys, xs = np.nonzero(photo.owner == k)
        low, high = np.array([xs.min(), ys.min()]) / 2 - 0.5, (np.array([xs.max(), ys.max()]) + 1) / 2 - 0.5
        np.testing.assert_allclose(row['bbox_xywh'], [*low, *(high - low), 1], atol=1e-4)


def test_box_of_a_whole_unhidden_person_is_that_of_its_mesh(shots):
    checked = 0
    for scene, _, row, k in people(shots):
        points = scene.camera.project(scene.people[k].vertices)
        low, high = points.min(0), points.max(0)
        whole = low.min() > 2 and (high < (scene.camera.width - 3, scene.camera.height - 3)).all()
        if whole and row['visible'] > 0.999:
            x, y, w, h = row['bbox_xywh'][:4]
            # Clothes and hair stand off by at most 5 cm.
            slack = 0.05 * scene.camera.focal_length / scene.people[k].pelvis[2] + 1
            assert np.abs(np.array([x, y]) - low).max() < slack
            assert np.abs(np.array([x + w, y + h]) - high).max() < slack
            checked += 1
    assert checked >= 3


def test_confidence_is_the_frame(shots):
    outside = 0
    for scene, _, row, _ in people(shots):
        x, y, confidence = row['keypoints2d'].T
        inside = (x >= 0) & (y >= 0) & (x <= scene.camera.width - 1) & (y <= scene.camera.height - 1)
        np.testing.assert_array_equal(confidence, inside)
        assert not row['keypoints2d_occluded'][~inside].any()
        outside += (~inside).sum()
    assert outside > 0


def test_people_hide_each_other(shots):
    assert any(row['keypoints2d_occluded'].any() for _, _, row, _ in people(shots))
    assert any((0.3 < row['visible'] < 0.95) for _, _, row, _ in people(shots))


def test_hardly_visible_people_get_no_row(shots):
    scene, photo, _ = shots[0]
    assert len(label_rows(scene, photo, 1.01)['person_id']) == 0
    everyone = label_rows(scene, photo, 0.0)
    assert everyone['keypoints2d'].shape == (len(everyone['person_id']), 54, 3)


def test_human_data_holds_the_rows(shots):
    parts = [rows for _, _, rows in shots]
    count = sum(len(rows['person_id']) for rows in parts)
    data = to_human_data([f'{i}.jpg' for i in range(count)], parts)
    assert data['keypoints2d'].shape == (count, 54, 3) and data['smpl']['body_pose'].shape == (count, 23, 3)
    assert data['misc']['principal_point'].shape == (count, 2) and len(data['meta']['gender']) == count
    assert data['keypoints2d_convention'] == 'smpl_54'
