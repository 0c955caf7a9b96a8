"""Test a checkpoint: ``mmroi test CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmroi.cli.arguments import add_config_arguments, add_runner_arguments
from mmroi.cli.config_options import RefineAction
from mmroi.cli.running import run_tool
from mmroi.utils.choices import PRECISIONS

if TYPE_CHECKING:
    from mmengine.config import Config


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='path of the weights')
    parser.add_argument(
        '--out',
        help='output file: metrics (.json), predictions and ground truth for '
        'mmroi eval-metric (.npz), or whole data samples (.pkl)',
    )
    parser.add_argument(
        '--show-dir',
        help='folder for about 50 drawings: image | prediction | ground truth | both from the side',
    )
    parser.add_argument('--show', action='store_true', help='open a window with each drawing')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        metavar='SECONDS',
        help='time until the next drawing, 0 waits for a key (default: 2)',
    )
    parser.add_argument('--interval', type=int, metavar='N', help='draw every N-th person instead')
    parser.add_argument(
        '--worst',
        type=int,
        metavar='N',
        help='draw the N people with the largest error instead, worst first',
    )
    parser.add_argument(
        '--worst-by',
        default='MPJPE',
        metavar='METRIC',
        help='error for --worst: PA-MPJPE, PVE, orientation, ... (default: MPJPE); '
        'for PCK and AUC the smallest is the worst',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='test-time augmentation: average over the image and its mirror image',
    )
    parser.add_argument(
        '--refine',
        nargs='*',
        action=RefineAction,
        metavar='OPTION=VALUE',
        help='fit each person to the annotated 2D keypoints (page refinement.md of the docs); options: noise '
        '(pixels at 256-pixel people), missing (share of keypoints), convention (default: coco), seed, and '
        'refiner.roi_weight and the like, of KeypointRefiner',
    )
    parser.add_argument(
        '--precision',
        choices=PRECISIONS,
        default='fp32',
        help='of the encoder; auto is bf16 where the device is faster with it (default: %(default)s)',
    )
    parser.add_argument(
        '--compile',
        action='store_true',
        help='compile network and body model first, which takes minutes and pays from thousands of people '
        'on; needs a C++ compiler on a CPU',
    )
    parser.add_argument(
        '--cache-features',
        action='store_true',
        help='read the features of the frozen encoder from the cache of --cache-features of mmroi train, '
        'and compute them where they are missing; the figures then have its precision',
    )
    add_runner_arguments(parser)
    args = parser.parse_args()
    if args.cache_features and args.tta:
        parser.error('--tta needs crops, not --cache-features')
    if args.cache_features and args.compile:
        parser.error('--compile has no effect with --cache-features, which leave the encoder out')
    if args.refine is not None and args.tta:
        parser.error('--tta and --refine both change the model: choose one')
    if args.out and Path(args.out).suffix not in ('.json', '.npz', '.pkl'):
        parser.error(f'--out must end in .json, .npz or .pkl, not {args.out!r}')
    if (args.interval or args.worst) and not (args.show_dir or args.show):
        parser.error('--interval and --worst choose people for --show-dir or --show')
    return args


def enable_drawing(cfg: Config, args: argparse.Namespace) -> None:
    """Enable and configure the hook that draws."""
    hook = cfg.setdefault('default_hooks', {}).setdefault('visualization', dict(type='MeshVisualizationHook'))
    hook.update(
        enable=True,
        out_dir=args.show_dir,
        show=args.show,
        wait_time=args.wait_time,
        max_pictures=50,
        interval=args.interval,
        worst=args.worst,
        metric=args.worst_by,
    )


def main() -> None:
    """Test."""
    args = parse_args()
    import mmengine
    from mmengine.dist import is_main_process

    from mmroi.engine.amp import use_test_precision
    from mmroi.engine.body_model import check_body_model
    from mmroi.engine.compilation import compile_network
    from mmroi.engine.feature_cache import cached_runner
    from mmroi.engine.launch import existing_file, read_runner_config
    from mmroi.engine.quiet_runner import QuietRunner
    from mmroi.engine.refinement import use_refinement
    from mmroi.engine.tta import use_tta
    from mmroi.fileio.atomic import atomic_write
    from mmroi.fileio.output_folders import check_folder

    cfg = read_runner_config(args)
    use_test_precision(cfg, args.precision)
    check_body_model(cfg, 'test')
    check_folder(cfg.work_dir, '--work-dir')
    if args.out:
        check_folder(Path(args.out).parent, '--out')
    if args.show_dir:
        check_folder(args.show_dir, '--show-dir')
    cfg.load_from = existing_file(args.checkpoint)
    if args.show_dir or args.show:
        enable_drawing(cfg, args)
    if args.tta:
        use_tta(cfg)
    if args.refine is not None:
        use_refinement(cfg, args.refine)
    if args.cache_features:
        cfg.feature_cache = cfg.get('feature_cache') or {}
        runner = cached_runner(QuietRunner, cfg, ['test'])
    else:
        runner = QuietRunner.from_cfg(cfg)
    if args.compile:
        compile_network(runner.model)
    if args.out and args.out.endswith('.pkl'):
        from mmroi.evaluation import DumpWholeResults

        runner.test_evaluator.metrics.append(DumpWholeResults(out_file_path=args.out))
    if args.out and args.out.endswith('.npz'):
        from mmroi.evaluation import DumpMeshResults

        runner.test_evaluator.metrics.append(DumpMeshResults(args.out))
    metrics = runner.test()
    if not is_main_process():
        return
    if args.out and args.out.endswith('.json'):
        with atomic_write(args.out) as temporary:
            mmengine.dump(metrics, temporary, indent=2)
    for name, value in metrics.items():
        print(f'{name}: {value:.4f}' if isinstance(value, float) else f'{name}: {value}')
    print(f'log: {runner.log_dir}' + (f', results: {args.out}' if args.out else ''))


if __name__ == '__main__':
    run_tool(main)
