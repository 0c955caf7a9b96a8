"""Motions, and readers of their files that are written from the formats' specifications alone."""

import json
import struct

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mmroi.visualization.animation import Rig, Track

FPS = 25.0
DTYPES = {5120: '<i1', 5121: '<u1', 5122: '<i2', 5123: '<u2', 5125: '<u4', 5126: '<f4'}
SIZES = {'SCALAR': 1, 'VEC2': 2, 'VEC3': 3, 'VEC4': 4, 'MAT4': 16}


@pytest.fixture(scope='session')
def body(smpl):
    return smpl


@pytest.fixture(scope='session')
def parameters():
    """SMPL parameters of nine frames in the camera frame: a lively motion, betas that flicker."""
    rng = np.random.default_rng(0)
    ends = rng.normal(0, 0.35, (2, 24, 3))
    ends[:, 0] = (np.pi - 0.2, 0.1, 0.2), (0.3, 2.6, -0.5)  # upright, and a turn towards the side
    share = np.linspace(0, 1, 9)[:, None, None]
    poses = (1 - share) * ends[0] + share * ends[1]
    betas = rng.normal(0, 1, 10) + rng.normal(0, 0.1, (9, 10))
    translations = np.array([0.2, 0.1, 4]) + np.linspace(0, 1, 9)[:, None] * (0.5, 0, -1)
    return poses, betas, translations


@pytest.fixture
def make_track(parameters):
    """make_track(numbers of frames, their times) -> track of these of the nine frames."""

    def make(frames=range(9), times=None):
        track = Track()
        for frame, time in zip(frames, times or [frame / FPS for frame in frames], strict=True):
            track.add(time, *(values[frame] for values in parameters))
        return track

    return make


@pytest.fixture
def clip(make_track, body):
    (made,) = make_track().clips(body, 'dance', FPS)
    return made


@pytest.fixture
def pose(body, parameters):
    """pose(pose shapes=True) -> vertices (9, V, 3) and joints (9, 24, 3) in the camera frame, by SMPL.

    All frames have the mean betas; the root joint stays where the frame's own betas put it.
    """

    def make(pose_shapes=True):
        poses, betas, translations = (torch.tensor(values, dtype=torch.float32) for values in parameters)
        mean = betas.mean(0, keepdim=True)
        moved = translations + body.rest_root(betas) - body.rest_root(mean)
        posed = body(poses[:, 0], poses[:, 1:], mean, moved)
        joints = posed.joints[:, :24].double().numpy()
        if pose_shapes:
            return posed.vertices.double().numpy(), joints
        rest = body(torch.zeros(1, 3), torch.zeros(1, 69), mean)
        turns = Rotation.from_rotvec(poses.reshape(-1, 3).numpy()).as_matrix().reshape(9, 24, 3, 3)
        for joint in range(1, 24):
            turns[:, joint] = turns[:, body.parents[joint]] @ turns[:, joint]
        local = (rest.vertices[0, :, None] - rest.joints[0, :24]).double().numpy()  # (V, 24, 3)
        weights = Rig.from_body(body, np.zeros(10)).weights
        skinned = np.einsum('vj,tjab,vjb->tva', weights, turns, local, optimize=True)
        return skinned + np.einsum('vj,tja->tva', weights, joints), joints

    return make


class Gltf:
    """A GLB file, posed as the glTF 2.0 specification describes."""

    def __init__(self, content):
        magic, version, length = struct.unpack_from('<4sII', content)
        assert (magic, version, length) == (b'glTF', 2, len(content))
        size, kind = struct.unpack_from('<I4s', content, 12)
        assert kind == b'JSON' and size % 4 == 0
        self.json = json.loads(content[20 : 20 + size])
        binary, kind = struct.unpack_from('<I4s', content, 20 + size)
        assert kind == b'BIN\0' and 28 + size + binary == len(content)
        self.binary = content[28 + size :]
        (self.skin,) = self.json['skins']
        (self.animation,) = self.json['animations']
        (self.mesh,) = self.json['meshes']
        self.names = [node['name'] for node in self.json['nodes']]
        self.times = self.read(self.animation['samplers'][0]['input'])

    def read(self, number):
        accessor = self.json['accessors'][number]
        view = self.json['bufferViews'][accessor['bufferView']]
        kind = np.dtype(DTYPES[accessor['componentType']])
        size = SIZES[accessor['type']]
        values = np.frombuffer(self.binary, kind, accessor['count'] * size, view.get('byteOffset', 0))
        values = values.reshape(accessor['count'], -1).astype(np.float64)
        return values / np.iinfo(kind).max if accessor.get('normalized') else values

    def attribute(self, name):
        return self.read(self.mesh['primitives'][0]['attributes'][name])

    def globals(self, time):
        """Transforms of all nodes to the world at a time, (N, 4, 4)."""
        nodes = [dict(node) for node in self.json['nodes']]
        for channel in self.animation['channels']:
            sampler = self.animation['samplers'][channel['sampler']]
            assert sampler.get('interpolation', 'LINEAR') == 'LINEAR'
            values, path = self.read(sampler['output']), channel['target']['path']
            index = int(np.clip(np.searchsorted(self.times[:, 0], time, 'right') - 1, 0, len(values) - 1))
            after = min(index + 1, len(values) - 1)
            length = self.times[after, 0] - self.times[index, 0]
            share = np.clip((time - self.times[index, 0]) / length, 0, 1) if length else 0
            value = (1 - share) * values[index] + share * values[after]
            nodes[channel['target']['node']][path] = value / (
                np.linalg.norm(value) if path == 'rotation' else 1
            )
        found = {}

        def visit(number, parent):
            node = nodes[number]
            local = np.eye(4)
            local[:3, :3] = Rotation.from_quat(node.get('rotation', (0, 0, 0, 1))).as_matrix()
            local[:3, 3] = node.get('translation', (0, 0, 0))
            found[number] = parent @ local
            for child in node.get('children', ()):
                visit(child, found[number])

        for number in self.json['scenes'][self.json['scene']]['nodes']:
            visit(number, np.eye(4))
        return np.stack([found[number] for number in range(len(nodes))])

    def pose(self, time):
        """Vertices (V, 3) and joints (24, 3) in the world at a time."""
        world = self.globals(time)[self.skin['joints']]
        inverse = self.read(self.skin['inverseBindMatrices']).reshape(-1, 4, 4).swapaxes(1, 2)
        joints = self.attribute('JOINTS_0').astype(int)
        moves = ((world @ inverse)[joints] * self.attribute('WEIGHTS_0')[..., None, None]).sum(1)
        points = np.pad(self.attribute('POSITION'), ((0, 0), (0, 1)), constant_values=1)
        return np.einsum('vab,vb->va', moves, points)[:, :3], world[:, :3, 3]


class Bvh:
    """A BVH file: names, channels and positions of its joints."""

    def __init__(self, text):
        words = text.split()
        assert words[0] == 'HIERARCHY'
        self.names, self.parents, self.offsets, self.channels = [], [], [], []
        stack, last, at, site = [], None, 1, False
        self.sites = 0
        while words[at] != 'MOTION':
            word = words[at]
            if word in ('ROOT', 'JOINT'):
                self.names.append(words[at + 1])
                self.parents.append(stack[-1] if stack else -1)
                last, at = len(self.names) - 1, at + 2
            elif word == 'End':
                site, last, at = True, 'site', at + 2
                self.sites += 1
            elif word == '{':
                stack.append(last)
                at += 1
            elif word == '}':
                site = stack.pop() != 'site' and site
                at += 1
            elif word == 'OFFSET':
                if stack[-1] != 'site':
                    self.offsets.append([float(number) for number in words[at + 1 : at + 4]])
                at += 4
            elif word == 'CHANNELS':
                count = int(words[at + 1])
                self.channels.append(words[at + 2 : at + 2 + count])
                at += 2 + count
            else:
                raise AssertionError(word)
        assert not stack and words[at + 1] == 'Frames:' and words[at + 3 : at + 5] == ['Frame', 'Time:']
        self.frame_time = float(words[at + 5])
        self.rows = np.array(words[at + 6 :], float).reshape(int(words[at + 2]), -1)

    def joints(self):
        """Positions of the joints in all frames by name, (T, 3)."""
        turns, places, column = [], [], 0
        for joint, channels in enumerate(self.channels):
            local = np.tile(np.eye(4), (len(self.rows), 1, 1))
            local[:, :3, 3] = self.offsets[joint]
            for channel in channels:
                step, value = np.tile(np.eye(4), (len(self.rows), 1, 1)), self.rows[:, column]
                axis = 'XYZ'.index(channel[0])
                if channel.endswith('position'):
                    step[:, axis, 3] = value
                else:
                    turn = np.zeros((len(value), 3))
                    turn[:, axis] = np.radians(value)
                    step[:, :3, :3] = Rotation.from_rotvec(turn).as_matrix()
                local, column = local @ step, column + 1
            world = local if self.parents[joint] < 0 else turns[self.parents[joint]] @ local
            turns.append(world)
            places.append(world[:, :3, 3])
        assert column == self.rows.shape[1]
        return dict(zip(self.names, places, strict=True))
