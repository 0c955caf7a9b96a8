"""The paper's own recipes train two steps on files of every form that is published or converted.

One set of people with all labels is written as the converters of this project, MMHuman3D and SPIN write it:
in their conventions, with what they leave out. Every configured loss counts wherever the form has its label.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmroi.engine.body_model import dicts_in, use_body_model
from mmroi.engine.pipelines import load_config
from mmroi.fileio import HumanData
from mmroi.registry import MODELS
from mmroi.structures import convert_keypoints
from mmroi.synthetic import StudioSettings, make_dataset

from ..tool_runner import run_tool

ROOT = Path(__file__).resolve().parents[2]
RECIPES = (
    'multi_roi/multi-roi_r50_1xb48-25e_mixture-256x192',
    'multi_roi/multi-roi_r50_finetune-1xb48-5e_pw3d-256x192',
    'cliff/cliff_r50_1xb48-25e_mixture-256x192',
    'hmr/hmr_r50_1xb48-25e_mixture-256x192',
)
BODY, POINTS, PIXELS = {'smpl', 'vertices'}, {'keypoints3d'}, {'keypoints2d'}
EVERYTHING = BODY | POINTS | PIXELS


class Form:
    """How a publisher writes a data set.

    Args:
        keypoints2d: Convention of the 2D keypoints; None without.
        keypoints3d: Convention of the 3D keypoints; None without.
        smpl: Names of the SMPL parameters.
        relative: 3D keypoints are relative to the pelvis.
        square: Boxes are square crops.
        camera: Key of the camera: ``misc``, ``cam_param`` or None.
    """

    def __init__(
        self,
        keypoints2d: str | None = None,
        keypoints3d: str | None = None,
        smpl: tuple[str, ...] = (),
        relative: bool = False,
        square: bool = False,
        camera: str | None = None,
    ) -> None:
        self.keypoints = dict(keypoints2d=keypoints2d, keypoints3d=keypoints3d)
        self.smpl = smpl
        self.relative = relative
        self.square = square
        self.camera = camera

    @property
    def losses(self) -> set[str]:
        """Losses with a label."""
        derived = 'transl' in self.smpl and self.camera
        found = set(BODY) if self.smpl else set()
        found |= POINTS if self.keypoints['keypoints3d'] or derived else set()
        return found | (PIXELS if self.keypoints['keypoints2d'] or derived else set())

    def values(self, people: HumanData) -> dict[str, Any]:
        """What a file holds, keypoints in the form's conventions."""
        box = people['bbox_xywh'].copy()
        if self.square:
            side = 1.2 * box[:, 2:4].max(1)
            box[:, :4] = np.stack([*(box[:, :2] + box[:, 2:4] / 2 - side[:, None] / 2).T, side, side], 1)
        values: dict[str, Any] = dict(image_path=list(people['image_path']), bbox_xywh=box, config='a form')
        for key, convention in self.keypoints.items():
            if convention:
                keypoints, mask = convert_keypoints(people[key], 'smpl_54', convention)
                if self.relative and key == 'keypoints3d':
                    keypoints[..., :3] -= people[key][:, :1, :3]
                values |= {
                    key: keypoints,
                    f'{key}_mask': mask.astype(np.uint8),
                    f'{key}_convention': convention,
                }
        if self.smpl:
            values['smpl'] = {name: people['smpl'][name] for name in self.smpl}
        misc = people['misc']
        if self.camera == 'misc':
            values['misc'] = misc
        if self.camera == 'cam_param':
            values['cam_param'] = [
                dict(
                    H=96,
                    W=96,
                    in_mat=[[f, 0, x], [0, f, y], [0, 0, 1]],
                    rotation_mat=np.eye(3).tolist(),
                    translation=[0, 0, 0],
                    k1=0,
                    p1=0,
                )
                for f, (x, y) in zip(misc['focal_length'], misc['principal_point'], strict=True)
            ]
        return values


POSE = ('global_orient', 'body_pose', 'betas')
FORMS = {
    # Converters of this project.
    'h36m': Form('h36m', 'h36m', camera='misc'),
    'h36m_mosh': Form('h36m', 'h36m', POSE, camera='misc'),
    'mpi_inf_3dhp': Form('mpi_inf_3dhp', 'mpi_inf_3dhp', camera='misc'),
    'mpi_inf_3dhp_test': Form('mpi_inf_3dhp_test', 'mpi_inf_3dhp_test', camera='misc'),
    'cliff': Form('smpl_24', 'smpl_24', (*POSE, 'transl'), relative=True, camera='misc'),
    'spin': Form('smpl_49', 'smpl_24', POSE, relative=True),
    'eft': Form('smpl_49', None, POSE),
    'coco': Form('coco'),
    'mpii': Form('mpii'),
    'lsp': Form('lsp'),
    'pw3d': Form('pw3d', 'smpl', (*POSE, 'transl'), camera='misc'),
    'synthetic': Form('smpl_54', 'smpl_54', (*POSE, 'transl'), camera='misc'),
    'parameters alone': Form(None, None, (*POSE, 'transl'), camera='misc'),
    'parameters and cam_param': Form(None, None, (*POSE, 'transl'), camera='cam_param'),
}
THEIRS = {
    # MMHuman3D brings all keypoints into its own 190 joints and compresses them.
    'h36m_mosh': Form('h36m', 'h36m', POSE),
    'mpi_inf_3dhp': Form('mpi_inf_3dhp', 'mpi_inf_3dhp'),
    'mpi_inf_3dhp_test': Form('mpi_inf_3dhp_test', 'mpi_inf_3dhp_test'),
    'cliff': Form('smpl_24', 'smpl_24', POSE, relative=True, square=True),
    'spin': Form('smpl_49', 'smpl_24', POSE, relative=True, square=True),
    'eft': Form('smpl_49', None, POSE, square=True),
    'coco': Form('coco'),
    'mpii': Form('mpii'),
    'pw3d': Form(None, None, POSE, camera='cam_param'),
}


@pytest.fixture(scope='module')
def people(tmp_path_factory: pytest.TempPathFactory) -> HumanData:
    """People of the studio, with the folder of their images as the folder of the file."""
    folder = tmp_path_factory.mktemp('images')
    make_dataset(folder, StudioSettings('easy', 96, 0), 4, 0, workers=1, progress=False)
    return HumanData.fromfile(folder / 'train.npz')


@pytest.fixture(scope='module')
def files(people: HumanData, import_mmhuman3d: Callable) -> dict[str, Path]:
    """The files beside the images, by publisher and form."""
    folder = Path(people.source).parent
    their_class = import_mmhuman3d('data.data_structures.human_data').HumanData
    convert_kps = import_mmhuman3d('core.conventions.keypoints_mapping').convert_kps
    their_class.set_logger('silent')
    written = {}
    for name, form in FORMS.items():
        written['ours', name] = folder / f'ours_{name}.npz'
        HumanData(form.values(people)).dump(written['ours', name])
    for name, form in THEIRS.items():
        theirs = their_class.new(key_strict=False)
        for key, value in form.values(people).items():
            if key in form.keypoints:
                value, theirs[f'{key}_mask'] = convert_kps(value, form.keypoints[key], 'human_data')
            if not key.endswith(('_mask', '_convention')):
                theirs[key] = value
        if any(form.keypoints.values()):
            theirs.compress_keypoints_by_mask()
        written['mmhuman3d', name] = folder / f'mmhuman3d_{name}.npz'
        theirs.dump(str(written['mmhuman3d', name]))
    written['spin', 'raw'] = _published_by_spin(people, folder)
    return written


def _published_by_spin(people: HumanData, folder: Path) -> Path:
    """SPIN's own npz, converted by the tool."""
    values = FORMS['spin'].values(people)
    box = people['bbox_xywh']
    part = values['keypoints2d'][:, 25:]
    smpl = people['smpl']
    pose = np.concatenate([smpl['global_orient'], smpl['body_pose'].reshape(-1, 69)], 1)
    np.savez(
        folder / 'spin_raw.npz',
        imgname=np.array(values['image_path']),
        pose=pose,
        shape=smpl['betas'],
        has_smpl=np.ones(len(part)),
        center=box[:, :2] + box[:, 2:4] / 2,
        scale=1.2 * box[:, 2:4].max(1) / 200,
        part=part,
        openpose=np.zeros((len(part), 25, 3)),
        S=values['keypoints3d'],
    )
    run_tool(
        'dataset_tools/convert.py', 'spin', '--root', folder, '--labels-file', 'spin_raw.npz', '--out', folder
    )
    return folder / 'spin_spin_raw.npz'


@pytest.fixture(scope='module', params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> tuple[Config, torch.nn.Module]:
    """A recipe's config with small crops, a narrow encoder and the open body, and its model."""
    cfg = load_config(ROOT / f'configs/{request.param}.py')
    init_default_scope(cfg.default_scope)
    use_body_model(cfg, 'open')
    for part in dicts_in(dict(cfg.items())):
        if 'crop_size' in part:
            part['crop_size'] = (64, 48)
    cfg.model.encoder.backbone.base_channels = 8
    torch.manual_seed(0)
    return cfg, MODELS.build(cfg.model).train()


@pytest.mark.parametrize(
    ('publisher', 'name'),
    [*(('ours', name) for name in FORMS), *(('mmhuman3d', name) for name in THEIRS), ('spin', 'raw')],
    ids=lambda value: value.replace(' ', '-'),
)
def test_two_steps_on_a_form(
    publisher: str, name: str, recipe: tuple[Config, torch.nn.Module], files: dict[tuple[str, str], Path]
) -> None:
    cfg, model = recipe
    init_default_scope(cfg.default_scope)
    form = dict(ours=FORMS, mmhuman3d=THEIRS, spin=dict(raw=FORMS['spin']))[publisher][name]
    file = files[publisher, name]
    parts = cfg.train_dataloader.dataset.get('datasets', [cfg.train_dataloader.dataset])
    part = copy.deepcopy(parts[-1])  # MPII of the mixture, whose boxes are crops, or 3DPW
    part.update(
        data_root=str(file.parent),
        ann_file=file.name,
        data_prefix=dict(img_path=''),
        pipeline=cfg.train_dataloader.dataset.pipeline,
    )
    sampler = dict(type='DefaultSampler', shuffle=False)
    loader = Runner.build_dataloader(dict(batch_size=2, num_workers=0, sampler=sampler, dataset=part), seed=0)
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    for _, batch in zip(range(2), loader, strict=False):
        losses = model.train_step(copy.deepcopy(batch), optim_wrapper)
        alive = {key.removeprefix('loss_') for key, loss in losses.items() if loss > 0} - {'loss'}
        assert all(loss.isfinite() for loss in losses.values())
        assert alive & EVERYTHING == form.losses
        if 'camera' in model.losses:
            assert 'camera' in alive
            # Below zero where positives outweigh all negatives, which are alone in its denominator.
            assert losses['loss_contrastive'] != 0
