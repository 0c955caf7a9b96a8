"""The kinematic tree in the form that costs smplx the least."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class KinematicTree(tuple):
    """Parents of the joints, as plain integers that smplx reads like a tensor: entries, slices and ``shape``.

    smplx keeps them in a tensor and indexes a Python list with its entries. On a GPU every entry waits for
    the device, joint by joint, and no compiler can trace it.

    Args:
        parents: For each joint the index of its parent, -1 for the root.
    """

    def __new__(cls, parents: Iterable[int]) -> KinematicTree:
        """A tree of plain integers."""
        return super().__new__(cls, (int(parent) for parent in parents))

    @property
    def shape(self) -> tuple[int]:
        """Of the tensor that it stands for."""
        return (len(self),)

    def __getitem__(self, index: Any) -> Any:
        """One parent, or a list of them, with which a tensor can be indexed."""
        found = super().__getitem__(index)
        return list(found) if isinstance(index, slice) else found
