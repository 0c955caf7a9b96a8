"""The small checkpoints that come with the project, by name."""

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
# A checkout keeps configs and checkpoints beside the package, an installed package in its ``.mim`` folder.
ROOTS = (PACKAGE.parent, PACKAGE / '.mim')


@dataclass(frozen=True)
class ShippedModel:
    """Files of a shipped model.

    Attributes:
        config: Relative to the checkout, or absolute as ``find_shipped`` returns it.
        checkpoint: Likewise.
    """

    config: Path
    checkpoint: Path


SHIPPED = {
    'multi-roi_r18_synthetic': ShippedModel(
        Path('configs/multi_roi/multi-roi_r18_synthetic.py'), Path('checkpoints/multi-roi_r18_synthetic.pth')
    ),
    'cliff_r18_synthetic': ShippedModel(
        Path('configs/cliff/cliff_r18_synthetic.py'), Path('checkpoints/cliff_r18_synthetic.pth')
    ),
}


def find_shipped(name: str) -> ShippedModel:
    """Find the files of a shipped model.

    Args:
        name: A key of ``SHIPPED``.

    Returns:
        Its config and checkpoint, absolute paths of files that exist.

    Raises:
        KeyError: If no such model ships; lists those that do.
        FileNotFoundError: If the files are absent from this copy of the project.
    """
    if name not in SHIPPED:
        raise KeyError(f'no shipped model "{name}"; there are: {", ".join(sorted(SHIPPED))}')
    model = SHIPPED[name]
    for root in ROOTS:
        found = ShippedModel(root / model.config, root / model.checkpoint)
        if found.config.is_file() and found.checkpoint.is_file():
            return found
    raise FileNotFoundError(
        f'shipped model "{name}": {model.config} and {model.checkpoint} are neither in '
        f'{ROOTS[0]} nor in {ROOTS[1]}; clone the project whole, or train with `make pretrain`'
    )
