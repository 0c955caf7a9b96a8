"""Errors and speed of exported files beside PyTorch: one pass over the people of ``test_dataloader``.

    mmroi evaluate-exported CONFIG --checkpoint FILE --files model.onnx model_int8.onnx

Metrics are those of the config's ``test_evaluator``, in mm. ``distance`` is that of the vertices from
PyTorch's without the translation, averaged over all people, and ``largest`` that of one person. ``speed`` is
relative to PyTorch: from crops to posed bodies, in turns and with the same number of threads.
"""

from pathlib import Path

from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import add_clock_argument, add_timing_arguments, make_parser, parse


def main() -> None:
    """Evaluate and print."""
    parser = make_parser(__doc__)
    parser.add_argument('--checkpoint', help='weights (default: those of the shipped model)')
    parser.add_argument(
        '--files', nargs='+', type=Path, required=True, metavar='FILE', help='exported files, .onnx or .pt2'
    )
    parser.add_argument(
        '--batch-size', type=int, default=1, metavar='N', help='people of a timed call (default: 1)'
    )
    parser.add_argument('--threads', type=int, help="number of CPU threads (default: PyTorch's choice)")
    add_timing_arguments(parser)
    add_clock_argument(parser)
    args = parse(parser)
    from mmroi.apis import init_model
    from mmroi.benchmark.exported import compare_exported, table_rows
    from mmroi.benchmark.speed.command_line import print_table, use_device, write_json
    from mmroi.benchmark.speed.timing import describe_machine

    use_device(args)
    model = init_model(args.config, args.checkpoint, cfg_options=args.cfg_options, body_model=args.body_model)
    machine = describe_machine(next(model.parameters()).device)
    rows = compare_exported(model, args.files, args.batch_size, args.seconds, args.rounds, args.cpu_time)
    print_table(table_rows(rows))
    write_json(args.json, machine=machine, rows=rows)


if __name__ == '__main__':
    run_tool(main)
