"""Names of configs say what the configs do.

They have the form of the family, {model}_{backbone}_[{variant}-]{N}xb{B}-{E}e_{data}-{height}x{width}[_{row}]
for N processes with batches of B people and E epochs.
"""

import re
from pathlib import Path

import pytest
from mmengine.config import ConfigDict

from mmroi.engine.pipelines import load_config, read_crops
from mmroi.utils.renamed_configs import RENAMED

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(ROOT.glob('configs/[!_]*/*.py'))
FORM = re.compile(
    r'(?P<model>[a-z-]+)_(?P<backbone>[a-z0-9-]+)_(?P<variant>[a-z0-9-]+-)??(?P<schedule>\d+xb\d+-\d+e)'
    r'_(?P<data>[a-z0-9-]+-\d+x\d+)(?P<row>_[a-z0-9_.-]+)?'
)


def name_of(path: Path) -> str:
    return RENAMED.get(path.stem, path.stem)


def backbone_of(backbone: ConfigDict) -> str:
    kind = backbone.type.lower()
    if 'hrnet' in kind:
        return f'hr{backbone.extra.stage2.num_channels[0]}'
    if 'resnet' in kind:
        return f'r{backbone.depth}'
    return {'movenetbackbone': 'movenet', 'efficientnetlite0': 'efficientnet-lite0'}[kind]


def data_of(dataset: ConfigDict) -> str:
    parts = dataset.get('datasets', [dataset])
    names = {part.get('dataset_name') or dataset.dataset_name for part in parts}
    folder = Path(dataset.get('data_root') or '')
    easy = '-easy' if folder == Path('data/synthetic/easy') else ''
    return f'{names.pop()}{easy}' if len(names) == 1 else 'mixture'


@pytest.mark.parametrize('path', CONFIGS, ids=name_of)
def test_a_name_tells_the_truth(path):
    name = FORM.fullmatch(name_of(path))
    assert name, f'{name_of(path)} has not the form of the family'
    cfg = load_config(path, import_custom_modules=False)
    loader = cfg.train_dataloader
    processes, rest = divmod(cfg.auto_scale_lr.base_batch_size, loader.batch_size)
    assert rest == 0
    assert name['schedule'] == f'{processes}xb{loader.batch_size}-{cfg.train_cfg.max_epochs}e'
    height, width = read_crops(loader).crop_size
    assert name['data'] == f'{data_of(loader.dataset)}-{height}x{width}'
    assert name['backbone'] == backbone_of(cfg.model.encoder.backbone)
    variant = name['variant'] or ''
    assert ('finetune' in variant) == bool(
        cfg.load_from and '_mixture-' in name_of(Path(cfg.load_from).parent)
    )
    assert ('uncertainty' in variant) == ('uncertainty_head' in cfg.model)
    assert ('shared-map' in f'{variant}{name["row"]}') == bool(read_crops(loader).context_size)
    folder = path.parent.name
    if folder in ('ablation', 'multi_roi'):
        assert name['model'] == 'multi-roi' and bool(name['row']) <= (folder == 'ablation')
    elif folder != 'demo':
        assert name['model'] == folder
    else:
        assert (name['model'] == 'multi-roi') == bool(cfg.model.get('fusion'))


def test_renamed_configs_exist():
    assert {*RENAMED.values()} <= {path.stem for path in CONFIGS}
