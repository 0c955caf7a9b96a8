"""Write the viewer as one HTML file."""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np

from mmroi.fileio.atomic import atomic_write
from mmroi.visualization.viewer.frame_data import encode_faces, encode_frame, encode_sequence
from mmroi.visualization.viewer.viewer_frame import ViewerFrame
from mmroi.visualization.viewer.viewer_sequence import ViewerSequence

_WEB = Path(__file__).parent / 'web'
_STYLE = re.compile(r'<link rel="stylesheet" href="([\w./-]+)">')
_SCRIPT = re.compile(r'<script src="([\w./-]+)"></script>')
_DATA = '<!-- data -->'


def write_viewer(
    path: str | Path,
    frames: Iterable[ViewerFrame],
    photo_size: int = 1920,
    quality: int = 88,
    sequences: Iterable[ViewerSequence] = (),
) -> None:
    """Write one HTML file that shows all frames and needs no other file and no network.

    Frames are written one by one, so with a generator only one is in memory. Shared faces are stored once,
    vertices in 16 bits (see ``frame_data.quantize``).

    Args:
        path: File to write; it appears when it is complete.
        frames: At least one frame.
        photo_size: Maximum length of an image's long side, pixels; larger images are scaled down.
        quality: JPEG quality of the images, 1-100.
        sequences: Videos whose people the page plays.

    Raises:
        ValueError: If there is no frame.
    """
    head, tail = _page().split(_DATA)
    with atomic_write(path) as temporary, temporary.open('w', encoding='utf-8', newline='\n') as file:
        file.write(head)
        topologies: list[np.ndarray] = []
        count = 0
        for frame in frames:
            count += 1
            number = _find(topologies, frame.faces)
            if number == len(topologies):
                topologies.append(np.asarray(frame.faces))
                file.write(
                    f'<script type="application/json" class="faces">{encode_faces(topologies[-1])}</script>\n'
                )
            moment = f' data-video="{escape(frame.video)}" data-time="{frame.time}"' if frame.video else ''
            file.write(
                f'<script type="application/json" class="frame" data-name="{escape(frame.name)}"{moment}>'
                f'{encode_frame(frame, number, photo_size, quality)}</script>\n'
            )
        if count == 0:
            raise ValueError('no frame to show')
        for sequence in sequences:
            file.write(
                f'<script type="application/json" class="sequence" data-name="{escape(sequence.name)}">'
                f'{encode_sequence(sequence)}</script>\n'
            )
        file.write(tail)


def _page() -> str:
    """Return the page with style and scripts inlined."""
    page = (_WEB / 'page.html').read_text(encoding='utf-8')
    # Functions, because backslashes in replacement strings would be interpreted.
    page = _STYLE.sub(lambda match: f'<style>\n{_read(match[1])}</style>', page)
    return _SCRIPT.sub(lambda match: f'<script>\n{_read(match[1])}</script>', page)


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding='utf-8')


def _find(topologies: list[np.ndarray], faces: np.ndarray) -> int:
    """Return the index of the faces in the list, or its length if they are new."""
    for number, known in enumerate(topologies):
        if np.array_equal(known, faces):
            return number
    return len(topologies)
