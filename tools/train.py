"""Train a model: ``mmroi train configs/multi_roi/multi-roi_r18_1xb16-5e_synthetic-96x72.py``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mmroi.cli.arguments import add_config_arguments, add_runner_arguments
from mmroi.cli.running import run_tool
from mmroi.utils.choices import VIS_BACKENDS

if TYPE_CHECKING:
    from mmengine.config import Config
    from mmengine.runner import Runner


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Train a model')
    add_config_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='resume from a checkpoint; without a value or with "auto": from the newest readable one in the '
        'work folder',
    )
    parser.add_argument(
        '--amp', action='store_true', help='use mixed precision where it is faster, on GPU and CPU'
    )
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by batch size / auto_scale_lr.base_batch_size',
    )
    parser.add_argument(
        '--cache-features',
        nargs='?',
        type=int,
        const=4,
        metavar='N',
        help='compute the features of the frozen encoder once, of N variants of each training image '
        '(default: 4); the same as feature_cache.variants of a config',
    )
    parser.add_argument(
        '--vis',
        nargs='+',
        choices=VIS_BACKENDS,
        default=(),
        metavar='BACKEND',
        help=f'also show curves, and pictures where they are enabled, in {", ".join(VIS_BACKENDS)}',
    )
    add_runner_arguments(parser)
    return parser.parse_args()


def describe(runner: Runner, cfg: Config) -> str:
    """Say in one line what is trained, on what, and where; the log file has the whole config."""
    loader = runner.train_dataloader
    start = (
        f', {"resumed" if cfg.get("resume") else "starting"} from {cfg.load_from}' if cfg.load_from else ''
    )
    return (
        f'{cfg.filename}: {len(loader.dataset)} samples, {len(loader)} iterations per epoch{start}; '
        f'work folder {runner.work_dir}, log {runner.log_dir}'
    )


def train(cfg: Config, args: argparse.Namespace) -> None:
    """Train in the work folder of a config, which is this run's own."""
    from mmengine.dist import is_main_process

    from mmroi.engine.body_model import warn_of_open_body
    from mmroi.engine.checkpoints import prepare_resume
    from mmroi.engine.epochs import check_iterations
    from mmroi.engine.feature_cache import cached_runner
    from mmroi.engine.quiet_runner import QuietRunner
    from mmroi.engine.vis_backends import add_vis_backends

    prepare_resume(cfg, args.resume)
    if args.cache_features is not None:
        cfg.merge_from_dict({'feature_cache.variants': args.cache_features})
    add_vis_backends(cfg, args.vis)
    runner = cached_runner(QuietRunner, cfg)
    warn_of_open_body(cfg)
    check_iterations(runner.train_dataloader, runner.world_size)
    if is_main_process():
        print(describe(runner, cfg), flush=True)
    runner.train()
    if is_main_process():
        print(f'checkpoints: {runner.work_dir}, log: {runner.log_dir}')


def main() -> None:
    """Read the config and train."""
    args = parse_args()
    from mmroi.engine.amp import use_amp
    from mmroi.engine.body_model import check_body_model
    from mmroi.engine.launch import own_work_dir, read_runner_config

    cfg = read_runner_config(args)
    if args.amp:
        use_amp(cfg)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.pop('save_best', None)
        cfg.default_hooks.checkpoint.pop('rule', None)
    check_body_model(cfg, 'train', 'val')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise KeyError('--auto-scale-lr needs auto_scale_lr.base_batch_size in the config')
        cfg.auto_scale_lr.enable = True
    with own_work_dir(cfg):
        train(cfg, args)


if __name__ == '__main__':
    run_tool(main)
