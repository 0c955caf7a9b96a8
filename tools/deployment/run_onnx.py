"""Run an exported network on an image, with only NumPy, OpenCV and ONNX Runtime.

    python tools/deployment/run_onnx.py image.jpg --bbox X1 Y1 X2 Y2 --onnx model.onnx [--out-dir out]

This example to copy from needs neither mmroi nor PyTorch: the settings of the network are in the metadata
that tools/deployment/export_onnx.py writes to the file. All outputs are written to an npz. If the file was
exported with --with-smpl, the meshes are also written to an OBJ and drawn on the image.
"""

import argparse
import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

COLORS = ((238, 186, 140), (136, 204, 238), (153, 221, 170), (187, 170, 255))  # BGR


def base_box(bbox: np.ndarray, principal_point: np.ndarray, aspect: float, scale: float) -> np.ndarray:
    """Enlarge the box around a person to the aspect ratio of the crops.

    Args:
        bbox: (4,) left, top, right, bottom in pixels.
        principal_point: (2,), pixels.
        aspect: Width divided by height.
        scale: Enlargement factor.

    Returns:
        (3,) center relative to the principal point and height, pixels.
    """
    width, height = bbox[2:] - bbox[:2]
    center = bbox[:2] + np.array([width, height]) / 2
    return np.append(center - principal_point, max(height, width / aspect) * scale)


def make_rois(box: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the boxes (M, 3) of all RoIs, shifted by fractions of the base box's height and scaled."""
    return np.column_stack([box[:2] + offsets[:, :2] * box[2], offsets[:, 2] * box[2]])


def context_box(boxes: np.ndarray, crop_size: tuple[int, int], context_size: tuple[int, int]) -> np.ndarray:
    """Return the box (3,) of one crop around all RoIs (M, 3), the smallest of its aspect."""
    half = boxes[:, 2:] / 2 * [crop_size[1] / crop_size[0], 1]
    low, high = (boxes[:, :2] - half).min(0), (boxes[:, :2] + half).max(0)
    width, height = high - low
    return np.append((low + high) / 2, max(height, width * context_size[0] / context_size[1]))


def crop(
    image: np.ndarray, box: np.ndarray, principal_point: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Crop a box from an image; black outside.

    Bilinear warping skips pixels when it shrinks by more than two, so the image is halved first as often as
    needed.

    Args:
        image: (H, W, 3) uint8.
        box: (3,) center relative to the principal point and height, pixels.
        principal_point: (2,), pixels.
        size: Height and width of the crop.

    Returns:
        (*size, 3) uint8.
    """
    height, width = size
    gain = height / box[2]
    shift = (-principal_point - box[:2]) * gain + np.array([width / 2, height / 2])
    ratio = np.ones(2)
    full_size = np.array(image.shape[1::-1], np.float64)
    for _ in range(int(np.log2(max(1 / gain, 1)))):
        half = max(image.shape[1] // 2, 1), max(image.shape[0] // 2, 1)
        image = cv2.resize(image, half, interpolation=cv2.INTER_AREA)
        ratio = full_size / half
    # Pixel centers lie at integers: x_full = ratio * (x_halved + 0.5) - 0.5.
    matrix = np.column_stack([np.diag(gain * ratio), gain * ((ratio - 1) / 2) + shift])
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)


def make_inputs(
    image: np.ndarray, bboxes: np.ndarray, focal_length: float | None, recipe: dict[str, Any]
) -> dict[str, Any]:
    """Return the network's inputs for all people of an image.

    Args:
        image: (H, W, 3) BGR uint8.
        bboxes: (N, 4) left, top, right, bottom in pixels.
        focal_length: Pixels; None for the image diagonal.
        recipe: Metadata of the ONNX file.

    Returns:
        crops (N, M, 3, H, W) uint8, or (N, 1, 3, H, W) of one crop for all RoIs; boxes (N, M, 3) and
        focal_length (N,) float64.
    """
    height, width = image.shape[:2]
    principal_point = np.array([width, height]) / 2
    offsets = np.array(recipe['roi_offsets'])
    boxes = np.stack(
        [
            make_rois(base_box(bbox, principal_point, recipe['box_aspect'], recipe['box_scale']), offsets)
            for bbox in bboxes
        ]
    )
    size, regions = recipe['crop_size'], boxes
    if context_size := recipe.get('context_size'):
        regions = np.stack([[context_box(rois, size, context_size)] for rois in boxes])
        size = context_size
    crops = np.stack([[crop(image, box, principal_point, size) for box in rois] for rois in regions])
    diagonal = (height**2 + width**2) ** 0.5
    return dict(
        crops=np.ascontiguousarray(crops.transpose(0, 1, 4, 2, 3)),
        boxes=boxes,
        focal_length=np.full(len(bboxes), focal_length or diagonal),
    )


def project(points: np.ndarray, focal_length: float, image: np.ndarray) -> np.ndarray:
    """Project points (..., 3) of the camera frame to pixels (..., 2) about the image center."""
    return focal_length * points[..., :2] / points[..., 2:] + np.array(image.shape[1::-1]) / 2


def draw_mesh(
    image: np.ndarray,
    vertices: np.ndarray,
    faces: np.ndarray,
    focal_length: float,
    color: tuple[int, int, int],
) -> None:
    """Draw a body on an image, far triangles first."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    light = 0.35 + 0.65 * np.clip(-normals @ np.array([-0.4, -0.55, 0.73]), 0, 1)
    facing = (normals * corners[:, 0]).sum(1) < 0
    pixels = np.rint(project(vertices, focal_length, image)[faces] * 16).astype(np.int32)
    for face in np.argsort(-corners[..., 2].mean(1)):
        if facing[face]:
            shade = [float(value) for value in np.array(color) * light[face]]
            cv2.fillConvexPoly(image, pixels[face], shade, cv2.LINE_AA, shift=4)


def save_obj(path: Path, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Write the bodies (N, V, 3) to one OBJ file, one object per body, with y up as viewers expect."""
    lines = []
    for person, body in enumerate(vertices * [1, -1, -1]):
        lines.append(f'o person_{person}')
        lines += [f'v {x:.5f} {y:.5f} {z:.5f}' for x, y, z in body]
        lines += [f'f {a} {b} {c}' for a, b, c in faces + 1 + person * len(body)]
    write_whole(path, lambda temporary: temporary.write_text('\n'.join(lines) + '\n'))


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under a temporary name first, so that a full disk leaves no half of it."""
    temporary = path.with_name(f'.{path.name}')
    try:
        if write(temporary) is False:
            raise OSError('the image cannot be encoded or written')
        temporary.replace(path)
    except OSError as error:
        sys.exit(f'error: cannot write {path}: {error.strerror or error}; free space, and run it again')
    finally:
        temporary.unlink(missing_ok=True)


def read_image(path: str) -> np.ndarray:
    """Read an image, or exit with an error message."""
    image = cv2.imread(path) if Path(path).is_file() else None
    if image is None:
        sys.exit(f'error: {path} is not a readable image')
    return image


def check_bboxes(bboxes: np.ndarray, image: np.ndarray) -> None:
    """Exit with an error message if a box is empty or outside the image."""
    for bbox in bboxes:
        if not np.isfinite(bbox).all() or not (bbox[2:] > bbox[:2]).all():
            sys.exit(
                f'error: --bbox takes left, top, right, bottom with right > left and bottom > top, '
                f'not {bbox.tolist()}'
            )
        if not (bbox[:2] < image.shape[1::-1]).all() or not (bbox[2:] > 0).all():
            sys.exit(
                f'error: --bbox {bbox.tolist()} lies outside the image of width {image.shape[1]} and '
                f'height {image.shape[0]}'
            )


def open_network(path: str) -> tuple[Any, dict[str, Any]]:
    """Open an ONNX file, or exit with an error message.

    Returns:
        A session of ONNX Runtime, and the metadata by name.
    """
    try:
        import onnxruntime
    except ImportError:
        sys.exit('error: onnxruntime is not installed: pip install onnxruntime')
    if not Path(path).is_file():
        sys.exit(f'error: {path} does not exist: write it with tools/deployment/export_onnx.py')
    try:
        session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime has a class for each reason
        sys.exit(f'error: {path} is not a readable ONNX file: {str(error).splitlines()[0]}')
    recipe = session.get_modelmeta().custom_metadata_map
    if 'roi_offsets' not in recipe:
        sys.exit(f'error: {path} has no crop settings: it was not written by export_onnx.py')
    return session, {name: json.loads(value) for name, value in recipe.items()}


def main() -> None:
    """Run the network on an image and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('image')
    parser.add_argument(
        '--bbox',
        type=float,
        nargs=4,
        action='append',
        required=True,
        metavar=('X1', 'Y1', 'X2', 'Y2'),
        help='box of a person, pixels; repeat it for each person',
    )
    parser.add_argument('--onnx', required=True, help='exported network')
    parser.add_argument('--focal-length', type=float, help='pixels (default: the image diagonal)')
    parser.add_argument(
        '--out-dir', type=Path, default=Path('out'), help='folder for the results (default: out)'
    )
    args = parser.parse_args()
    if args.focal_length is not None and not args.focal_length > 0:
        parser.error(f'--focal-length must be positive, not {args.focal_length}')

    image = read_image(args.image)
    bboxes = np.array(args.bbox)
    check_bboxes(bboxes, image)
    session, recipe = open_network(args.onnx)
    inputs = make_inputs(image, bboxes, args.focal_length, recipe)
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, inputs), strict=True))
    for person, place in enumerate(found['camera_translation']):
        print(f'person {person}: {place[2]:.2f} m away, {place[0]:+.2f} m right, {place[1]:+.2f} m down')

    args.out_dir.mkdir(parents=True, exist_ok=True)
    stem = args.out_dir / Path(args.image).stem
    found_for = dict(boxes=inputs['boxes'], focal_length=inputs['focal_length'])
    write_whole(Path(f'{stem}.npz'), lambda path: np.savez_compressed(path, **found, **found_for))
    print(f'wrote {stem}.npz')
    if 'vertices' not in found:
        print('for meshes and an overlay, export with --with-smpl')
        return
    translation, focal_length = found['camera_translation'][:, None], float(inputs['focal_length'][0])
    vertices, joints = found['vertices'] + translation, found['joints3d'] + translation
    faces = np.frombuffer(base64.b64decode(recipe['faces']), '<u2').reshape(-1, 3).astype(np.int64)
    save_obj(Path(f'{stem}.obj'), vertices, faces)
    drawn = image.copy()
    for person in np.argsort(-translation[:, 0, 2]):
        draw_mesh(drawn, vertices[person], faces, focal_length, COLORS[person % len(COLORS)])
    drawn = cv2.addWeighted(drawn, 0.85, image, 0.15, 0)
    radius = max(round(min(image.shape[:2]) / 250), 1)
    for x, y in project(joints[:, :24], focal_length, image).reshape(-1, 2):
        cv2.circle(drawn, (round(float(x)), round(float(y))), radius, (60, 60, 220), -1, cv2.LINE_AA)
    write_whole(Path(f'{stem}_overlay.png'), lambda path: cv2.imwrite(str(path), drawn))
    print(f'wrote {stem}.obj and {stem}_overlay.png')


if __name__ == '__main__':
    main()
