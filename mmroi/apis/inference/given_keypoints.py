"""People whose boxes and 2D keypoints the user gives."""

from pathlib import Path

import numpy as np

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.given_people import GivenPeople, inside
from mmroi.apis.inference.people import People
from mmroi.datasets.coco_keypoints import WITHOUT_KEYPOINTS, AnnotatedImage, read_coco_keypoints


class GivenKeypoints(GivenPeople):
    """Boxes and keypoints from a file in COCO's format, whatever its joints; images are found by name.

    Args:
        path: See :func:`read_coco_keypoints`. Joints that the body lacks are left out.
        only_annotated: Leave out people who have a box but no keypoints, whom refinement would keep as they
            are.

    Raises:
        BadInputError: If the file does not exist, is not of this format, or has nobody with keypoints.
    """

    def __init__(self, path: str | Path, only_annotated: bool = False) -> None:
        try:
            found = read_coco_keypoints(path, skip_unknown=True)
        except (OSError, ValueError) as error:
            raise BadInputError(f'keypoints {error}') from None
        self._images: dict[str, AnnotatedImage] = {image.file_name: image for image in found.images}
        self._only_annotated = only_annotated
        super().__init__({name: self._people(image)[0] for name, image in self._images.items()})
        self._where = str(path)
        skipped = {reason: count for reason, count in found.skipped.items() if reason != WITHOUT_KEYPOINTS}
        if skipped:
            counts = ', '.join(f'{count} {reason}' for reason, count in skipped.items())
            self.notes = [f'keypoints {path}: left out {counts}']

    def _people(self, image: AnnotatedImage) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (P, 4) and keypoints (P, 54, 3) of an image."""
        boxes = np.reshape([person.bbox for person in image.people], (-1, 4))
        points = np.stack([person.keypoints for person in image.people])
        if self._only_annotated:
            return boxes, points
        nothing = np.zeros((len(image.others), *points.shape[1:]))
        return np.concatenate([boxes, image.others]), np.concatenate([points, nothing])

    def _look_up(self, frame: Frame) -> People:
        key = self.find_key(frame)
        if key is None:
            return self.missing(frame)
        image, (height, width) = self._images[key], frame.image.shape[:2]
        if image.size and image.size != (height, width):
            return People.nobody(
                BadInput(
                    frame.source,
                    f'has {width} x {height} pixels, but {self._where} says {image.size[1]} x '
                    f'{image.size[0]}; get the image that the keypoints were made for',
                )
            )
        assert isinstance(self._boxes, dict)
        return inside(self._boxes[key], frame, keypoints=self._people(image)[1])
