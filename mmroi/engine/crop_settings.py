"""How crops are taken, as the pipelines of a config say it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CropSettings:
    """How crops are taken.

    Attributes:
        num_rois: M.
        crop_size: Height and width, pixels.
        box_aspect: Width / height of the box around the person that gives the base box its height.
        box_scale: Enlargement of the base box, relative to the tight box around the person.
        random: RoIs other than the base box are drawn at random.
        context_size: Height and width of the one crop around all RoIs; None for a crop of each RoI.
    """

    num_rois: int
    crop_size: tuple[int, int]
    box_aspect: float
    box_scale: float
    random: bool = False
    context_size: tuple[int, int] | None = None

    @property
    def num_crops(self) -> int:
        """Number of crops of a person."""
        return 1 if self.context_size else self.num_rois

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of the crops that are made."""
        return self.context_size or self.crop_size

    @property
    def margin_fault(self) -> str | None:
        """What is wrong with a scale that leaves no margin around a tight box; None if it leaves one.

        Inference and export, which know tight boxes only, refuse such settings. Training and test warn:
        annotated boxes may have a margin already.
        """
        if self.box_scale > 1:
            return None
        return (
            f'GetPersonBox(scale={self.box_scale:g}) leaves no margin around a tight box. If the boxes of '
            'the dataset have a margin, say so by its box_margin, such as 1.2, and let scale count from the '
            'tight box (scale=1.2); or give the inferencer its box_scale'
        )
