"""The metrics that ``MeshMetric`` reports: their units, headings, and direction."""

from typing import NamedTuple


class MetricInfo(NamedTuple):
    """How to print and compare one metric.

    Attributes:
        unit: ``mm``, ``%`` or ``deg``.
        heading: Column heading in tables, without the unit.
        larger_is_better: False for errors.
    """

    unit: str
    heading: str
    larger_is_better: bool = False

    @property
    def title(self) -> str:
        """Column heading with the unit."""
        return f'{self.heading} {self.unit}'

    def badness(self, value: float) -> float:
        """Return a sort key that is largest for the worst value."""
        return -value if self.larger_is_better else value


MESH_METRICS = {
    'MPJPE': MetricInfo('mm', 'MPJPE'),
    'PA-MPJPE': MetricInfo('mm', 'PA-MPJPE'),
    'PVE': MetricInfo('mm', 'PVE'),
    'PCK': MetricInfo('%', 'PCK', larger_is_better=True),
    'AUC': MetricInfo('%', 'AUC', larger_is_better=True),
    'PA-PCK': MetricInfo('%', 'PA-PCK', larger_is_better=True),
    'PA-AUC': MetricInfo('%', 'PA-AUC', larger_is_better=True),
    'orientation': MetricInfo('deg', 'orientation error'),
    'camera_translation': MetricInfo('mm', 'camera error'),
    'depth': MetricInfo('%', 'depth error'),
    'camera_spread': MetricInfo('mm', 'camera spread'),
}
"""By key of ``MeshMetric.evaluate`` without the protocol's prefix, in the order of tables."""


def metric_info(name: str) -> MetricInfo:
    """Look up a metric.

    Args:
        name: Key of ``MESH_METRICS``, or the name of a custom metric.

    Returns:
        Its entry. A custom metric counts as an error in mm.
    """
    return MESH_METRICS.get(name, MetricInfo('mm', name))
