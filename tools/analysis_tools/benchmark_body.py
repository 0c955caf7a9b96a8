"""Milliseconds to pose bodies with the skinning of this project, beside smplx where it is installed.

    mmroi benchmark-body [--bodies 1 64] [--cpu-time] [--json FILE]

All variants take turns, so that their ratios hold on a busy machine. ``mesh`` is vertices and joints, as for
inference; ``joints`` is the joints alone, as for training without losses on vertices, which smplx takes from
the whole mesh. ``backward`` includes the gradients of rotations and shapes. ``ratio`` is speed relative to
smplx.
"""

from importlib.util import find_spec

from mmroi.cli.arguments import add_body_argument
from mmroi.cli.running import run_tool
from mmroi.cli.speed_arguments import (
    add_clock_argument,
    add_device_arguments,
    add_timing_arguments,
    make_parser,
    parse,
)


def main() -> None:
    """Measure and print."""
    parser = make_parser(__doc__, with_config=False)
    parser.add_argument('--bodies', type=int, nargs='+', default=[1, 64], metavar='N', help='default: 1 64')
    add_body_argument(parser, default='open')
    add_timing_arguments(parser)
    add_clock_argument(parser)
    add_device_arguments(parser)
    args = parse(parser)
    from mmroi.benchmark.speed.bodies import make_steps, measure_bodies
    from mmroi.benchmark.speed.command_line import print_table, use_device, write_json
    from mmroi.benchmark.speed.timing import describe_machine
    from mmroi.body_models import SMPL

    device = use_device(args)
    machine = describe_machine(device)
    names = [name for name in ('smplx', 'mmroi') if name == 'mmroi' or find_spec(name)]
    if 'smplx' not in names:
        print('smplx is not installed: measured alone')
    layers = {name: SMPL(args.body_model, layer=name).to(device) for name in names}
    steps = make_steps(layers, args.bodies, device)
    rows = measure_bodies(steps, device, args.seconds, args.rounds, args.cpu_time)
    print_table(rows)
    write_json(args.json, machine=machine, rows=rows)


if __name__ == '__main__':
    run_tool(main)
