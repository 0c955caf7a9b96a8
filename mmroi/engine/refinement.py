"""Refinement as a change of the config of a test."""

import argparse
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from mmroi.engine.config_options import ConfigOptions


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


def use_refinement(cfg: Config, options: dict[str, Any] | None = None) -> None:
    """Make a test refine its predictions with the annotated keypoints.

    The model becomes :class:`mmroi.models.RefinedModel` around it.

    Args:
        cfg: Config of the run; changed.
        options: Of :class:`mmroi.models.RefinedModel`; names with dots are in ``refiner``.
    """
    cfg.model = ConfigDict(dict(type='RefinedModel', **(options or {}), module=cfg.model))
