"""Frames in groups, whose people go through the network together."""

from collections.abc import Iterable, Iterator

from mmroi.apis.inference.frames import BadInput, Frame

MAX_PIXELS = 32_000_000  # of a group: 100 MB


def group_frames(
    items: Iterable[Frame | BadInput], size: int, max_pixels: int = MAX_PIXELS
) -> Iterator[list[Frame | BadInput]]:
    """Group a stream, whose order stays.

    Args:
        items: The stream.
        size: At most so many in a group.
        max_pixels: At most so many in a group, so that its memory is bounded; a huge photo is a group of its
            own.

    Yields:
        Groups, none of them empty.
    """
    group: list[Frame | BadInput] = []
    pixels = 0
    for item in items:
        height, width = item.image.shape[:2] if isinstance(item, Frame) else (0, 0)
        if group and pixels + height * width > max_pixels:
            yield group
            group, pixels = [], 0
        group.append(item)
        pixels += height * width
        if len(group) == size:  # at once: the next frame of a webcam takes its time
            yield group
            group, pixels = [], 0
    if group:
        yield group
