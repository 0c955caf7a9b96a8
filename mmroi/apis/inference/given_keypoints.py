"""People whose boxes and 2D keypoints the user gives."""

from pathlib import Path

import numpy as np

from mmroi.apis.inference.frames import BadInput, BadInputError, Frame
from mmroi.apis.inference.people import GivenPeople, People, find_misfits
from mmroi.datasets.coco_keypoints import AnnotatedImage, read_coco_keypoints


class GivenKeypoints(GivenPeople):
    """Boxes and keypoints from a file in COCO's format, whatever its joints; images are found by name.

    Args:
        path: See :func:`read_coco_keypoints`. Joints that the body lacks are left out.

    Raises:
        BadInputError: If the file does not exist, is not of this format, or has nobody with keypoints.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            images = read_coco_keypoints(path, skip_unknown=True).images
        except (OSError, ValueError) as error:
            raise BadInputError(f'keypoints {error}') from None
        super().__init__({image.file_name: [person.bbox for person in image.people] for image in images})
        self._where = str(path)
        self._images: dict[str, AnnotatedImage] = {image.file_name: image for image in images}

    def _look_up(self, frame: Frame) -> People:
        key = self.find_key(frame)
        if key is None:
            return self.missing(frame)
        image, (height, width) = self._images[key], frame.image.shape[:2]
        if image.size and image.size != (height, width):
            problem = BadInput(
                frame.source,
                f'has {width} x {height} pixels, but {self._where} says {image.size[1]} x {image.size[0]}; '
                'get the image that the keypoints were made for',
            )
            return People(np.zeros((0, 4)), np.zeros(0), (problem,))
        found = super()._look_up(frame)
        boxes = np.reshape([person.bbox for person in image.people], (-1, 4))
        dropped = np.logical_or(*find_misfits(boxes, frame))
        kept = [person for person, drop in zip(image.people, dropped, strict=True) if not drop]
        points = np.stack([person.keypoints for person in kept]) if kept else np.zeros((0, 54, 3))
        return People(found.bboxes, found.scores, found.problems, given_keypoints=points)
