import numpy as np
import pytest

from mmroi.apis.inference import BadInput, Frame, FrameResult, RunSummary

BAD = BadInput('b.jpg', 'is empty; copy it again')


def test_geometry_of_a_result(make_result, photo):
    result = make_result(Frame(photo, 'a', 'a.jpg'))
    assert result.ids == [0, 1] and result.boxes.shape == result.full_cameras.shape == (2, 2, 3)
    predicted = result.samples[1].pred_instances
    np.testing.assert_allclose(
        result.vertices[1] - predicted.camera_translation.numpy(), predicted.vertices[0].numpy(), atol=1e-5
    )


def test_nobody(photo):
    result = FrameResult(Frame(photo, 'a', 'a.jpg'), [])
    assert result.ids == [] and len(result.vertices) == len(result.boxes) == len(result.full_cameras) == 0


def test_summary_counts(make_result, photo):
    frame, summary = Frame(photo, 'a', 'a.jpg'), RunSummary()
    for result in (make_result(frame), BAD, FrameResult(frame, []), FrameResult(frame, [], (BAD,))):
        summary.add(result)
    assert summary.lines() == [
        '2 people in 3 pictures',
        'no person found in 2 of them: a, a',
        'box not used: b.jpg is empty; copy it again',
        'failed: b.jpg is empty; copy it again',
    ]
    assert summary.lines(1)[1] == 'no person found in 2 of them: a, ...'


@pytest.mark.parametrize(
    ('results', 'succeeded'),
    [
        (['people'], True),
        (['nobody'], True),
        (['people', 'wrong box'], True),
        (['wrong box'], False),
        (['people', 'bad'], False),
        ([], False),
    ],
)
def test_success(make_result, photo, results, succeeded):
    frame = Frame(photo, 'a', 'a.jpg')
    kinds = {
        'people': make_result(frame),
        'nobody': FrameResult(frame, []),
        'bad': BAD,
        'wrong box': FrameResult(frame, [], (BAD,)),
    }
    summary = RunSummary()
    for name in results:
        summary.add(kinds[name])
    assert summary.succeeded is succeeded
