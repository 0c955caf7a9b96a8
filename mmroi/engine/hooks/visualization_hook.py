"""Pictures of a test run."""
from pathlib import Path

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmroi.registry import HOOKS
from mmroi.structures import HMRDataSample
from mmroi.visualization import overlay_triptych


@HOOKS.register_module()
class MeshVisualizationHook(Hook):
    """Write photo | mesh on photo | mesh from the side for samples of a test run.

    Args:
        out_dir: Folder of the pictures, named by sample number and photo.
        max_pictures: At most about so many, spread evenly over the test set; None draws every sample.
    """

    priority = 'LOW'

    def __init__(self, out_dir: str, max_pictures: int | None = 50) -> None:
        self.out_dir = Path(out_dir)
        self.max_pictures = max_pictures
        self._stride = 1

    def before_test_epoch(self, runner: Runner) -> None:
        """Make the folder, and choose the samples."""
        self.out_dir.mkdir(parents=True, exist_ok=True)
        if self.max_pictures is not None:
            self._stride = max(1, -(-len(runner.test_dataloader.dataset) // self.max_pictures))

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict | None = None,
                        outputs: list[HMRDataSample] | None = None) -> None:
        """Draw the chosen samples of the batch."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for sample in outputs or []:
            if sample.sample_idx % self._stride == 0:
                self._write(sample, model.body_model.faces)

    def _write(self, sample: HMRDataSample, faces: np.ndarray) -> None:
        image = cv2.imread(str(sample.img_path))
        if image is None:
            raise FileNotFoundError(f'cannot read the photo {sample.img_path}')
        predicted = sample.pred_instances
        vertices = (predicted.vertices + predicted.camera_translation[:, None]).float().cpu().numpy()
        picture = overlay_triptych(image, vertices, np.asarray(faces), float(sample.focal_length),
                                   sample.principal_point)
        path = self.out_dir / f'{sample.sample_idx:06d}_{Path(sample.img_path).stem}.jpg'
        if not cv2.imwrite(str(path), picture):
            raise OSError(f'cannot write {path}')
