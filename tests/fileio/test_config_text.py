import pytest
from mmengine.config import Config

from mmroi.fileio.config_text import parse_config_text


def test_what_mmengine_writes_comes_back():
    config = Config(
        dict(
            model=dict(type='A', depth=18, parts=[dict(lr=1e-4), (1, -2.5)], names={'a b': 1, 3: None}),
            words='a "quoted"\nline',
            flag=True,
            empty=dict(),
        )
    )
    assert parse_config_text(config.pretty_text) == config.to_dict()


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        '__import__("os").system("echo ran")',
        'a = __import__("os")',
        'a = dict(b=open("x"))',
        'a = [i for i in b]',
        'a.b = 1',
        'a = b',
        'a = dict(1)',
        'a = (',
        'a = {[]: 1}',
    ],
)
def test_programs_are_refused(text):
    with pytest.raises((ValueError, SyntaxError, TypeError)):
        parse_config_text(text)
