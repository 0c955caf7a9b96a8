"""What a person in a photo does, for tables per action."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

# S9_WalkDog_1.60457274_000001.jpg: subject, action, take (absent for the first), camera, frame.
_H36M_NAME = re.compile(r'S(\d+)_([A-Za-z]+)(?:[ _]\d)?\.(\d{8})(?!\d)')
_SPELLINGS = {'TakingPhoto': 'Photo', 'WalkingDog': 'WalkDog'}  # of subject S1


class H36MPhoto(NamedTuple):
    """What the name of a photo of Human3.6M says.

    Attributes:
        subject: Such as ``S9``.
        action: One of the 15 actions, such as ``Directions``, without the number of the take.
        camera: Such as ``60457274``.
    """

    subject: str
    action: str
    camera: str


def parse_h36m_name(path: str) -> H36MPhoto | None:
    """Read a photo's name as all tools that extract Human3.6M's frames write it.

    Args:
        path: Such as ``S9/S9_WalkDog_1/S9_WalkDog_1.60457274/S9_WalkDog_1.60457274_000001.jpg``, or only the
            last part.

    Returns:
        What it says, or None for other names.
    """
    match = _H36M_NAME.match(PurePosixPath(path.replace('\\', '/')).name)
    if match is None:
        return None
    subject, action, camera = match.groups()
    return H36MPhoto(f'S{subject}', _SPELLINGS.get(action, action), camera)


def action_of(sample: Mapping[str, Any]) -> str | None:
    """Action of a sample.

    Args:
        sample: A data sample; ``action`` in its metainfo comes before the name of its photo.

    Returns:
        The action, or None where neither tells it.
    """
    if sample.get('action'):
        return str(sample['action'])
    photo = parse_h36m_name(str(sample.get('img_path', '')))
    return photo.action if photo else None
