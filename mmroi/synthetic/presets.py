"""Presets of the synthetic studio: the distribution that its photos are drawn from, as plain dicts."""

from copy import deepcopy
from typing import Any

_FULL: dict[str, Any] = dict(
    # Camera. The focal length is a ratio to the image diagonal, drawn log-uniformly.
    focal_ratio=(0.6, 2.5),
    # (width / height, probability); the long side is the image size
    aspects=((1.0, 0.5), (4 / 3, 0.25), (3 / 4, 0.25)),
    # standard deviation in image sizes, for a third of the photos
    principal_point_jitter=0.02,
    pitch=dict(mean=8.0, std=12.0, low=-25.0, high=50.0),  # degrees, positive looks down
    roll=dict(mean=0.0, std=4.0, low=-15.0, high=15.0),  # degrees
    camera_height=(0.15, 6.0),  # meters above the floor
    # People.
    num_people=((1, 0.5), (2, 0.32), (3, 0.18)),
    # extent of the first person in frame heights, log-uniform
    person_size=(0.3, 1.25),
    # probability that the first person may leave the frame
    truncation=0.25,
    yaw=180.0,  # degrees either way from facing the camera
    poses=dict(
        stand=0.26, walk=0.18, sit=0.14, sit_floor=0.08, reach=0.12, crouch=0.08, lie=0.07, active=0.07
    ),
    pose_scale=1.0,  # multiplies the spread of the joint angles
    beta_scale=1.0,
    # Things.
    crate=0.2,  # probability of a crate that hides something
    min_visible=0.35,  # a person less visible than this gets no row
)

_EASY: dict[str, Any] = dict(
    _FULL,
    aspects=((1.0, 1.0),),
    principal_point_jitter=0.0,
    pitch=dict(mean=4.0, std=6.0, low=-10.0, high=20.0),
    roll=dict(mean=0.0, std=1.5, low=-5.0, high=5.0),
    num_people=((1, 0.9), (2, 0.1)),
    person_size=(0.45, 0.95),
    truncation=0.05,
    yaw=60.0,
    poses=dict(stand=0.45, walk=0.3, reach=0.15, sit=0.1),
    pose_scale=0.6,
    beta_scale=0.7,
    crate=0.0,
    min_visible=0.5,
)

# The hard cameras, groups and occluders of ``full``; bodies that a short training learns.
_FRONTAL: dict[str, Any] = dict(_FULL, **{key: _EASY[key] for key in ('yaw', 'poses', 'pose_scale')})

_PRESETS = dict(easy=_EASY, frontal=_FRONTAL, full=_FULL)
PRESETS = tuple(_PRESETS)


def get_preset(name: str) -> dict[str, Any]:
    """Return a copy of a preset.

    Args:
        name: ``'easy'`` (facing the camera within 60 degrees, mild poses, mostly one person), ``'full'`` (all
            orientations, poses, cameras and up to three people, truncated and occluded) or ``'frontal'``
            (orientations and poses of ``easy``, all else of ``full``).

    Returns:
        The preset's settings; see this module for their meaning.

    Raises:
        ValueError: If there is no such preset.
    """
    if name not in _PRESETS:
        raise ValueError(f'unknown preset {name!r}; choose one of {", ".join(PRESETS)}')
    return deepcopy(_PRESETS[name])
