"""Run the commands of README and documentation: ``python docs/commands.py [PAGE ...]``.

A fenced block of ``bash``, ``shell``, ``console`` or ``python`` may follow comments that readers do not see:

* ``<!-- file: NAME -->``: the block is a file, which is written and not run.
* ``<!-- add: ARGUMENTS | ARGUMENTS -->``: for the first, second, ... command of the block when it is run, so
  that it takes seconds. One part is for all commands.
* ``<!-- skip: REASON -->``: the block is checked but not run; reasons are those of ``SKIPS``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHELLS = ('bash', 'shell', 'console')
OTHERS = ('text', 'bibtex', 'yaml', 'json', 'cmake', '{toctree}', '{eval-rst}')
SKIPS = {
    'installs packages': 'the environment of the tests has them',
    'needs SMPL': 'its license does not allow it to be shipped',
    'needs data sets': 'their licenses do not allow them to be shipped',
    'needs a download': 'its site may be out of reach',
    'needs a webcam': 'not on the machine of the tests',
    'needs GPUs': 'not on the machine of the tests',
    'needs runs of yours': 'a comparison of two trainings',
    'takes long': 'minutes to hours, and no option makes it short',
    'part of a program': 'which runs only in its place',
}
# What stands for a reader's own files and numbers.
PLACEHOLDERS = {
    'CONFIG': 'configs/multi_roi/multi-roi_movenet_1xb64-30e_synthetic-256x192.py',
    'CHECKPOINT': 'checkpoints/multi-roi_movenet_synthetic.pth',
    'X1': '10',
    'Y1': '10',
    'X2': '400',
    'Y2': '500',
}
_FENCE = re.compile(
    r'(?P<marks>(?:^<!-- (?:file|add|skip): [^\n]* -->\n)*)^```(?P<language>[^\n`]*)\n(?P<text>.*?)^```$',
    flags=re.M | re.S,
)
_MARK = re.compile(r'^<!-- (\w+): (.*) -->$', flags=re.M)
_COMMENT = re.compile(r'(?:^|\s+)#.*$')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        place: Page and line.
        language: What follows the fence.
        text: Content.
        marks: Comments before it, by name.
    """

    place: str
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    def commands(self) -> list[str]:
        """Return the lines of a shell block, joined where continued, without comments, prompts and output."""
        lines = self.text.replace('\\\n', ' ').splitlines()
        if self.language == 'console':
            lines = [line[2:] for line in lines if line.startswith('$ ')]
        return [line for line in (_COMMENT.sub('', line).strip() for line in lines) if line]


def pages() -> list[Path]:
    """Return README, the other pages beside it, the documentation, and the READMEs of the configs."""
    found = [*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('configs/*/README.md')]
    return sorted(path for path in found if '_build' not in path.parts)


def read_blocks(text: str, page: str = '') -> list[Block]:
    """Return the fenced blocks of a page in order."""
    return [
        Block(
            f'{page}:{text.count(chr(10), 0, match.start("language")) + 1}',
            match['language'].strip(),
            match['text'],
            dict(_MARK.findall(match['marks'])),
        )
        for match in _FENCE.finditer(text)
    ]


def make_folder(folder: Path) -> None:
    """Make what pages take for granted: the project's folders, photos, a video, boxes, synthetic images."""
    import cv2
    import numpy as np

    from mmroi.apis.inference.inputs import SAMPLE
    from mmroi.structures import get_convention
    from mmroi.synthetic import StudioSettings, make_dataset

    for name in ('configs', 'tools', 'checkpoints', 'requirements', 'Makefile', 'model-index.yml'):
        (folder / name).symlink_to(ROOT / name)
    photo = cv2.imread(str(SAMPLE))
    for name in (
        'photo.jpg',
        'image.jpg',
        'photos/photo.jpg',
        'images/photo.jpg',
        'frames/0.jpg',
        'frames/1.jpg',
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / name), photo)
    height, width = photo.shape[:2]
    video = cv2.VideoWriter(str(folder / 'clip.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10, (width, height))
    for _ in range(4):
        video.write(photo)
    video.release()
    (folder / 'boxes.json').write_text(f'[[0, 0, {width}, {height}]]')
    points = np.c_[np.linspace(0.3, 0.7, 17) * width, np.linspace(0.2, 0.8, 17) * height, np.full(17, 2)]
    people = dict(id=1, image_id=1, category_id=1, iscrowd=0, bbox=[0, 0, width, height], num_keypoints=17)
    people['keypoints'] = points.ravel().tolist()
    joints = dict(id=1, name='person', keypoints=list(get_convention('coco')))
    image = dict(id=1, file_name='photo.jpg', width=width, height=height)
    (folder / 'keypoints.json').write_text(
        json.dumps(dict(images=[image], annotations=[people], categories=[joints]))
    )
    for name, preset in dict(full='full', natural='natural', easy='easy', quick='easy').items():
        make_dataset(folder / 'data/synthetic' / name, StudioSettings(preset, 96, 0), 2, 2, progress=False)


def environment(folder: Path) -> dict[str, str]:
    """Return variables under which ``python`` and ``mmroi`` are those of this process and project."""
    commands = folder / '.bin'
    commands.mkdir(exist_ok=True)
    mmroi = commands / 'mmroi'
    mmroi.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mmroi "$@"\n')
    mmroi.chmod(0o755)
    path = [str(commands), str(Path(sys.executable).parent), os.environ['PATH']]
    modules = [str(folder), str(ROOT)]
    return dict(
        os.environ, PYTHONPATH=os.pathsep.join(modules), PATH=os.pathsep.join(path), OMP_NUM_THREADS='1'
    )


def run_block(block: Block, folder: Path, timeout: float = 3600) -> str | None:
    """Run a block, or write the file that it is.

    Args:
        block: The block.
        folder: Where it runs.
        timeout: Seconds.

    Returns:
        The end of its output if it failed; None otherwise.
    """
    if 'file' in block.marks:
        path = folder / block.marks['file']
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding='utf-8')
        return None
    if 'skip' in block.marks or block.language not in (*SHELLS, 'python'):
        return None
    if block.language == 'python':
        words = [sys.executable, '-c', block.text]
    else:
        words = ['bash', '-ec', '\n'.join(small_commands(block))]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment(folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        return f'{error}'
    output = '\n'.join(done.stdout.splitlines()[-30:])
    return f'{words[-1]}\n{output}' if done.returncode else None


def small_commands(block: Block) -> list[str]:
    """Return the commands of a block with what it adds to them, placeholders replaced."""
    added = block.marks.get('add', '').split('|')
    commands = block.commands()
    if len(added) == 1:
        added *= len(commands)
    names = '|'.join(map(re.escape, PLACEHOLDERS))
    commands = [
        re.sub(rf'(?<![\w/.-])({names})(?![\w/.-])', lambda name: PLACEHOLDERS[name[0]], command)
        for command in commands
    ]
    return [f'{command} {extra.strip()}' for command, extra in zip(commands, added, strict=False)]


def run_page(page: Path, inputs: Path) -> Iterator[tuple[str, str, str]]:
    """Run a page in a copy of a folder, and say at once what ran and what failed.

    Args:
        page: The page.
        inputs: The folder.

    Yields:
        Place, state (``ran``, ``written``, ``skipped``, ``FAILED``), and reason or output of each block.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = shutil.copytree(inputs, Path(name, 'page'), symlinks=True)
        for block in read_blocks(page.read_text(encoding='utf-8'), str(page.relative_to(ROOT))):
            if block.language not in (*SHELLS, 'python') and 'file' not in block.marks:
                continue
            start = time.monotonic()
            output = run_block(block, folder) or ''
            reason = block.marks.get('skip', '')
            state = (
                'skipped' if reason else 'FAILED' if output else 'written' if 'file' in block.marks else 'ran'
            )
            print(f'{block.place}: {state}, {reason or f"{time.monotonic() - start:.0f} s"}', flush=True)
            if output:
                print(output, flush=True)
            yield block.place, state, reason


def print_summary(results: list[tuple[str, str, str]]) -> None:
    """Print how many blocks ran, and where the others are: those that were skipped by reason."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place, state, reason in results:
        places[state, reason].append(place)
    print(f'\n{len(results)} blocks in {len({place.split(":")[0] for place, *_ in results})} pages')
    for (state, reason), group in sorted(places.items()):
        why = f', {reason} ({SKIPS[reason]})' if reason else ''
        where = f': {", ".join(group)}' if state in ('skipped', 'FAILED') else ''
        print(f'{len(group):4d} {state}{why}{where}')


def main() -> None:
    """Run the given pages, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument(
        'pages', nargs='*', type=lambda name: Path(name).resolve(), help='default: all that the tests check'
    )
    chosen = parser.parse_args().pages or pages()
    with tempfile.TemporaryDirectory() as inputs:
        make_folder(Path(inputs))
        results = [result for page in chosen for result in run_page(page, Path(inputs))]
    print_summary(results)
    sys.exit(any(state == 'FAILED' for _, state, _ in results))


if __name__ == '__main__':
    sys.path.insert(0, str(ROOT))
    main()
