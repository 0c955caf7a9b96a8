"""Read the text of a config that a file carries, as data: MMEngine runs it as a program."""

import ast
from typing import Any


def parse_config_text(text: str) -> dict[str, Any]:
    """Read a config as ``Config.pretty_text`` writes it.

    Args:
        text: Assignments of numbers, text, lists, tuples, and dictionaries, also written ``dict(a=1)``.

    Returns:
        Values by name.

    Raises:
        ValueError: The text is no Python, or holds more than assignments of data.
    """
    values: dict[str, Any] = {}
    for statement in ast.parse(text).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = _evaluate(value)
            case _:
                raise ValueError(f'line {statement.lineno} of the config is no assignment of data')
    return values


def _evaluate(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords):
            return {keyword.arg: _evaluate(keyword.value) for keyword in keywords}
        case ast.Call(func=ast.Name(id='dict'), args=[ast.Dict() as items], keywords=[]):
            return _evaluate(items)
        case ast.List(elts=items):
            return [_evaluate(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_evaluate(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_evaluate(key): _evaluate(value) for key, value in pairs if key is not None}
        case _:
            return ast.literal_eval(node)
