import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmroi.apis.inference import Frame, FrameResult, ResultWriter
from mmroi.apis.inference.results import person_arrays
from mmroi.structures import COCO_17, SMPL_54


@pytest.fixture
def write(tmp_path, make_result, photo, body):
    """write(names of images) -> images and results of the files; the last image has nobody."""

    def make(*names):
        with ResultWriter(tmp_path, body, ['coco']) as writer:
            for name in names[:-1]:
                writer.write(make_result(Frame(photo, name, f'in/{name}.jpg')))
            writer.write(FrameResult(Frame(photo, names[-1], f'in/{names[-1]}.jpg'), []))
        read = [
            json.loads((tmp_path / 'coco' / f'{name}.json').read_text()) for name in ('images', 'keypoints')
        ]
        return read[0]['images'], read[1]

    return make


def test_content(write, make_result, photo):
    images, results = write('000000000139', 'ä')
    assert images == [
        dict(id=1, file_name='000000000139.jpg', width=240, height=200),
        dict(id=2, file_name='ä.jpg', width=240, height=200),
    ]
    assert [(result['image_id'], result['category_id'], result['score']) for result in results] == [
        (1, 1, 0.5)
    ] * 2
    samples = make_result(Frame(photo, 'a', 'a.jpg')).samples
    found = np.array(results[1]['keypoints']).reshape(17, 3)
    joints = person_arrays(samples[1])['joints2d']
    for name in ('nose', 'left_wrist', 'right_hip_extra'):
        np.testing.assert_allclose(found[COCO_17.index(name)], [*joints[SMPL_54.index(name)], 1], atol=1e-3)


def test_names_of_cocos_images_are_its_ids(write):
    images, results = write('000000000139', '000000000285', '000000000632')
    assert [image['id'] for image in images] == [139, 285, 632]
    assert [result['image_id'] for result in results] == [139, 139, 285, 285]


def test_pycocotools_evaluates_the_files(write, tmp_path):
    images, results = write('1', '2', '3')
    annotations = []
    for number, result in enumerate(results, 1):
        keypoints = np.array(result['keypoints']).reshape(17, 3)
        low, high = keypoints[:, :2].min(0), keypoints[:, :2].max(0)
        keypoints[:, 2] = 2
        annotations.append(
            dict(
                id=number,
                image_id=result['image_id'],
                category_id=1,
                keypoints=keypoints.reshape(-1).tolist(),
                num_keypoints=17,
                iscrowd=0,
                bbox=[*low, *(high - low)],
                area=float(np.prod(high - low)),
            )
        )
    truth = dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')])
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    coco = COCO(str(tmp_path / 'truth.json'))
    evaluation = COCOeval(coco, coco.loadRes(str(tmp_path / 'coco/keypoints.json')), 'keypoints')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)


def test_frames_of_videos_and_nothing(tmp_path, make_result, photo, body):
    with ResultWriter(tmp_path, body, ['coco']) as writer:
        pass
    assert not (tmp_path / 'coco').exists()
    with ResultWriter(tmp_path, body, ['coco']) as writer:
        for i in range(2):
            writer.write(make_result(Frame(photo, f'v_{i:06d}', 'v.mp4', i, 'v', i / 10)))
    images = json.loads((tmp_path / 'coco/images.json').read_text())['images']
    assert [image['file_name'] for image in images] == ['v_000000', 'v_000001']
