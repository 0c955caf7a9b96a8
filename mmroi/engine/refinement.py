"""Refinement as a change of the config of a test."""

from typing import Any

from mmengine.config import Config, ConfigDict


def use_refinement(cfg: Config, options: dict[str, Any] | None = None) -> None:
    """Make a test refine its predictions with the annotated keypoints.

    The model becomes :class:`mmroi.models.RefinedModel` around it.

    Args:
        cfg: Config of the run; changed.
        options: Of :class:`mmroi.models.RefinedModel`; names with dots are in ``refiner``.
    """
    cfg.model = ConfigDict(dict(type='RefinedModel', **(options or {}), module=cfg.model))
