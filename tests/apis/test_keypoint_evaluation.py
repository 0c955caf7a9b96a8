"""The model is run as the demo runs it, and each annotated person gets the prediction made for their box."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from mmroi.apis import MultiRoIInferencer
from mmroi.apis.inference import Frame, FrameResult, GivenPeople, People
from mmroi.apis.keypoint_evaluation import find_images, predict_people
from mmroi.body_models import SMPL
from mmroi.datasets.coco_keypoints import AnnotatedImage, AnnotatedKeypoints, AnnotatedPerson
from mmroi.evaluation import KeypointAccuracy
from mmroi.geometry import axis_angle_to_matrix
from mmroi.structures import HMRDataSample, Predictions
from mmroi.synthetic import Studio, StudioSettings

BOXES = np.array([[10.0, 20, 90, 180], [110, 30, 170, 150]])


def make_person(bbox, number=0):
    keypoints = np.zeros((54, 3))
    keypoints[number] = *np.mean(np.reshape(bbox, (2, 2)), axis=0), 1
    return AnnotatedPerson(number, np.asarray(bbox, float), keypoints)


def make_file(*images):
    return AnnotatedKeypoints('keypoints.json', images)


def make_image(name, *boxes, size=None, others=()):
    people = [make_person(box, number) for number, box in enumerate(boxes)]
    return AnnotatedImage(name, size, people, np.reshape(others, (-1, 4)))


@pytest.fixture(scope='module')
def inferencer():
    """The shipped model."""
    return MultiRoIInferencer(device='cpu', show_progress=False)


@pytest.fixture
def root(tmp_path):
    """Two images of 240 x 200 pixels, one of them in a folder."""
    rng = np.random.default_rng(0)
    (tmp_path / 'val').mkdir()
    for name in ('val/a.png', 'b.png'):
        cv2.imwrite(str(tmp_path / name), rng.integers(0, 256, (200, 240, 3), dtype=np.uint8))
    return tmp_path


def test_predictions_are_those_of_the_demo(inferencer, root):
    images = find_images(
        make_file(make_image('val/a.png', *BOXES), make_image('b.png', BOXES[1])), root
    ).images
    found = [one for people in predict_people(inferencer, images) for one in people]
    assert [one.keypoints.image for one in found] == ['val/a.png', 'val/a.png', 'b.png']
    frames = inferencer(
        [root / 'val/a.png', root / 'b.png'],
        bboxes=dict(a=BOXES, b=BOXES[1:]),
        return_datasamples=False,
    )['predictions']
    expected = [person for frame in frames for person in frame['people']]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.keypoints.predicted, other['joints2d'], atol=2e-3)
        assert one.keypoints.score == 1
        middle = one.keypoints.mean_pose.mean(axis=0)
        assert (middle > one.keypoints.bbox[:2]).all() and (middle < one.keypoints.bbox[2:]).all()


def test_annotations_equal_to_the_predictions_are_all_correct(inferencer, root):
    images = find_images(make_file(make_image('b.png', *BOXES)), root).images
    ((first, second),) = predict_people(inferencer, images)
    people = [
        AnnotatedPerson(i, box, np.column_stack([one.keypoints.predicted, np.ones(54)]))
        for i, (one, box) in enumerate(zip((first, second), BOXES, strict=True))
    ]
    people[1].keypoints[:27, 0] += 0.15 * 120  # the second box is 120 pixels tall
    again = AnnotatedImage('b.png', None, people, np.zeros((0, 4)), images[0].path)
    (found,) = predict_people(inferencer, [again])
    summary = KeypointAccuracy([one.keypoints for one in found], (0.001, 0.1, 0.2)).summary()
    assert [row['PCK'] for row in summary['PCK']['all']] == [75, 75, 100]


class Truth:
    """An inferencer that knows the labels of the studio."""

    def __init__(self, rows, image):
        self.model, self.rows, self.image = SimpleNamespace(body_model=SMPL()), rows, image

    def stream(self, inputs, bboxes, **_):
        (path,) = inputs
        boxes = GivenPeople(bboxes)([Frame(self.image, 'group', path)])[0].bboxes
        yield FrameResult(
            Frame(self.image, 'group', path), [self.sample(i, box) for i, box in enumerate(boxes)]
        )

    def sample(self, i, bbox):
        row = {name: torch.from_numpy(np.asarray(value[i : i + 1])) for name, value in self.rows.items()}
        pose = torch.cat([row['global_orient'][:, None], row['body_pose']], dim=1).float()
        rotations = axis_angle_to_matrix(pose)
        body = self.model.body_model(rotations[:, 0], rotations[:, 1:], row['betas'])
        cameras = torch.zeros(1, 1, 3)
        predicted = Predictions.from_body(rotations, row['betas'], body, cameras, cameras, row['transl'])
        height = bbox[3] - bbox[1]
        sample = HMRDataSample(
            metainfo=dict(
                boxes=np.array([[0.0, 0, height]]),
                focal_length=float(row['focal_length']),
                principal_point=row['principal_point'][0].numpy(),
                track_id=i,
                bbox=bbox,
                bbox_score=1.0,
            )
        )
        sample.pred_instances = predicted.to_instances()
        return sample


def test_the_truth_has_a_pck_of_100(tmp_path):
    """Exact labels, through body, full camera and principal point, meet the pixels that the studio wrote."""
    content, rows = Studio(StudioSettings('full', 256)).render(0, 9)
    (tmp_path / 'group.jpg').write_bytes(content)
    image = cv2.imread(str(tmp_path / 'group.jpg'))
    corners = rows['bbox_xywh'][:, :4].astype(float)
    corners[:, 2:] += corners[:, :2]
    people = [
        AnnotatedPerson(i, *pair)
        for i, pair in enumerate(zip(corners, rows['keypoints2d'].astype(float), strict=True))
    ]
    file = make_file(AnnotatedImage('group.jpg', image.shape[:2], people, np.zeros((0, 4))))
    (found,) = predict_people(Truth(rows, image), find_images(file, tmp_path).images)
    assert len(found) == 3 and max(np.nanmax(one.keypoints.errors) for one in found) < 1e-3
    summary = KeypointAccuracy([one.keypoints for one in found], (0.001,)).summary()
    assert summary['PCK']['all'][0]['PCK'] == 100 > summary['PCK']['mean_pose'][0]['PCK']


def test_detected_people_are_matched(inferencer, root, monkeypatch):
    """In any order; a box too far off matches nobody, and a person without keypoints takes one."""
    other = [180.0, 100, 230, 190]
    images = find_images(
        make_file(make_image('b.png', *BOXES, others=[other]), make_image('val/a.png', BOXES[0])), root
    )
    found = np.array([[181.0, 101, 230, 190], [112, 30, 170, 150], [60, 20, 140, 180]])
    people = People(found, np.array([0.9, 0.8, 0.7]))
    monkeypatch.setattr(
        inferencer, '_detector', lambda frames: [people, People(np.zeros((0, 4)), np.zeros(0))]
    )
    (missed, second), (nobody,) = predict_people(inferencer, images.images, detect=True)
    assert not missed.keypoints.found and missed.number is None and not nobody.keypoints.found
    assert (second.number, second.keypoints.score) == (1, 0.8)
    sample = second.result.samples[1]
    np.testing.assert_array_equal(sample.bbox, found[1])
    np.testing.assert_array_equal(second.keypoints.bbox, BOXES[1])  # by whose size errors are divided


def test_missing_images(root):
    file = make_file(
        make_image('a.png', BOXES[0]), make_image('val/a.png', BOXES[0]), make_image('c.png', BOXES[0])
    )
    with pytest.raises(
        FileNotFoundError, match=r'keypoints.json: 2 of 3 images .* first is a.png; .*--skip-missing'
    ):
        find_images(file, root)
    found = find_images(file, root, skip_missing=True)
    assert [image.file_name for image in found.images] == ['val/a.png']
    assert found.images[0].size == (200, 240) and found.skipped == {'images (missing image)': 2}
    with pytest.raises(ValueError, match='no person with keypoints is left'):
        find_images(file, root / 'nowhere', skip_missing=True)


def test_damaged_and_resized_images(root):
    (root / 'cut.png').write_bytes((root / 'b.png').read_bytes()[:1000])
    small = make_image('b.png', BOXES[0], size=(100, 120))
    whole = make_image('val/a.png', BOXES[0], size=(200, 240))
    with pytest.raises(ValueError, match=r'cut.png ends too early.*leave it out \(--skip-missing\)'):
        find_images(make_file(make_image('cut.png', BOXES[0]), whole), root)
    with pytest.raises(ValueError, match=r'b.png has 240 x 200 pixels, but keypoints.json says 120 x 100'):
        find_images(make_file(small, whole), root)
    found = find_images(make_file(make_image('cut.png', BOXES[0]), small, whole), root, skip_missing=True)
    assert [image.file_name for image in found.images] == ['val/a.png']
    assert found.skipped == {'images (truncated image)': 1, 'images (of another size)': 1}


def test_people_outside_their_image_and_images_listed_twice(inferencer, root):
    image = make_image('b.png', [300, 0, 400, 90], BOXES[1])
    found = find_images(make_file(image), root)
    assert [one.annotation_id for one in found.images[0].people] == [1]
    assert found.skipped == {'people outside their image': 1}
    ((person,),) = predict_people(inferencer, found.images)
    np.testing.assert_array_equal(person.result.samples[0].bbox, BOXES[1])
    with pytest.raises(ValueError, match='b.png is listed twice'):
        find_images(make_file(image, image), root)
