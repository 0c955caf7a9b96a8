"""Converts the download of a dataset into HumanData files, which all configs read.

    python tools/dataset_tools/convert.py pw3d --workers 8 --check 12
    python tools/dataset_tools/convert.py coco --labels eft_all
    python tools/dataset_tools/convert.py coco --help

docs/data.md tells where the downloads come from and which folders are expected. A killed run goes on where it
was when it is called again; a file that is there is not made again without --overwrite.
"""

import argparse
import inspect
import os
import pickle
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import cv2

from mmroi.datasets.converters import CONVERTERS, Converter, convert_split
from mmroi.engine.body_model import add_body_argument
from mmroi.fileio import HumanData
from mmroi.visualization.label_sheet import label_sheet


class _Help(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the lines of descriptions and tells the defaults that there are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        told = action.default not in (None, False, '', 0)
        return super()._get_help_string(action) if told else action.help


def parse_args() -> argparse.Namespace:
    """Read the command line; each dataset has options of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Help)
    datasets = parser.add_subparsers(dest='dataset', metavar='DATASET', required=True)
    for name, converter in CONVERTERS.items():
        doc = (inspect.getdoc(converter) or '').replace('`', '')
        sub = datasets.add_parser(
            name, help=doc.split('\n')[0], description=doc.split('Args:')[0], formatter_class=_Help
        )
        add_common_options(sub, converter)
        for field in fields(converter):
            if field.name != 'root':
                text = re.search(rf'^ *{field.name}: (.*(\n {{8}}.*)*)', doc, re.MULTILINE)
                add_option(sub, field.name, field.type, field.default, text.group(1) if text else '')
    return parser.parse_args()


def add_common_options(parser: argparse.ArgumentParser, converter: type[Converter]) -> None:
    """Options of all datasets."""
    parser.add_argument(
        '--root', type=Path, default=Path('data/datasets') / converter.name, help='folder of the download'
    )
    parser.add_argument(
        '--out', type=Path, default=Path('data/preprocessed_datasets'), help='folder of the annotation files'
    )
    parser.add_argument(
        '--splits',
        nargs='+',
        choices=converter.splits,
        default=converter.splits,
        help='which parts to convert',
    )
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1, help='processes')
    parser.add_argument(
        '--skip-bad',
        action='store_true',
        help='leave out and count people whose labels or image cannot be used',
    )
    parser.add_argument(
        '--no-image-check', action='store_true', help='do not look whether the images are there'
    )
    parser.add_argument('--overwrite', action='store_true', help='make files that are there again')
    parser.add_argument(
        '--check',
        type=int,
        metavar='N',
        default=0,
        help='draw N people with their labels into OUT/NAME_check.jpg',
    )
    add_body_argument(parser, 'the open body, on which people drawn by --check are only roughly shaped')


def add_option(parser: argparse.ArgumentParser, name: str, kind: Any, default: Any, text: str) -> None:
    """An option of one dataset, from a field of its converter."""
    kind = next((option for option in get_args(kind) if option is not type(None)), kind)
    how: dict[str, Any] = dict(action='store_true') if kind is bool else dict(type=kind)
    parser.add_argument(f'--{name.replace("_", "-")}', default=default, help=text, **how)


def check(path: Path, args: argparse.Namespace) -> None:
    """Draw people of a converted file."""
    sheet = path.with_name(f'{path.stem}_check.jpg')
    picture = label_sheet(path, args.root, args.check, args.body_model)
    if not cv2.imwrite(str(sheet), picture):
        raise ValueError(f'{sheet}: cannot be written')
    print(f'  labels drawn into {sheet}')


def main() -> None:
    """Convert the splits asked for."""
    args = parse_args()
    kind = CONVERTERS[args.dataset]
    try:
        converter = kind(**{field.name: getattr(args, field.name) for field in fields(kind)})
        for split in args.splits:
            path = args.out / f'{converter.output_name(split)}.npz'
            if path.is_file() and not args.overwrite:
                rows = HumanData.fromfile(path).data_len
                print(f'{path}: is there already, {rows} people; --overwrite makes it again')
            else:
                print(
                    convert_split(
                        converter, split, args.out, args.workers, args.skip_bad, not args.no_image_check
                    )
                )
            if args.check:
                check(path, args)
    except (OSError, ValueError, pickle.UnpicklingError) as error:
        raise SystemExit(f'convert {args.dataset}: {error}') from error


if __name__ == '__main__':
    main()
