"""Human3.6M's download in miniature: CDF poses, metadata.xml, MP4 videos, MoSh pickles."""

from pathlib import Path

import cdflib.cdfwrite
import numpy as np
from scipy.spatial.transform import Rotation

from mmroi.datasets.converters import convert_split
from mmroi.registry import CONVERTERS
from mmroi.structures import H36M_17

from .conftest import Python2Pickler
from .studio import Camera, make_camera, perform, write_video

FRAMES = 12  # at 50 a second; rows are frames 0, 5 and 10
CAMERA_NAMES = ('54138969', '55011271', '58860488', '60457274')
TRAIN, TEST = ('S1', 'S5', 'S6', 'S7', 'S8'), ('S9', 'S11')
# The skeleton of the files, root first; a site is the end of a limb.
RAW = (
    'Hips RightUpLeg RightLeg RightFoot RightToeBase RightSite LeftUpLeg LeftLeg LeftFoot LeftToeBase '
    'LeftSite Spine Spine1 Neck Head HeadSite LeftShoulder LeftArm LeftForeArm LeftHand LeftHandThumb '
    'LeftThumbSite L_Wrist_End LeftWristSite RightShoulder RightArm RightForeArm RightHand RightHandThumb '
    'RightThumbSite R_Wrist_End RightWristSite'
).split()
MEANING = dict(
    Hips='pelvis_extra',
    Spine='pelvis_extra',
    Spine1='spine_extra',
    Head='jaw_extra',
    HeadSite='head_extra',
    Neck='neck_extra',
    LeftShoulder='neck_extra',
    RightShoulder='neck_extra',
    **{
        f'{side}{raw}': f'{side.lower()}_{name}'
        for side in ('Left', 'Right')
        for raw, name in dict(
            UpLeg='hip_extra', Leg='knee', Foot='ankle', Arm='shoulder', ForeArm='elbow', Hand='wrist'
        ).items()
    },
)


def make_cameras() -> dict[tuple[str, str], Camera]:
    """Lenses that distort as those of the data set; every subject stands before other cameras."""
    lens = (-0.2, 0.24, -1e-3, 2e-3, -2e-3)
    return {
        (f'S{subject}', name): make_camera(90 * i + 5 * subject, 1 + i / 20, lens)
        for i, name in enumerate(CAMERA_NAMES)
        for subject in range(1, 12)
    }


CAMERAS = make_cameras()


def write_metadata(path: Path) -> None:
    numbers = []
    for name in CAMERA_NAMES:
        for subject in range(1, 12):
            camera = CAMERAS[f'S{subject}', name]
            numbers += [*camera.angles, *1000 * camera.center]
    for name in CAMERA_NAMES:
        camera = CAMERAS['S1', name]
        (k1, k2, p1, p2, k3), k = camera.distortion, camera.intrinsics
        numbers += [k[0, 0], k[1, 1], k[0, 2], k[1, 2], k1, k2, k3, p1, p2]
    rows = ''.join(f'<id>{name}</id>' for name in CAMERA_NAMES)
    path.write_text(
        f'<metadata><dbcameras><index2id>{rows}</index2id></dbcameras>'
        f'<w0>[{" ".join(map(repr, map(float, numbers)))}]</w0></metadata>'
    )


def write_cdf(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    values = values.reshape(1, len(values), -1).astype(np.float32)
    file = cdflib.cdfwrite.CDF(path)
    file.write_var(
        dict(Variable='Pose', Data_Type=44, Num_Elements=1, Rec_Vary=True, Dim_Sizes=list(values.shape[1:])),
        var_data=values,
    )
    file.close()


def raw_joints(joints: np.ndarray) -> np.ndarray:
    """(F, 17, D) as the files have them; joints without a meaning here lie far away."""
    raw = np.full((len(joints), 32, joints.shape[2]), 7e3)
    for i, name in enumerate(RAW):
        if name in MEANING:
            raw[:, i] = joints[:, H36M_17.index(MEANING[name])]
    return raw


class Studio:
    """A download of two subjects' worth of cameras and a take each, and what is true about it."""

    def __init__(self, root: Path, body) -> None:
        self.root = root
        self.performances = {
            subject: perform(body, FRAMES, seed) for seed, subject in enumerate(TRAIN + TEST)
        }
        root.mkdir(parents=True, exist_ok=True)
        write_metadata(root / 'metadata.xml')
        for subject in TRAIN + TEST:
            for camera in CAMERA_NAMES if subject == 'S9' else CAMERA_NAMES[::3]:
                self.write(subject, self.action(subject), camera)

    @staticmethod
    def action(subject: str) -> str:
        return 'Directions' if subject == 'S11' else 'TakingPhoto 1'

    def write(self, subject: str, action: str, camera_name: str) -> None:
        camera, poses = CAMERAS[subject, camera_name], self.root / subject / 'MyPoseFeatures'
        joints = camera.move(self.performances[subject].joints_h36m)
        name = f'{action}.{camera_name}'
        write_cdf(poses / 'D3_Positions_mono' / f'{name}.cdf', raw_joints(1000 * joints))
        write_cdf(poses / 'D2_Positions' / f'{name}.cdf', raw_joints(camera.project(joints)))
        write_video(self.root / subject / 'Videos' / f'{name}.mp4', FRAMES, 'mp4v')

    def convert(self, split: str = 'train', skip_bad: bool = False, workers: int = 1, **options):
        return convert_split(
            CONVERTERS.get('h36m')(self.root, **options),
            split,
            self.root / 'out',
            workers=workers,
            skip_bad=skip_bad,
            progress=False,
        )


def write_mosh(studio, subject: str, camera_name: str, frames=slice(None, None, 5)) -> Path:
    """Parameters before a camera, of a body whose y axis points down."""
    performance, camera = studio.performances[subject], CAMERAS[subject, camera_name]
    pose = performance.pose[frames].copy()
    flip = Rotation.from_rotvec((np.pi, 0, 0))
    root = Rotation.from_matrix(camera.rotation) * Rotation.from_rotvec(pose[:, :3]) * flip
    pose[:, :3] = root.as_rotvec()
    path = (
        studio.root
        / 'mosh'
        / subject
        / f'{studio.action(subject)}_cam{CAMERA_NAMES.index(camera_name)}_aligned.pkl'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as file:
        Python2Pickler(file).dump(dict(new_poses=pose, betas=performance.betas))
    return path


def write_all_mosh(studio) -> None:
    for subject in TRAIN:
        for camera in CAMERA_NAMES[::3]:
            write_mosh(studio, subject, camera)
