import json
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh

from mmroi.fileio.atomic import WriteError
from mmroi.visualization import person_colors, save_meshes

TO_CAMERA = np.array([1, -1, -1])
SRGB_RED, ITS_LINEAR_LIGHT = 187, 127 / 255  # ((187 / 255 + 0.055) / 1.055) ** 2.4 = 0.497


@pytest.fixture
def people(body):
    vertices, faces = body
    return np.stack([vertices, vertices + (0.9, 0, 0.5)]), faces


def read_glb(path):
    """The JSON chunk of a GLB and its accessors as arrays, by the specification alone."""
    data = path.read_bytes()
    magic, version, length, json_length, kind = struct.unpack('<4sIII4s', data[:20])
    assert (magic, version, length, kind) == (b'glTF', 2, len(data), b'JSON') and json_length % 4 == 0
    tree = json.loads(data[20 : 20 + json_length])
    binary_length, kind = struct.unpack('<I4s', data[20 + json_length : 28 + json_length])
    binary = data[28 + json_length :]
    assert kind == b'BIN\0' and binary_length == len(binary) == tree['buffers'][0]['byteLength']
    arrays = []
    for accessor in tree['accessors']:
        view = tree['bufferViews'][accessor['bufferView']]
        width = {'SCALAR': 1, 'VEC3': 3}[accessor['type']]
        dtype = {5125: '<u4', 5126: '<f4'}[accessor['componentType']]
        start = view.get('byteOffset', 0) + accessor.get('byteOffset', 0)
        assert start % 4 == 0 and 4 * width * accessor['count'] <= view['byteLength']
        array = np.frombuffer(binary, dtype, width * accessor['count'], start).reshape(-1, width)
        np.testing.assert_array_equal(array.min(axis=0), np.array(accessor['min'], dtype))
        np.testing.assert_array_equal(array.max(axis=0), np.array(accessor['max'], dtype))
        arrays.append(array)
    return tree, arrays


def volume(vertices, faces):
    return trimesh.Trimesh(vertices, faces, process=False).volume


def test_glb_by_its_specification(people, tmp_path):
    vertices, faces = people
    save_meshes(
        tmp_path / 'a.glb',
        vertices,
        faces,
        colors=[(10, 20, SRGB_RED), (255, 255, 255)],
        ids=[7, 2],
        body_model='open',
    )
    tree, arrays = read_glb(tmp_path / 'a.glb')
    assert tree['scenes'][0]['extras'] == {'body_model': 'open'}
    assert tree['asset']['version'] == '2.0'
    shown = tree['scenes'][tree['scene']]['nodes']
    assert [tree['nodes'][i]['name'] for i in shown] == ['person_7', 'person_2']
    for node, body in zip(tree['nodes'], vertices, strict=True):
        assert set(node) == {'name', 'mesh'}  # no transform
        (primitive,) = tree['meshes'][node['mesh']]['primitives']
        assert primitive.get('mode', 4) == 4  # triangles
        positions, normals = (arrays[primitive['attributes'][name]] for name in ('POSITION', 'NORMAL'))
        np.testing.assert_allclose(positions * TO_CAMERA, body, atol=1e-6)
        np.testing.assert_array_equal(arrays[primitive['indices']].reshape(-1, 3), faces)
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
        # Normals point outwards.
        assert volume(positions + 0.002 * normals, faces) > 1.01 * volume(positions, faces) > 0
        assert np.median(positions[:, 2]) < -3  # in front of a viewer who looks along -z
    material = tree['materials'][tree['meshes'][0]['primitives'][0]['material']]['pbrMetallicRoughness']
    assert material['metallicFactor'] == 0 and 0.3 < material['roughnessFactor'] <= 1
    assert material['baseColorFactor'][0] == pytest.approx(ITS_LINEAR_LIGHT)
    assert material['baseColorFactor'][3] == 1
    white = tree['materials'][tree['meshes'][1]['primitives'][0]['material']]['pbrMetallicRoughness']
    assert white['baseColorFactor'] == [1, 1, 1, 1]


@pytest.mark.parametrize('suffix', ['.glb', '.obj', '.ply', '.GLB'])
def test_a_body_stands_upright_and_is_solid_outside(people, tmp_path, suffix):
    vertices, faces = people
    path = tmp_path / f'frame{suffix}'
    save_meshes(path, vertices, faces)
    scene = trimesh.load_scene(path, process=False)
    mesh = scene.to_mesh()
    assert len(mesh.vertices) == 2 * len(vertices[0]) and len(mesh.faces) == 2 * len(faces)
    expected = vertices.reshape(-1, 3)
    in_camera = mesh.vertices * TO_CAMERA  # bodies in any order
    np.testing.assert_allclose(np.sort(in_camera, axis=0), np.sort(expected, axis=0), atol=1e-5)
    # Winding: faces enclose a positive volume, that of two people, not of their mirror images.
    one = volume(vertices[0], faces)
    assert mesh.volume == pytest.approx(2 * one, rel=1e-4) and 0.03 < one < 0.15
    crown, sole = vertices[0][:, 1].argmin(), vertices[0][:, 1].argmax()  # y is down in the camera frame
    assert mesh.vertices[crown, 1] - mesh.vertices[sole, 1] > 1.4


def test_objects_and_materials_of_an_obj(people, tmp_path):
    save_meshes(tmp_path / 'frame.obj', *people, ids=[3, 12])
    text = (tmp_path / 'frame.obj').read_text()
    assert [line for line in text.splitlines() if line[0:2] in ('o ', 'us', 'mt')] == [
        'mtllib frame.mtl', 'o person_3', 'usemtl person_3', 'o person_12', 'usemtl person_12']  # fmt: skip
    lines = (tmp_path / 'frame.mtl').read_text().splitlines()
    shown = [[round(255 * float(n)) for n in line.split()[1:]] for line in lines if line.startswith('Kd')]
    assert shown == [list(color[::-1]) for color in person_colors([3, 12])]


def test_colors_of_a_ply(people, tmp_path):
    save_meshes(tmp_path / 'frame.ply', *people, colors=np.array([(1, 2, 3), (40, 50, 60)]))
    mesh = trimesh.load_mesh(tmp_path / 'frame.ply', process=False)
    count = len(mesh.vertices) // 2
    np.testing.assert_array_equal(mesh.visual.vertex_colors[:count], [(3, 2, 1, 255)] * count)
    np.testing.assert_array_equal(mesh.visual.vertex_colors[count:], [(60, 50, 40, 255)] * count)


def test_a_single_body_and_vertices_without_a_face(ball, tmp_path):
    vertices, faces = ball((0, 0, 3))
    save_meshes(tmp_path / 'a.glb', np.vstack([vertices, (0, 0, 9)]), faces)
    tree, arrays = read_glb(tmp_path / 'a.glb')
    assert [node['name'] for node in tree['nodes']] == ['person_0']
    normals = arrays[tree['meshes'][0]['primitives'][0]['attributes']['NORMAL']]
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(path='a.stl'), r'a\.stl: meshes are written as \.glb, \.obj, \.ply'),
        (dict(vertices=np.zeros((0, 642, 3))), 'no body to write'),
        (dict(vertices=np.full((2, 642, 3), np.nan)), 'vertices of body 0 of 2 have NaN'),
        (dict(vertices=np.zeros((2, 642))), r'vertices must be \(P, V, 3\)'),
        (dict(vertices=np.zeros((2, 10, 3))), 'a body has 10'),
        (dict(ids=[1, 1]), 'ids must be 2 different numbers'),
        (dict(ids=[1]), 'ids must be 2 different numbers'),
        (dict(colors=[(1, 2, 3)]), 'one .* for each of 2 people'),
    ],
)
def test_bad_input_is_one_sentence_and_no_file(ball, tmp_path, change, words):
    vertices, faces = ball((0, 0, 3))
    arguments = dict(path='a.glb', vertices=np.stack([vertices] * 2), faces=faces) | change
    with pytest.raises(ValueError, match=words):
        save_meshes(tmp_path / arguments.pop('path'), **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('suffix', ['.glb', '.obj', '.ply'])
def test_a_failed_write_keeps_the_old_files(people, tmp_path, monkeypatch, suffix):
    path = tmp_path / f'frame{suffix}'
    save_meshes(path, *people)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    write_bytes = Path.write_bytes

    def disk_full(self, data):
        write_bytes(self, data[:100])
        raise OSError('no space left on device')

    monkeypatch.setattr(Path, 'write_bytes', disk_full)
    with pytest.raises(OSError, match='no space left'):
        save_meshes(path, *people, ids=[8, 9])
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_without_trimesh_it_says_what_to_install(ball, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'trimesh', None)
    with pytest.raises(ImportError, match='mesh files need trimesh: pip install trimesh'):
        save_meshes(tmp_path / 'a.glb', *ball((0, 0, 3)))


@pytest.mark.parametrize('suffix', ['.glb', '.obj', '.ply'])
def test_a_full_disk_leaves_no_half_mesh(people, tmp_path, small_disk, suffix):
    with (
        small_disk(4096),
        pytest.raises(WriteError, match=rf'people\{suffix}: File too large; nothing of it'),
    ):
        save_meshes(tmp_path / f'people{suffix}', *people)
    assert [path for path in tmp_path.iterdir() if path.suffix != '.mtl'] == []
