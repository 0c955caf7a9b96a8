import json
import shutil
import subprocess

import numpy as np
import pytest

from mmroi.visualization import person_colors
from mmroi.visualization.animation import JOINT_NAMES, Rig, encode_glb, write_glb

from .conftest import FPS, Gltf

TO_WORLD = np.diag([1.0, -1, -1])  # from the camera frame to y up, towards the camera


@pytest.fixture
def rig(clip, body):
    return Rig.from_body(body, clip.betas)


@pytest.fixture
def gltf(clip, rig):
    return Gltf(encode_glb(clip, rig, person=3))


def test_the_posed_file_is_the_posed_body(gltf, pose, body):
    vertices, joints = pose(pose_shapes=False)
    for frame, time in enumerate(gltf.times[:, 0]):
        skinned, bones = gltf.pose(time)
        assert np.abs(skinned - vertices[frame] @ TO_WORLD.T).max() < 1e-3
        np.testing.assert_allclose(bones, joints[frame] @ TO_WORLD.T, atol=1e-5)
    assert np.abs(vertices[0] - vertices[-1]).max() > 0.5  # it moves


def test_pose_shapes_are_the_only_difference_to_smpl(gltf, pose):
    vertices, _ = pose()
    error = np.linalg.norm(gltf.pose(gltf.times[0, 0])[0] - vertices[0] @ TO_WORLD.T, axis=1)
    assert error.mean() < 2e-3 and error.max() < 0.03


def test_between_keys_it_turns_the_short_way(gltf):
    middle = (gltf.times[:-1, 0] + gltf.times[1:, 0]) / 2
    keys = np.stack([gltf.pose(time)[0] for time in gltf.times[:, 0]])
    for before, after, time in zip(keys, keys[1:], middle, strict=False):
        step = np.abs(after - before).max()
        assert np.abs(gltf.pose(time)[0] - (before + after) / 2).max() < 0.1 * step


def test_names_hierarchy_and_rest_pose(gltf, rig, body):
    joints = gltf.skin['joints']
    assert [gltf.names[node] for node in joints] == list(JOINT_NAMES)
    parent = {child: n for n, node in enumerate(gltf.json['nodes']) for child in node.get('children', ())}
    assert [joints.index(parent[node]) for node in joints[1:]] == body.parents[1:].tolist()
    assert gltf.names[parent[joints[0]]] == 'person_3'
    # without the animation the bind pose
    gltf.animation['channels'].clear()
    np.testing.assert_allclose(gltf.pose(0)[0], rig.vertices, atol=1e-5)
    assert rig.joints[JOINT_NAMES.index('Head'), 1] > rig.joints[JOINT_NAMES.index('L_Foot'), 1] + 1
    assert rig.joints[JOINT_NAMES.index('L_Hand'), 0] > 0.5 > rig.joints[JOINT_NAMES.index('R_Hand'), 0]


def test_times_and_properties(gltf, clip):
    np.testing.assert_allclose(gltf.times[:, 0], np.arange(9) / FPS, atol=1e-6)
    extras = gltf.json['extras']
    assert (extras['name'], extras['fps'], extras['frames']) == ('dance', FPS, 9)
    np.testing.assert_allclose(extras['betas'], clip.betas)
    assert extras['body_model'] == 'open'
    np.testing.assert_allclose(gltf.attribute('WEIGHTS_0').sum(1), 1, atol=1e-12)
    color = np.array(gltf.json['materials'][0]['pbrMetallicRoughness']['baseColorFactor'][:3])
    srgb = np.array(person_colors([3])[0][::-1]) / 255
    np.testing.assert_allclose(color, ((srgb + 0.055) / 1.055) ** 2.4, atol=1e-6)


def test_a_clip_that_starts_late_keeps_the_clock_of_the_video(make_track, body):
    (clip,) = make_track(range(3, 9)).clips(body, 'a', FPS)
    gltf = Gltf(encode_glb(clip, Rig.from_body(body, clip.betas)))
    np.testing.assert_allclose(gltf.times[:, 0], np.arange(3, 9) / FPS, atol=1e-6)


@pytest.mark.parametrize('frames', [range(9), [4]])
def test_khronos_validator_finds_nothing(make_track, body, tmp_path, frames):
    (clip,) = make_track(frames).clips(body, 'Tänzer 舞', FPS)
    write_glb(tmp_path / 'Tänzer 舞.glb', clip, Rig.from_body(body, clip.betas), 1)
    content = (tmp_path / 'Tänzer 舞.glb').read_bytes()
    assert Gltf(content).animation['name'] == 'Tänzer 舞' and len(content) < 400_000
    script = (
        'const bytes = new Uint8Array(require("fs").readFileSync(process.argv[1]));'
        'require("gltf-validator").validateBytes(bytes, {maxIssues: 20})'
        '.then((report) => console.log(JSON.stringify(report.issues)));'
    )
    node = shutil.which('node')
    if (
        node is None
        or subprocess.run([node, '-e', 'require("gltf-validator")'], capture_output=True).returncode
    ):
        pytest.skip("needs Khronos' validator: npm install gltf-validator, NODE_PATH=node_modules")
    command = [node, '-e', script, str(tmp_path / 'Tänzer 舞.glb')]
    issues = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert issues['messages'] == []
