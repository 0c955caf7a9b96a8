"""The synthetic studio: photos of dressed bodies with exact labels, rendered by this project alone."""

from mmroi.synthetic.presets import PRESETS, get_preset
from mmroi.synthetic.sheet import contact_sheet
from mmroi.synthetic.studio import SPLITS, Studio, StudioSettings, make_dataset

__all__ = ['PRESETS', 'SPLITS', 'Studio', 'StudioSettings', 'contact_sheet', 'get_preset', 'make_dataset']
