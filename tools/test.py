"""Test a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""
import argparse
from pathlib import Path

import mmengine
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmroi.engine.launch import add_common_arguments, existing_file, load_config, run_tool


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('checkpoint', help='path of the weights')
    parser.add_argument('--out', help='file to write: metrics (.json), predictions and labels for '
                        'analysis_tools/eval_metric.py (.npz), or whole data samples (.pkl)')
    parser.add_argument('--show-dir', help='folder for pictures: photo | mesh on photo | mesh from the side')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.out and Path(args.out).suffix not in ('.json', '.npz', '.pkl'):
        parser.error(f'--out must end in .json, .npz or .pkl, not {args.out!r}')
    return args


def main() -> None:
    """Test."""
    args = parse_args()
    cfg = load_config(args)
    cfg.load_from = existing_file(args.checkpoint)
    if args.show_dir:
        cfg.setdefault('custom_hooks', []).append(dict(type='MeshVisualizationHook', out_dir=args.show_dir))
    runner = Runner.from_cfg(cfg)
    if args.out and args.out.endswith('.pkl'):
        from mmengine.evaluator import DumpResults
        runner.test_evaluator.metrics.append(DumpResults(out_file_path=args.out))
    if args.out and args.out.endswith('.npz'):
        from mmroi.evaluation import DumpMeshResults
        runner.test_evaluator.metrics.append(DumpMeshResults(args.out))
    metrics = runner.test()
    if args.out and args.out.endswith('.json') and is_main_process():
        mmengine.dump(metrics, args.out, indent=2)


if __name__ == '__main__':
    run_tool(main)
