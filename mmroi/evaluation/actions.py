"""The action that an image shows, for tables per action."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

# S9_WalkDog_1.60457274_000001.jpg: subject, action, take (absent for the first), camera, frame.
_H36M_NAME = re.compile(r'S(\d+)_([A-Za-z]+)(?:[ _]\d)?\.(\d{8})(?!\d)')
_SPELLINGS = {'TakingPhoto': 'Photo', 'WalkingDog': 'WalkDog'}  # of subject S1


class H36MName(NamedTuple):
    """The parts of the name of a Human3.6M image.

    Attributes:
        subject: Such as ``S9``.
        action: One of the 15 actions, such as ``Directions``, without the take number.
        camera: Such as ``60457274``.
    """

    subject: str
    action: str
    camera: str


def parse_h36m_name(path: str) -> H36MName | None:
    """Parse the name of an image, as all tools that extract Human3.6M's frames write it.

    Args:
        path: Such as ``S9/S9_WalkDog_1/S9_WalkDog_1.60457274/S9_WalkDog_1.60457274_000001.jpg``, or only the
            file name.

    Returns:
        Its parts, or None for other names.
    """
    match = _H36M_NAME.match(PurePosixPath(path.replace('\\', '/')).name)
    if match is None:
        return None
    subject, action, camera = match.groups()
    return H36MName(f'S{subject}', _SPELLINGS.get(action, action), camera)


def action_of(sample: Mapping[str, Any]) -> str | None:
    """Return the action of a sample.

    Args:
        sample: A data sample. ``action`` in its metainfo takes precedence over the name of the image.

    Returns:
        The action, or None if neither has it.
    """
    if sample.get('action'):
        return str(sample['action'])
    name = parse_h36m_name(str(sample.get('img_path', '')))
    return name.action if name else None
