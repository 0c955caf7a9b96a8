"""Convert the download of a dataset into HumanData files, which all configs read.

    mmroi convert pw3d --workers 8 --check 12
    mmroi convert coco --labels eft_all
    mmroi convert coco --help
    mmroi convert my_dataset --import my_converter.py

The page data.md of the documentation lists the downloads and the expected folders, customize.md shows how to
write a converter; 'mmroi info' says where they lie.
An interrupted run resumes when it is called again; what has changed in the download since is read again.
Existing files are kept unless --overwrite is given.
"""

from __future__ import annotations

import argparse
import inspect
import os
import pickle
import re
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from mmroi.cli.arguments import add_body_argument
from mmroi.cli.running import run_tool
from mmroi.utils.choices import DATASETS
from mmroi.utils.errors import UserError, explain

if TYPE_CHECKING:
    from mmroi.datasets.converters import Converter


class _Help(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keep the lines of descriptions, and show defaults unless they are empty."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        empty = action.default in (None, False, '', 0)
        return action.help if empty else super()._get_help_string(action)


def parse_args() -> argparse.Namespace:
    """Parse the command line; each converter adds its own options."""
    imports = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    imports.add_argument(
        '--import',
        dest='imports',
        metavar='MODULE',
        action='append',
        default=[],
        help='module, or .py file, that registers further converters',
    )
    known, rest = imports.parse_known_args()
    if all(word.startswith('-') for word in rest):  # no dataset, whose options only its converter knows
        parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Help, parents=[imports])
        parser.add_argument('dataset', metavar='DATASET', help=f'{", ".join(DATASETS)}; or one of --import')
        parser.parse_args(rest)

    from mmroi.datasets import converters  # noqa: F401  they register themselves
    from mmroi.registry import CONVERTERS

    for name in known.imports:
        module = Path(name).stem if name.endswith('.py') else name
        if module != name:
            sys.path.append(str(Path(name).resolve().parent))  # worker processes import it, too
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise UserError(f'--import {name}: there is no such module or file') from None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Help, parents=[imports])
    datasets = parser.add_subparsers(dest='dataset', metavar='DATASET', required=True)
    for name, converter in CONVERTERS.module_dict.items():
        doc = (inspect.getdoc(converter) or '').replace('`', '')
        title, description = doc.split('\n')[0], doc.split('Args:')[0]
        sub = datasets.add_parser(name, help=title, description=description, formatter_class=_Help)
        add_common_options(sub, name, converter)
        for field in fields(converter):
            if field.name != 'root':
                text = re.search(rf'^ *{field.name}: (.*(\n {{8}}.*)*)', doc, re.MULTILINE)
                hint = get_type_hints(converter)[field.name]
                kind = next((part for part in get_args(hint) if part is not type(None)), hint)
                how: dict[str, Any] = dict(action='store_true') if kind is bool else dict(type=kind)
                how.update(default=field.default, help=text.group(1) if text else '')
                sub.add_argument(f'--{field.name.replace("_", "-")}', **how)
    return parser.parse_args(rest)


def add_common_options(parser: argparse.ArgumentParser, name: str, converter: type[Converter]) -> None:
    """Add the options of all datasets."""
    add, splits, root, out = parser.add_argument, converter.splits, Path('data/datasets', name), Path('data')
    add('--root', type=Path, default=root, help='folder of the download')
    add('--out', type=Path, default=out / 'preprocessed_datasets', help='folder of the annotation files')
    add('--splits', nargs='+', choices=splits, default=splits, help='splits to convert')
    add('--workers', type=int, default=os.cpu_count() or 1, help='number of processes')
    add('--skip-bad', action='store_true', help='skip and count people whose labels or image are unusable')
    add('--no-image-check', action='store_true', help='do not check that the images exist')
    add('--overwrite', action='store_true', help='convert again even if the file exists')
    add('--check', type=int, metavar='N', default=0, help='draw N people into OUT/NAME_check.jpg')
    add_body_argument(parser, 'the open body, which only approximates the shapes of people drawn by --check')


def count_rows(path: Path) -> int:
    """Return the number of people in an annotation file; 0, with a message, if it is damaged."""
    from mmroi.fileio import HumanData

    try:
        return HumanData.fromfile(path).data_len
    except (ValueError, pickle.UnpicklingError) as error:
        print(f'{error}; converting it again')
        return 0


def main() -> None:
    """Convert the splits."""
    args = parse_args()
    from mmroi.datasets.converters import convert_split
    from mmroi.fileio.image_writing import write_image
    from mmroi.registry import CONVERTERS
    from mmroi.visualization.label_check import draw_annotations

    kind = CONVERTERS.get(args.dataset)
    try:
        converter = kind(**{field.name: getattr(args, field.name) for field in fields(kind)})
        for split in args.splits:
            path = args.out / f'{converter.output_name(split)}.npz'
            rows = count_rows(path) if path.is_file() and not args.overwrite else 0
            if rows:
                print(f'{path}: exists already, {rows} people; --overwrite converts it again')
            else:
                options = (args.workers, args.skip_bad, not args.no_image_check)
                print(convert_split(converter, split, args.out, *options))
            if args.check:
                sheet = path.with_name(f'{path.stem}_check.jpg')
                image = draw_annotations(path, args.root, args.check, args.body_model)
                write_image(sheet, image)
                print(f'  labels drawn into {sheet}')
    except (OSError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise SystemExit(f'convert {args.dataset}: {explain(error)}') from error


if __name__ == '__main__':
    run_tool(main)
