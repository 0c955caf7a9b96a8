"""The synthetic studio: renders images of dressed bodies with exact ground truth, in pure Python."""

from mmroi.synthetic.contact_sheet import contact_sheet
from mmroi.synthetic.presets import PRESETS, get_preset
from mmroi.synthetic.studio import SPLITS, Studio, StudioSettings, make_dataset

__all__ = ['PRESETS', 'SPLITS', 'Studio', 'StudioSettings', 'contact_sheet', 'get_preset', 'make_dataset']
