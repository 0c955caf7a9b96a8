"""How long each kind of picture and mesh file of a photo takes, in CPU time of one thread.

    python tools/analysis_tools/benchmark_pictures.py [--people 3] [--frame 1920 1080] [--out FOLDER]

The photo shows people of the open body side by side, each as tall as the frame. Other work on the machine
hardly changes the figures, as only the time that the processor spends on this process counts.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from mmroi.benchmark.speed.command_line import (
    add_frame_argument,
    add_timing_arguments,
    parse,
    print_table,
    write_json,
)
from mmroi.benchmark.speed.timing import describe_machine, latency, step_memory, take_turns
from mmroi.body_models import SMPL
from mmroi.engine.launch import run_tool
from mmroi.geometry import estimate_focal_length, make_rois, roi_offsets, rot6d_to_matrix
from mmroi.visualization import (
    draw_cameras,
    draw_keypoints,
    draw_overlay,
    draw_rois,
    draw_side_view,
    draw_top_view,
    save_meshes,
)
from mmroi.visualization.mesh_files import SUFFIXES


def stand_in_a_row(people: int, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People side by side who are as tall as the frame, every other one half a meter farther away.

    Args:
        people: P.
        width: Of the frame, pixels.
        height: Of the frame, pixels.

    Returns:
        Vertices (P, V, 3) and joints (P, 54, 3) in the camera frame, meters, and faces (F, 3).
    """
    body = SMPL()
    pose = rot6d_to_matrix(body.mean_pose6d.reshape(1, 24, 6))
    output = body(pose[:, 0], pose[:, 1:], body.mean_betas[None])
    vertices, joints = output.vertices[0].numpy(), output.joints[0].numpy()
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    focal_length = estimate_focal_length(height, width)
    depth = focal_length * (high - low)[1] / height
    columns = (np.arange(people) + 0.5) / people - 0.5
    places = np.stack(
        [
            columns * width * depth / focal_length,
            np.full(people, -(low + high)[1] / 2),
            depth + 0.5 * (np.arange(people) % 2),
        ],
        axis=1,
    )[:, None]
    return vertices + places, joints + places, body.faces


def make_calls(people: int, width: int, height: int, folder: Path) -> dict[str, Callable[[], object]]:
    """What is timed, by name; pictures are returned, files are written to a folder.

    Args:
        people: In the photo.
        width: Of the photo, pixels.
        height: Of the photo, pixels.
        folder: Of the files.

    Returns:
        Calls by name.
    """
    vertices, joints, faces = stand_in_a_row(people, width, height)
    photo = np.random.default_rng(0).integers(90, 110, (height, width, 3), dtype=np.uint8)
    focal_length, center = estimate_focal_length(height, width), np.array([width - 1, height - 1]) / 2
    pixels = focal_length * joints[..., :2] / joints[..., 2:]
    keypoints = np.concatenate([pixels + center, np.ones_like(pixels[..., :1])], axis=-1)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    base = np.concatenate([(low + high) / 2, 1.2 * (high - low)[:, 1:]], axis=1)
    boxes = make_rois(torch.from_numpy(base), roi_offsets(5)).numpy()
    translation = vertices.mean(axis=1)
    cameras = translation[:, None] + np.random.default_rng(0).normal(0, 0.02, (people, 5, 3))

    def all_keypoints() -> np.ndarray:
        picture = photo
        for person in keypoints:
            picture = draw_keypoints(picture, person)
        return picture

    calls: dict[str, Callable[[], object]] = {
        'overlay': lambda: draw_overlay(photo, vertices, faces, focal_length, center),
        'side view': lambda: draw_side_view(vertices, faces, (height, width)),
        'top view': lambda: draw_top_view(vertices, faces, (height, width)),
        'cameras': lambda: draw_cameras(vertices, faces, cameras, translation, (height, width)),
        'RoIs': lambda: draw_rois(photo, boxes, center),
        'keypoints': all_keypoints,
    }
    for suffix in SUFFIXES:
        path = folder / f'people{suffix}'
        calls[f'{suffix} file'] = lambda path=path: save_meshes(path, vertices, faces)
    return calls


def main() -> None:
    """Measures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--people', type=int, default=3, help='in the photo (default: 3)')
    add_frame_argument(parser, [1920, 1080])
    add_timing_arguments(parser)
    parser.add_argument('--json', type=Path, help='write the figures here, too')
    parser.add_argument('--out', type=Path, help='keep the pictures and files in this folder')
    args = parse(parser)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    device = torch.device('cpu')
    machine = describe_machine(device)
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        calls = make_calls(args.people, *args.frame, folder)
        for name, call in calls.items():
            picture = call()
            if picture is not None:
                cv2.imwrite(str(folder / f'{name.replace(" ", "_")}.png'), picture)
        turns = take_turns(calls, device, args.seconds, args.rounds, cpu_time=True)
        rows = [
            dict(what=name, **latency(turns[name]), peak_mib=step_memory(call, device))
            for name, call in calls.items()
        ]
    print(f'{args.people} people in {args.frame[0]}x{args.frame[1]} pixels; CPU time of one thread.')
    print_table(rows)
    write_json(args.json, machine=machine, people=args.people, frame=args.frame, rows=rows)


if __name__ == '__main__':
    run_tool(main)
