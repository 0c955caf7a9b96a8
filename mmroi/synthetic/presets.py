"""Presets of the synthetic studio: distributions of scenes, as plain dicts."""

from copy import deepcopy
from typing import Any

_FULL: dict[str, Any] = dict(
    image_size=256,  # recommended long side of the images, pixels
    # Camera.
    focal_ratio=(0.6, 2.5),  # focal length / image diagonal, log-uniform
    # (width / height, probability); the long side is the image size
    aspects=((1.0, 0.5), (4 / 3, 0.25), (3 / 4, 0.25)),
    # standard deviation in units of the image size, for a third of the images
    principal_point_jitter=0.02,
    pitch=dict(mean=8.0, std=12.0, low=-25.0, high=50.0),  # degrees, positive looks down
    roll=dict(mean=0.0, std=4.0, low=-15.0, high=15.0),  # degrees
    camera_height=(0.15, 6.0),  # meters above the floor
    # People.
    num_people=((1, 0.5), (2, 0.32), (3, 0.18)),  # (number, probability)
    framing='free',  # function of :mod:`~mmroi.synthetic.framing`
    # Of the framing ``photographer`` alone: the camera's height above the floor, meters, and the probability
    # of a portrait that ends at a part of the body.
    eye_height=dict(mean=1.45, std=0.3, low=0.5, high=2.6),
    portraits={},
    depth_spread=(0.0, 0.3),  # mean and standard deviation of log(depth of the others / depth of the first)
    person_size=(0.3, 1.25),  # extent of the first person / short image side, log-uniform
    truncation=0.25,  # probability that the first person may leave the image
    yaw=180.0,  # maximum angle to the camera in either direction, degrees
    facing=0.0,  # additional share of people who face the camera within about 30 degrees
    poses=dict(
        stand=0.26, walk=0.18, sit=0.14, sit_floor=0.08, reach=0.12, crouch=0.08, lie=0.07, active=0.07
    ),
    pose_scale=1.0,  # multiplies the spread of the joint angles
    beta_scale=1.0,
    # Objects and visibility.
    crate=0.2,  # probability of an occluding crate
    crate_height=(0.3, 0.9),  # meters
    min_visible=0.35,  # minimum visible share of a person to be annotated
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

# The cameras, groups and occluders of ``full``, with orientations and poses that a short training can learn.
_FRONTAL: dict[str, Any] = dict(_FULL, **{key: _EASY[key] for key in ('yaw', 'poses', 'pose_scale')})

# People as in everyday photos.
_NATURAL: dict[str, Any] = dict(
    _FULL,
    image_size=384,
    focal_ratio=(0.6, 3.2),  # a phone's main camera has 0.6, a portrait lens 2
    aspects=((4 / 3, 0.32), (3 / 4, 0.32), (1.0, 0.16), (3 / 2, 0.1), (2 / 3, 0.1)),
    principal_point_jitter=0.0,
    roll=dict(mean=0.0, std=2.0, low=-8.0, high=8.0),
    camera_height=(0.3, 3.0),
    num_people=((1, 0.5), (2, 0.3), (3, 0.2)),
    framing='photographer',
    portraits=dict(chest=0.11, hips=0.13, thighs=0.05, knees=0.06, shins=0.03),
    depth_spread=(0.2, 0.35),
    person_size=(0.27, 0.98),
    truncation=0.05,
    facing=0.4,
    poses=dict(
        casual=0.44, stand=0.08, walk=0.15, sit=0.12, reach=0.07, crouch=0.04, active=0.09, sit_floor=0.01
    ),
    crate=0.22,
    crate_height=(0.3, 1.15),
    min_visible=0.15,
)

_PRESETS = dict(easy=_EASY, frontal=_FRONTAL, full=_FULL, natural=_NATURAL)
PRESETS = tuple(_PRESETS)


def get_preset(name: str) -> dict[str, Any]:
    """Return a copy of a preset.

    Args:
        name: ``'easy'`` (facing the camera within 60 degrees, mild poses, mostly one person), ``'full'`` (all
            orientations, poses and cameras, up to three people, truncation and occlusion), ``'frontal'``
            (orientations and poses of ``easy``, everything else of ``full``) or ``'natural'`` (everyday poses
            and framings as in photos, from a portrait to the whole body far away).

    Returns:
        The settings; comments in this module explain them.

    Raises:
        ValueError: If there is no such preset.
    """
    if name not in _PRESETS:
        raise ValueError(f'unknown preset {name!r}; choose one of {", ".join(PRESETS)}')
    return deepcopy(_PRESETS[name])
