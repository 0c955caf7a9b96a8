"""Safe readers and atomic writers of HumanData, npz files, checkpoints, SMPL's pickles and downloads."""

from mmroi.fileio.checkpoint_io import write_checkpoint
from mmroi.fileio.checkpoint_reader import read_checkpoint
from mmroi.fileio.downloads import locate
from mmroi.fileio.human_data import HumanData
from mmroi.fileio.state_dicts import read_state_dict

__all__ = ['HumanData', 'locate', 'read_checkpoint', 'read_state_dict', 'write_checkpoint']
