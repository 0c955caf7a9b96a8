"""``MeshVisualizer``: draw the prediction and the ground truth of a person for MMEngine's backends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.visualization import Visualizer

from mmroi.body_models import SMPL
from mmroi.fileio.image_writing import write_image
from mmroi.registry import MODELS, VISUALIZERS
from mmroi.structures import HMRDataSample
from mmroi.visualization.colors import PALETTE
from mmroi.visualization.dataset_view import Region, crop_region
from mmroi.visualization.drawing import PAPER, tile_images, write
from mmroi.visualization.keypoints import draw_keypoints
from mmroi.visualization.rendering import draw_overlay
from mmroi.visualization.views import draw_side_view

PREDICTED, TRUE = PALETTE[:2]
CONTEXT = 1.25  # height of a panel relative to the base box
INK, HALO = (255, 255, 255), (40, 40, 40)


@VISUALIZERS.register_module()
class MeshVisualizer(Visualizer):
    """Draw a person: image | prediction on it | ground truth on it | both from the side.

    The augmented image is cropped to the person. Ground truth without a mesh is drawn as 2D keypoints, ground
    truth without a camera only from the side. It is posed with a single body model, even if the metric uses
    gendered ones.

    Args:
        name: Name of the instance.
        body_model: Body model or its config. ``MeshVisualizationHook`` sets the network's; the default is the
            open body.
        height: Height of each panel, pixels.
        **kwargs: Arguments of ``mmengine.visualization.Visualizer``, such as ``vis_backends``.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        body_model: SMPL | dict[str, Any] | None = None,
        height: int = 320,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self.body_model = body_model
        self.height = height

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: HMRDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        out_file: str | Path | None = None,
        step: int = 0,
        text: str = '',
    ) -> None:
        """Draw a person, and show, write or log the result.

        Args:
            name: Name of the result in the backends.
            image: RGB image, (H, W, 3) uint8, as MMEngine's visualizers take it.
            data_sample: Sample with predictions, ground truth or both.
            draw_gt: Draw the ground truth.
            draw_pred: Draw the prediction.
            show: Open a window.
            wait_time: Seconds to show the window; 0 waits for a key.
            out_file: File to write; None logs the result to the backends.
            step: Training step.
            text: Line of text above the panels, ASCII.

        Raises:
            OSError: If ``out_file`` cannot be written.
        """
        drawn = self.draw_person(image[..., ::-1], data_sample, draw_gt, draw_pred, text)
        if show:
            self.show(drawn[..., ::-1], win_name=name, wait_time=wait_time)
        if out_file is None:
            self.add_image(name, np.ascontiguousarray(drawn[..., ::-1]), step)
            return
        write_image(out_file, drawn)

    def draw_person(
        self,
        image: np.ndarray,
        sample: HMRDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        text: str = '',
    ) -> np.ndarray:
        """Draw a person.

        Args:
            image: BGR image, (H, W, 3) uint8.
            sample: Sample with predictions, ground truth or both.
            draw_gt: Draw the ground truth if there is any.
            draw_pred: Draw the prediction if there is any.
            text: Line of text above the panels, ASCII.

        Returns:
            BGR image, uint8.
        """
        view = self._view(sample)
        crop = view.image(_frame(image, sample))
        panels, sides = [('image', crop)], []
        for name, wanted, draw in (
            ('prediction', draw_pred and 'pred_instances' in sample, self._prediction),
            ('ground truth', draw_gt and 'gt_instances' in sample, self._label),
        ):
            if wanted:
                overlay, side = draw(view, crop, sample)
                panels.append((name, overlay))
                sides += [(f'{name}, side', side)] if side is not None else []
        captioned = [_captioned(panel, caption, INK, HALO) for caption, panel in panels]
        captioned += [_captioned(panel, caption, HALO) for caption, panel in sides]
        sheet = tile_images(captioned, len(captioned), self.height)
        bar = np.full((26 if text else 0, sheet.shape[1], 3), PAPER, np.uint8)
        if text:
            write(bar, text, (8, 20), HALO)
        return np.vstack((bar, sheet))

    def _view(self, sample: HMRDataSample) -> Region:
        crop_height, crop_width = sample.get('crop_size', (4, 3))
        box = np.asarray(sample.boxes, np.float64)[0] * (1, 1, CONTEXT)
        return Region(box, (self.height, round(self.height * crop_width / crop_height)))

    def _prediction(
        self, view: Region, image: np.ndarray, sample: HMRDataSample
    ) -> tuple[np.ndarray, np.ndarray | None]:
        predicted = sample.pred_instances
        vertices = _array(predicted.vertices + predicted.camera_translation[:, None])[0]
        return self._overlay(view, image, vertices, sample, PREDICTED), self._side(view, vertices, PREDICTED)

    def _label(
        self, view: Region, image: np.ndarray, sample: HMRDataSample
    ) -> tuple[np.ndarray, np.ndarray | None]:
        label = sample.gt_instances
        keypoints = _array(label.keypoints2d)[0] if 'keypoints2d' in label else np.zeros((0, 3))
        if not _known(label, 'has_smpl'):
            return draw_keypoints(image, view.place(keypoints)) if len(keypoints) else image, None
        vertices = self._posed(label)
        side = self._side(view, vertices, TRUE)
        if _known(label, 'has_transl'):
            return self._overlay(view, image, vertices, sample, TRUE), side
        return draw_keypoints(image, view.place(keypoints)) if len(keypoints) else image, side

    @torch.no_grad()
    def _posed(self, label: Any) -> np.ndarray:
        """Return the vertices (V, 3) of the ground truth in the camera frame."""
        body_model = self._model()
        device = body_model.mean_betas.device
        params = (
            torch.as_tensor(label[key], dtype=torch.float32, device=device)
            for key in ('global_orient', 'body_pose', 'betas')
        )
        body = body_model(*params)
        return _array(body.vertices - body.joints[:, :1])[0] + _array(label.pelvis)

    def _model(self) -> SMPL:
        if isinstance(self.body_model, SMPL):
            return self.body_model
        self.body_model = model = MODELS.build(self.body_model or dict(type='SMPL'))
        return model

    def _overlay(
        self,
        view: Region,
        image: np.ndarray,
        vertices: np.ndarray,
        sample: HMRDataSample,
        color: Sequence[int],
    ) -> np.ndarray:
        center = view.place(np.zeros((1, 2)))[0]
        focal_length = float(sample.focal_length) * view.scale
        return draw_overlay(image, vertices, self._model().faces, focal_length, center, [color], 0.85)

    def _side(self, view: Region, vertices: np.ndarray, color: Sequence[int]) -> np.ndarray:
        return draw_side_view(vertices, self._model().faces, view.size, [color])


def _frame(image: np.ndarray, sample: HMRDataSample) -> dict[str, Any]:
    """Return the image with the map to its augmented frame, derived from the matrices of the crops.

    Without these matrices, as in a file of results, the frame is not augmented.
    """
    focal_lengths = np.broadcast_to(sample.get('focal_lengths', sample.focal_length), 2)
    aug_matrix = np.diag([*(float(sample.focal_length) / focal_lengths), 1.0])
    if 'crop_matrices' in sample:
        crop = crop_region(sample, 0)
        aug_matrix[:2, :2] = np.asarray(sample.crop_matrices)[0, :, :2] / crop.scale
    return dict(img=image, principal_point=np.asarray(sample.principal_point), aug_matrix=aug_matrix)


def _captioned(
    panel: np.ndarray, caption: str, ink: Sequence[int], halo: Sequence[int] | None = None
) -> np.ndarray:
    panel = panel.copy()
    write(panel, caption, (8, 20), ink, halo=halo)
    return panel


def _known(label: Any, flag: str) -> bool:
    return flag in label and bool(_array(label[flag]).all())


def _array(values: Any) -> np.ndarray:
    return torch.as_tensor(values).detach().float().cpu().numpy()
