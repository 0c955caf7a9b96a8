"""The kinematic tree in a form that smplx reads without synchronizing with the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class KinematicTree(tuple[int, ...]):
    """Parents of the joints as Python integers, with the interface that smplx expects of a tensor.

    smplx keeps the parents in a tensor and indexes a Python list with its entries. On a GPU this synchronizes
    with the device at every joint, and compilers cannot trace it.

    Args:
        parents: Index of each joint's parent, -1 for the root.
    """

    def __new__(cls, parents: Iterable[int]) -> KinematicTree:
        """Convert the parents to Python integers."""
        return super().__new__(cls, (int(parent) for parent in parents))

    @property
    def shape(self) -> tuple[int]:
        """The shape of the equivalent tensor."""
        return (len(self),)

    def __getitem__(self, index: Any) -> Any:
        """Return one parent, or a list of parents, which can index a tensor."""
        found = super().__getitem__(index)
        return list(found) if isinstance(index, slice) else found
