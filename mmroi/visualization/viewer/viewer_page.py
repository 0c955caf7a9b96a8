"""Writes the page."""

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

import numpy as np

from mmroi.visualization.viewer.frame_data import encode_faces, encode_frame
from mmroi.visualization.viewer.viewer_frame import ViewerFrame

_WEB = Path(__file__).parent / 'web'
_STYLE = re.compile(r'<link rel="stylesheet" href="([\w./-]+)">')
_SCRIPT = re.compile(r'<script src="([\w./-]+)"></script>')
_DATA = '<!-- data -->'


def write_viewer(
    path: str | Path, frames: Iterable[ViewerFrame], photo_size: int = 1920, quality: int = 88
) -> None:
    """Write one HTML file that shows all frames; it needs no other file and no network.

    Frames are written one by one, so a generator needs the memory of one frame. Faces that frames share are
    stored once, vertices in 16 bits (see ``frame_data.quantize``).

    Args:
        path: The file to write; it appears when it is complete.
        frames: At least one.
        photo_size: A photograph whose longer side has more pixels is made smaller in the page.
        quality: Of the photographs' JPEG, 1-100.

    Raises:
        ValueError: If there is no frame.
    """
    path = Path(path)
    head, tail = _page().split(_DATA)
    partial = path.with_name(path.name + '.partial')
    try:
        with partial.open('w', encoding='utf-8', newline='\n') as file:
            file.write(head)
            topologies: list[np.ndarray] = []
            count = 0
            for frame in frames:
                count += 1
                number = _find(topologies, frame.faces)
                if number == len(topologies):
                    topologies.append(np.asarray(frame.faces))
                    file.write(
                        f'<script type="application/json" class="faces">'
                        f'{encode_faces(topologies[-1])}</script>\n'
                    )
                file.write(
                    f'<script type="application/json" class="frame" data-name="{escape(frame.name)}">'
                    f'{encode_frame(frame, number, photo_size, quality)}</script>\n'
                )
            if count == 0:
                raise ValueError('no frame to show')
            file.write(tail)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _page() -> str:
    """The page with its style and scripts inside."""
    page = (_WEB / 'page.html').read_text(encoding='utf-8')
    # Functions, because texts would have their backslashes interpreted.
    page = _STYLE.sub(lambda match: f'<style>\n{_read(match[1])}</style>', page)
    return _SCRIPT.sub(lambda match: f'<script>\n{_read(match[1])}</script>', page)


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding='utf-8')


def _find(topologies: list[np.ndarray], faces: np.ndarray) -> int:
    """Number of the faces in the list; its length where they are new."""
    for number, known in enumerate(topologies):
        if np.array_equal(known, faces):
            return number
    return len(topologies)
