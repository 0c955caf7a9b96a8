"""The commands and links of README and documentation.

Each command line is read by the tool that it names, without running it; ``make docs-commands`` runs them.
"""

import re
from pathlib import Path

import pytest
from command_checks import check_block, split_commands
from commands import (
    ROOT,
    SKIPS,
    Block,
    pages,
    print_summary,
    read_blocks,
    run_block,
    run_page,
    small_commands,
)

from mmroi.registry import CONVERTERS

TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding='utf-8') for page in pages()}
BLOCKS = {page: read_blocks(text, page) for page, text in TEXTS.items()}
LINK = re.compile(r'(?<!`)\[[^]\n]*(?:\n[^]\n]*)?\]\(([^)\s]+)\)')


@pytest.mark.parametrize('page', BLOCKS)
def test_every_tool_understands_its_command_lines(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where the files are that the page tells to write
    # `--import my_converter.py` registers a converter while the arguments are read.
    monkeypatch.setattr(CONVERTERS, '_module_dict', dict(CONVERTERS.module_dict))
    for block in BLOCKS[page]:
        if 'file' in block.marks:
            run_block(block, tmp_path)
    assert not [f'{block.place}: {fault}' for block in BLOCKS[page] for fault in check_block(block)]


def test_nothing_is_skipped_without_a_known_reason_and_no_reason_is_left_over():
    reasons = {block.marks['skip'] for blocks in BLOCKS.values() for block in blocks if 'skip' in block.marks}
    assert reasons == set(SKIPS)
    commands = [
        block for blocks in BLOCKS.values() for block in blocks if block.language in ('bash', 'python')
    ]
    assert sum('skip' in block.marks for block in commands) < len(commands) / 2


@pytest.mark.parametrize(
    'text, fault',
    [
        (
            'python tools/train.py configs/hmr/hmr_r50_1xb48-25e_mixture-256x192.py --no-such-option',
            'no-such-option',
        ),
        ('python tools/train.py configs/hmr/no_such_config.py', 'no_such_config'),
        ('python tools/no_such_tool.py', 'no_such_tool'),
        ('mmroi no-such-command', 'no-such-command'),
        ('mmroi demo photo.jpg --save no-such-kind', 'no-such-kind'),
        (
            'bash tools/dist_train.sh configs/hmr/hmr_r50_1xb48-25e_mixture-256x192.py 8 --no-such-option',
            'no-such-option',
        ),
        ('make no-such-target', 'no-such-target'),
        ("pip install -e '.[nosuchextra]'", 'nosuchextra'),
        ('nosuchprogram', 'nosuchprogram'),
    ],
)
def test_what_a_wrong_command_is_told(text, fault):
    faults = list(check_block(Block('page:1', 'bash', f'{text}  # comment\n')))
    assert faults
    assert all(fault in line for line in faults)


def test_what_wrong_python_is_told():
    assert list(check_block(Block('page:1', 'python', 'from mmroi.apis import nothing\n'))) == [
        'mmroi.apis has no nothing'
    ]
    assert list(check_block(Block('page:1', 'python', 'a = (\n')))
    assert list(check_block(Block('page:1', 'no-such-language', '')))


def test_commands_of_a_block():
    text = '<!-- add: --one | --two 2 -->\n```console\n$ a CONFIG \\\n    b  # c\noutput\n$ d\n```\n'
    (block,) = read_blocks(text, 'page')
    assert block.place == 'page:2'
    assert block.commands() == ['a CONFIG      b', 'd']
    assert [command.split() for command in small_commands(block)] == [
        ['a', 'configs/multi_roi/multi-roi_movenet_1xb64-30e_synthetic-256x192.py', 'b', '--one'],
        ['d', '--two', '2'],
    ]
    assert list(split_commands('X=1 a "b c" && . d/e; f | g')) == [['a', 'b c'], ['.', 'd/e'], ['f'], ['g']]


def test_every_block_is_in_the_summary(tmp_path, monkeypatch, capsys):
    text = (
        '<!-- file: a.py -->\n```python\nnumber = 6\n```\n'
        '<!-- add: two | -->\n```bash\ntouch one\ntouch three\n```\n'
        '```python\nimport a\n\nopen("two")\nassert a.number == 7, "not seven"\n```\n'
        '<!-- skip: needs GPUs -->\n```bash\nfalse\n```\n```text\nno command\n```\n'
    )
    page = tmp_path / 'page.md'
    page.write_text(text)
    (tmp_path / 'inputs').mkdir()
    monkeypatch.setattr('commands.ROOT', tmp_path)
    results = list(run_page(page, tmp_path / 'inputs'))
    assert results == [
        ('page.md:2', 'written', ''),
        ('page.md:6', 'ran', ''),
        ('page.md:10', 'FAILED', ''),
        ('page.md:17', 'skipped', 'needs GPUs'),
    ]
    assert 'AssertionError: not seven' in capsys.readouterr().out
    print_summary(results)
    assert capsys.readouterr().out.split('\n')[1:] == [
        '4 blocks in 1 pages',
        '   1 FAILED: page.md:10',
        '   1 ran',
        f'   1 skipped, needs GPUs ({SKIPS["needs GPUs"]}): page.md:17',
        '   1 written',
        '',
    ]


@pytest.mark.parametrize('page', TEXTS)
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(re.sub(r'^```.*?^```$', '', TEXTS[page], flags=re.M | re.S)):
        path, _, anchor = link.partition('#')
        if re.match(r'\w+:', link):
            continue
        target = (ROOT / page).parent / path if path else ROOT / page
        if not target.exists():
            broken.append(link)
        elif anchor and target.suffix == '.md' and anchor not in anchors(target):
            broken.append(link)
    assert not broken


def anchors(page: Path) -> set[str]:
    """Names that GitHub and MyST give to the headings of a page."""
    text = re.sub(r'^```.*?^```$', '', page.read_text(encoding='utf-8'), flags=re.M | re.S)
    headings = re.findall(r'^#+ (.+)$', text, flags=re.M)
    return {re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-') for heading in headings}
