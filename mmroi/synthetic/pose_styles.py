"""Pose styles: distributions of the joint angles of legs, trunk and arms, in degrees.

Every function returns some of the angles of :mod:`~mmroi.synthetic.joint_angles`; ``s`` scales the spread
around the typical pose.
"""

from collections.abc import Callable

import numpy as np

Angles = dict[str, float]


def _both(rng: np.random.Generator, s: float, **spread: tuple[float, float]) -> Angles:
    """Draw angles independently for both sides, each given as ``name=(mean, standard deviation)``."""
    return {
        f'{side}_{name}': mean + s * std * float(rng.normal())
        for side in ('left', 'right')
        for name, (mean, std) in spread.items()
    }


def _trunk(rng: np.random.Generator, s: float, bend: float = 4.0, spread: float = 8.0) -> Angles:
    std = dict(spine_bend=spread, spine_side=6, spine_twist=10, neck_bend=10, neck_side=7, neck_twist=22)
    mean = dict(spine_bend=bend, neck_bend=4.0)
    return {name: mean.get(name, 0.0) + s * value * float(rng.normal()) for name, value in std.items()}


def stand(rng: np.random.Generator, s: float) -> Angles:
    """Draw a standing pose, sometimes with the weight on one leg."""
    angles = _both(rng, s, hip_flexion=(2, 6), hip_abduction=(5, 5), hip_twist=(6, 7), knee_flexion=(4, 4))
    if rng.random() < 0.4:
        side = rng.choice(['left', 'right'])
        bent = s * rng.uniform(5, 30)
        angles[f'{side}_knee_flexion'] += bent
        angles[f'{side}_hip_flexion'] += 0.6 * bent
    return {**_trunk(rng, s), **angles}


def walk(rng: np.random.Generator, s: float) -> Angles:
    """Draw a phase of a stride, from strolling to running; the arms swing opposite to the legs."""
    phase, stride = rng.uniform(0, 2 * np.pi), rng.uniform(12, 22 + 26 * s)
    angles = _trunk(rng, s, bend=3 + stride / 8)
    for side, sign in (('left', 1), ('right', -1)):
        swing = float(np.sin(phase) * sign)
        # Positive for the leg that swings forward.
        lift = max(0.0, float(np.cos(phase) * sign))
        angles[f'{side}_hip_flexion'] = 4 + stride * swing + 0.35 * stride * lift
        angles[f'{side}_knee_flexion'] = 8 + 1.7 * stride * lift + 0.5 * stride * max(0.0, -swing)
        angles[f'{side}_ankle_flexion'] = 12 * max(0.0, -swing)
        angles[f'{side}_hip_abduction'] = 2 + 2 * rng.normal()
        angles[f'{side}_hip_twist'] = 4 + 4 * rng.normal()
        angles[f'{side}_arm_elevation'] = 10 + 0.9 * stride * abs(swing)
        angles[f'{side}_arm_plane'] = 75.0 if swing < 0 else -30.0
        angles[f'{side}_arm_twist'] = 20 + 12 * rng.normal()
        angles[f'{side}_elbow_flexion'] = 12 + 1.5 * stride + 10 * rng.normal()
    return angles


def sit(rng: np.random.Generator, s: float) -> Angles:
    """Draw a pose sitting on a seat of chair height."""
    legs = _both(rng, s, hip_flexion=(80, 9), hip_abduction=(8, 9), hip_twist=(4, 8), knee_flexion=(80, 16))
    return {**_trunk(rng, s, bend=12, spread=14), **legs}


def sit_floor(rng: np.random.Generator, s: float) -> Angles:
    """Draw a pose sitting on the floor, legs stretched out, drawn up, or crossed."""
    style = rng.integers(3)
    if style == 0:
        legs = _both(
            rng, s, hip_flexion=(82, 8), hip_abduction=(12, 9), hip_twist=(8, 8), knee_flexion=(15, 12)
        )
    elif style == 1:
        legs = _both(
            rng, s, hip_flexion=(108, 8), hip_abduction=(10, 8), hip_twist=(4, 8), knee_flexion=(95, 22)
        )
    else:
        legs = _both(
            rng, s, hip_flexion=(88, 6), hip_abduction=(40, 5), hip_twist=(40, 5), knee_flexion=(112, 10)
        )
    return {**_trunk(rng, s, bend=20, spread=14), **legs}


def crouch(rng: np.random.Generator, s: float) -> Angles:
    """Draw a squat or a lunge."""
    if rng.random() < 0.5:
        depth = rng.uniform(0.35, 1.0)
        legs = _both(
            rng,
            s,
            hip_flexion=(105 * depth, 8),
            hip_abduction=(14, 8),
            hip_twist=(14, 8),
            knee_flexion=(125 * depth, 8),
        )
        return {**_trunk(rng, s, bend=18, spread=14), **legs}
    legs = _both(rng, s, hip_abduction=(4, 4), hip_twist=(4, 5))
    front, back = rng.permutation(['left', 'right'])
    depth = rng.uniform(0.5, 1.0)
    legs.update(
        {
            f'{front}_hip_flexion': 85 * depth,
            f'{front}_knee_flexion': 85 * depth,
            f'{back}_hip_flexion': -12 * depth,
            f'{back}_knee_flexion': rng.uniform(25, 85) * depth,
            f'{back}_toe_flexion': -30 * depth,
            f'{back}_ankle_flexion': -20,
        }
    )
    return {**_trunk(rng, s, bend=8, spread=12), **legs}


def lie(rng: np.random.Generator, s: float) -> Angles:
    """Draw a lying pose with relaxed legs, sometimes one drawn up."""
    legs = _both(
        rng,
        s,
        hip_flexion=(6, 8),
        hip_abduction=(10, 7),
        hip_twist=(12, 10),
        knee_flexion=(10, 10),
        ankle_flexion=(20, 8),
    )
    if rng.random() < 0.5:
        side, bent = rng.choice(['left', 'right']), rng.uniform(20, 80)
        legs.update({f'{side}_hip_flexion': 0.7 * bent, f'{side}_knee_flexion': 1.2 * bent})
    return {**_trunk(rng, s, bend=0, spread=6), **legs}


def active(rng: np.random.Generator, s: float) -> Angles:
    """Draw a pose of sports or dance: one leg lifted forward, sideways or back, and a bent trunk."""
    legs = _both(
        rng, s, hip_flexion=(10, 15), hip_abduction=(12, 12), hip_twist=(10, 12), knee_flexion=(20, 20)
    )
    side = rng.choice(['left', 'right'])
    legs.update(
        {
            f'{side}_hip_flexion': rng.uniform(-15, 100),
            f'{side}_knee_flexion': rng.uniform(0, 110),
            f'{side}_hip_abduction': rng.uniform(0, 45),
        }
    )
    return {**_trunk(rng, 1.5 * s, bend=8, spread=14), **legs}


def reach(rng: np.random.Generator, s: float) -> Angles:
    """Draw a reaching pose: a step, and a trunk that bends from the floor to the ceiling."""
    angles = stand(rng, s)
    bend = rng.uniform(-12, 12 + 50 * s)
    step = rng.uniform(0, 25)
    front, back = rng.permutation(['left', 'right'])
    angles.update(
        {
            'spine_bend': bend,
            f'{front}_hip_flexion': step + 0.9 * max(bend, 0),
            f'{front}_knee_flexion': 8 + 0.6 * step + 0.3 * max(bend, 0),
            f'{back}_hip_flexion': 0.9 * max(bend, 0) - 0.5 * step,
            f'{back}_knee_flexion': 8 + 0.3 * max(bend, 0),
        }
    )
    return angles


def casual(rng: np.random.Generator, s: float) -> Angles:
    """Draw an everyday standing pose; the arms make the difference."""
    return {**stand(rng, 0.8 * s), **_trunk(rng, 0.7 * s, bend=3)}


LEGS: dict[str, Callable[[np.random.Generator, float], Angles]] = dict(
    stand=stand,
    walk=walk,
    sit=sit,
    sit_floor=sit_floor,
    reach=reach,
    crouch=crouch,
    lie=lie,
    active=active,
    casual=casual,
)

# Styles of one arm: elevation from hanging, plane (0 is sideways, 90 forward), twist and elbow flexion, each
# as (mean, standard deviation).
ARMS: dict[str, tuple[tuple[float, float], ...]] = dict(
    relaxed=((13, 6), (2, 22), (2, 15), (15, 12)),
    forward=((70, 16), (78, 14), (-25, 20), (35, 25)),
    up=((140, 14), (45, 25), (-40, 20), (25, 20)),
    side=((80, 20), (10, 16), (-10, 35), (30, 25)),
    hip=((42, 6), (-10, 10), (60, 6), (90, 10)),
    phone=((28, 8), (65, 12), (5, 12), (125, 8)),
    wave=((80, 14), (10, 12), (-75, 10), (95, 20)),
    lap=((32, 8), (75, 10), (18, 12), (55, 14)),
    down=((28, 14), (80, 14), (5, 18), (15, 12)),
    clasped=((15, 2), (78, 5), (50, 4), (34, 3)),
    held_belly=((17, 3), (31, 8), (40, 6), (79, 5)),
    crossed_over=((32, 3), (98, 4), (36, 5), (82, 4)),
    crossed_under=((23, 3), (93, 4), (49, 5), (87, 4)),
    pocket=((28, 3), (-34, 6), (46, 6), (60, 6)),
    hold=((20, 5), (59, 10), (6, 8), (80, 10)),
    phone_chest=((25, 5), (75, 10), (8, 8), (97, 9)),
    chin=((35, 5), (85, 8), (5, 8), (137, 4)),
    drink=((48, 6), (73, 8), (-12, 8), (119, 6)),
    strap=((16, 3), (5, 8), (20, 6), (136, 5)),
)
# Arm styles that need both arms, the left and the right one.
_PAIRS = dict(clasped=('clasped', 'clasped'), crossed_over=('crossed_over', 'crossed_under'))
# Probabilities of the arm styles for each pose style; 'own' keeps the arms that the pose style itself draws.
ARM_STYLES: dict[str, dict[str, float]] = dict(
    stand=dict(relaxed=0.5, hip=0.1, phone=0.08, side=0.08, forward=0.12, wave=0.06, up=0.06),
    walk=dict(own=0.72, phone=0.08, relaxed=0.1, wave=0.05, forward=0.05),
    sit=dict(lap=0.55, forward=0.2, phone=0.1, relaxed=0.1, wave=0.05),
    sit_floor=dict(lap=0.45, down=0.2, relaxed=0.25, forward=0.1),
    reach=dict(forward=0.35, up=0.3, side=0.15, down=0.2),
    crouch=dict(down=0.35, forward=0.35, lap=0.3),
    lie=dict(relaxed=0.5, side=0.3, up=0.2),
    active=dict(side=0.4, up=0.25, forward=0.25, hip=0.1),
    casual=dict(
        relaxed=0.24,
        hip=0.07,
        pocket=0.1,
        clasped=0.07,
        crossed_over=0.08,
        held_belly=0.05,
        hold=0.07,
        phone_chest=0.06,
        phone=0.04,
        chin=0.02,
        drink=0.03,
        strap=0.02,
        wave=0.03,
        up=0.03,
        side=0.04,
        forward=0.05,
    ),
)


def arms(rng: np.random.Generator, s: float, style: str) -> Angles:
    """Draw both arms for a style of ``ARM_STYLES``; at least half of the time both are in the same style."""
    names, weights = zip(*ARM_STYLES[style].items(), strict=True)
    probability = np.array(weights) / sum(weights)
    kinds = rng.choice(names, 2, p=probability)
    if rng.random() < 0.5 or 'own' in kinds:
        kinds[1] = kinds[0]
    for kind in kinds:
        if kind in _PAIRS:
            kinds = rng.permutation(_PAIRS[kind])
            break
    out: Angles = {}
    for side, kind in zip(('left', 'right'), kinds, strict=True):
        out[f'{side}_collar_shrug'] = 2 + 3 * float(rng.normal())
        out[f'{side}_forearm_twist'] = 20 * float(rng.normal())
        out[f'{side}_wrist_bend'] = 12 * float(rng.normal())
        if kind != 'own':
            for name, (mean, std) in zip(
                ('arm_elevation', 'arm_plane', 'arm_twist', 'elbow_flexion'), ARMS[kind], strict=True
            ):
                out[f'{side}_{name}'] = mean + s * std * float(rng.normal())
        if kind == 'up':
            out[f'{side}_collar_shrug'] += 14
        if style == 'lie':  # Keep the arms above the floor.
            out[f'{side}_arm_plane'] = 4 + 8 * float(rng.normal())
            out[f'{side}_elbow_flexion'] *= 0.35
    return out
