"""The check that all necks make of their input."""

from collections.abc import Sequence

from torch import Tensor


def check_maps(neck: str, maps: Sequence[Tensor], in_channels: Sequence[int]) -> None:
    """Check that a neck is given the maps that it was built for; the encoder's first pass runs into it.

    Args:
        neck: Name of the neck, for the message.
        maps: Feature maps (B, C_i, h_i, w_i).
        in_channels: The C_i expected.

    Raises:
        ValueError: Another number of maps, or other channels.
    """
    given = tuple(feature.shape[1] for feature in maps)
    if given != tuple(in_channels):
        raise ValueError(
            f'{neck}: in_channels is {tuple(in_channels)}, but the backbone gives '
            f'{len(given)} maps of {given} channels; set in_channels to these.'
        )
