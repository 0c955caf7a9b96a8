"""A person has one translation, the same in every output of a run."""

import base64
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from mmengine.config import Config

from mmroi.apis import MultiRoIInferencer
from mmroi.apis.inference import pictures
from mmroi.apis.init_model import build_model
from mmroi.fileio.checkpoint_io import write_checkpoint
from mmroi.visualization.mesh_files import TO_GLTF

from .conftest import BOXES

CONFIG = (
    Path(__file__).parents[3] / 'configs/ablation/multi-roi_r50_1xb48-25e_coco-256x192_ours_mesh_per-roi.py'
)


@pytest.fixture(scope='module')
def mesh_per_roi(tmp_path_factory):
    """An inferencer with one mesh for each RoI and random weights."""
    config = Config.fromfile(CONFIG)
    path = tmp_path_factory.mktemp('weights') / 'random.pth'
    write_checkpoint(path, build_model(config, body_model='open').state_dict(), {})
    return MultiRoIInferencer(config, path, device='cpu', show_progress=False, body_model='open')


def decode(mesh):
    numbers = np.frombuffer(base64.b64decode(mesh['data']), '<u2').reshape(-1, 3)
    return np.array(mesh['low']) + np.array(mesh['step']) * numbers


def check_outputs(folder, name, drawn):
    """Compare the outputs for a frame with each other; ``drawn`` holds what the views were drawn from."""
    with np.load(folder / 'predictions' / f'{name}.npz', allow_pickle=False) as file:
        arrays = dict(file)
    translation, cameras = arrays['camera_translation'], arrays['full_cameras']
    assert len(translation) == 2

    people = json.loads((folder / 'predictions' / f'{name}.json').read_text())['people']
    np.testing.assert_allclose([p['camera_translation'] for p in people], translation, atol=1e-6)
    np.testing.assert_allclose([p['full_cameras'] for p in people], cameras, atol=1e-6)

    meshes = trimesh.load(folder / 'meshes' / f'{name}.glb', process=False)
    for person, one in zip(people, arrays['vertices'], strict=True):
        mesh = meshes.geometry[f'person_{person["track_id"]}']
        moved = mesh.vertices * TO_GLTF - one
        np.testing.assert_allclose(
            moved, np.broadcast_to(person['camera_translation'], moved.shape), atol=1e-5
        )

    vertices, views_cameras, views_translation = drawn
    np.testing.assert_array_equal(views_cameras, cameras)
    np.testing.assert_array_equal(views_translation, translation)
    np.testing.assert_allclose(vertices - translation[:, None], arrays['vertices'], atol=1e-5)

    page = (folder / 'viewer.html').read_text(encoding='utf-8')
    (frame,) = re.findall(rf'<script [^>]*class="frame" data-name="{name}"[^>]*>(.*?)</script>', page)
    shown = json.loads(frame)['people']
    for person, one, moved, own in zip(shown, arrays['vertices'], translation, cameras, strict=True):
        np.testing.assert_allclose(person['parameters']['camera_translation'], moved, rtol=1e-6)
        np.testing.assert_allclose(decode(person['mesh']) - one, np.broadcast_to(moved, one.shape), atol=5e-5)
        np.testing.assert_allclose(person['positions'], moved - own, atol=1e-5)


@pytest.fixture
def drawn(monkeypatch):
    """Bodies, cameras and translations that the views of each frame show."""
    calls, draw = [], pictures.draw_cameras

    def spy(vertices, faces, full_cameras, camera_translation, *rest):
        calls.append((vertices, full_cameras, camera_translation))
        return draw(vertices, faces, full_cameras, camera_translation, *rest)

    monkeypatch.setattr(pictures, 'draw_cameras', spy)
    return calls


SAVE = ('json', 'npz', 'vertices', 'glb', 'views', 'viewer')


def test_outputs_agree_with_a_mesh_per_roi(mesh_per_roi, photo, tmp_path, drawn):
    list(mesh_per_roi.stream(photo, bboxes=BOXES, out_dir=tmp_path, save=SAVE))
    check_outputs(tmp_path, 'array', *drawn)


def test_outputs_agree_after_smoothing(inferencer, photo, tmp_path, drawn):
    video = tmp_path / 'clip.avi'
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*'MJPG'), 8, photo.shape[1::-1])
    for shift in range(4):
        writer.write(np.roll(photo, 5 * shift, axis=1))
    writer.release()
    results = inferencer.stream(video, bboxes=BOXES, out_dir=tmp_path / 'out', save=SAVE, smooth=True)
    names = [result.frame.name for result in results]
    assert len(names) == 4
    for name, shown in zip(names, drawn, strict=True):
        check_outputs(tmp_path / 'out', name, shown)
