"""``--cfg-options`` and its kind: values as the user wrote them."""

import argparse
import ast
import copy
from collections.abc import Iterator, Sequence
from typing import Any


class ConfigOptions(argparse.Action):
    """Collect KEY=VALUE in a dict, see :func:`parse_value`.

    MMEngine's ``DictAction`` removes spaces from paths, cuts text at commas, and knows no dicts.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the values to those of earlier options of the command line."""
        options = copy.copy(getattr(namespace, self.dest, None) or {})
        for word in values or ():
            key, sign, value = str(word).partition('=')
            if not sign or not key:
                raise argparse.ArgumentError(
                    self, f'expected KEY=VALUE, not {word!r}; put quotes around a value with spaces'
                )
            options[key] = parse_value(value)
        setattr(namespace, self.dest, options)


class RefineAction(ConfigOptions):
    """Read the options of refinement, ``name=value``; none leaves all at their defaults."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Store a nested dict."""
        words = list(values or ())
        wrong = [word for word in words if '=' not in word]
        if wrong:
            raise argparse.ArgumentError(self, f'expected NAME=VALUE such as noise=3, not {wrong[0]!r}')
        super().__call__(parser, namespace, words, option_string)
        options: dict[str, Any] = {}
        for name, value in getattr(namespace, self.dest).items():
            *parents, last = name.split('.')
            inner = options
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = value
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> Any:
    """Read a value of the command line.

    Args:
        text: A number, ``true``, ``false``, ``None``, a Python literal, in which ``dict(key=value)`` is
            allowed; a list of words in brackets; numbers separated by commas; or else text, which is kept as
            it is, with its spaces and commas.

    Returns:
        The value.
    """
    word = text.strip()
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            pass
    if word.lower() in ('true', 'false'):
        return word.lower() == 'true'
    try:
        tree = ast.parse(word, mode='eval').body
        value = _evaluate(tree)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return _parse_words(text)
    # without parentheses of its own, a tuple starts where its first item does
    bare = isinstance(tree, ast.Tuple) and bool(tree.elts) and tree.elts[0].col_offset == tree.col_offset
    return list(value) if bare else value


def _parse_words(text: str) -> Any:
    """Read a list of words, or text."""
    word = text.strip()
    if word[:1] + word[-1:] in ('[]', '()'):
        values = [parse_value(part.strip()) for part in _split(word[1:-1])]
        return tuple(values) if word[0] == '(' else values
    values = [parse_value(part) for part in _split(word)] if ',' in word else []
    return text if not values or any(isinstance(value, str) for value in values) else values


def _split(text: str) -> Iterator[str]:
    """Split at commas outside of brackets."""
    depth, start = 0, 0
    for i, character in enumerate(text):
        depth += (character in '([{') - (character in ')]}')
        if character == ',' and depth == 0:
            yield text[start:i]
            start = i + 1
    if text[start:].strip():
        yield text[start:]


def _evaluate(node: ast.AST) -> Any:
    """Evaluate a literal, or ``dict(...)`` of literals."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        if node.args or any(keyword.arg is None for keyword in node.keywords):
            raise ValueError('dict takes key=value')
        return {str(keyword.arg): _evaluate(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.List):
        return [_evaluate(one) for one in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_evaluate(one) for one in node.elts)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {_evaluate(key): _evaluate(value) for key, value in pairs if key is not None}
    return ast.literal_eval(node)
