"""Runs that continue earlier ones: what is restored equals what was computed, and settings never mix."""

import json
import os

import cv2
import numpy as np
import pytest

from mmroi.apis.inference import BadInputError, Frame, ResultWriter
from mmroi.apis.inference.people import People
from mmroi.apis.inference.run_record import FILE, RunRecord

SETTINGS = dict(weights='abc', tracker='IoUTracker')


@pytest.fixture
def source(tmp_path, photo):
    """A photo older than any result."""
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), photo)
    os.utime(path, (1e9, 1e9))
    return path


@pytest.fixture
def out(tmp_path, source, photo, make_result, body):
    """A folder with the result of the photo, refined, with keypoints."""
    result = make_result(Frame(photo, 'a', str(source)))
    report = dict(
        status='refined',
        before=9.0,
        after=2.5,
        distances=np.where(np.arange(54) % 2, np.nan, 1.5),
        joint_std=np.full(24, 0.02),
    )
    result.samples[0].set_metainfo(dict(det_keypoints=np.full((17, 3), 0.5), refinement=report))
    record = RunRecord(tmp_path / 'out', SETTINGS, body, (96, 72))
    assert record.restore(result.frame) is None
    with ResultWriter(tmp_path / 'out', body, ['json', 'overlay']) as writer:
        writer.write(result)
    return tmp_path / 'out', result


def numbers(content):
    """All numbers of nested content, in order."""
    if isinstance(content, dict):
        return [number for key in sorted(content) for number in numbers(content[key])]
    if isinstance(content, list):
        return [number for item in content for number in numbers(item)]
    return [] if isinstance(content, str) or content is None else [float(content)]


def test_a_restored_result_is_the_computed_one(out, body):
    folder, result = out
    restored = RunRecord(folder, SETTINGS, body, (96, 72)).restore(result.frame)
    assert restored.restored and restored.ids == result.ids
    np.testing.assert_allclose(restored.vertices, result.vertices, atol=2e-5)
    assert restored.samples[0].crop_size == (96, 72) and restored.samples[0].refinement['status'] == 'refined'
    one, other = restored.to_dict(), json.loads((folder / 'predictions/a.json').read_text())
    for person in (*one['people'], *other['people']):
        person['global_orient'] = np.abs(person['global_orient']).tolist()  # half a turn has either sign
    np.testing.assert_allclose(numbers(one), numbers(other), atol=5e-3)  # pixels are projected anew


def test_files_that_exist_are_kept_and_others_are_added(out, body):
    folder, result = out
    restored = RunRecord(folder, SETTINGS, body, (96, 72)).restore(result.frame)
    before = (folder / 'overlays/a.jpg').stat().st_mtime_ns
    with ResultWriter(folder, body, ['json', 'overlay', 'obj']) as writer:
        writer.write(restored)
    assert (folder / 'overlays/a.jpg').stat().st_mtime_ns == before
    assert (folder / 'meshes/a.obj').read_text().startswith('# body model: open')


def test_what_has_changed_is_run_again(out, source, body, photo, make_result):
    folder, result = out
    record = RunRecord(folder, SETTINGS, body, (96, 72))
    boxes = np.stack([sample.bbox for sample in result.samples])

    def given(moved):
        return lambda frame: People(boxes + moved, np.ones(2))

    assert record.restore(result.frame, given(0)) is not None
    assert record.restore(result.frame, given(1)) is None
    assert record.restore(Frame(photo, 'a', str(source.with_name('other.png')))) is None
    assert record.restore(Frame(photo[:-1], 'a', str(source))) is None
    assert record.restore(Frame(photo, 'a', 'array')) is None
    content = json.loads((folder / 'predictions/a.json').read_text())
    content['people'][0]['betas'][0] += 1  # no longer those of the joints
    (folder / 'predictions/a.json').write_text(json.dumps(content))
    assert record.restore(result.frame) is None
    os.utime(source)
    assert record.restore(result.frame) is None


def test_a_video_is_restored_when_it_is_complete(out, source, body, photo, make_result):
    folder, _ = out
    frame = Frame(photo, 'v_000000', str(source), 0, 'v', 0.0)
    with ResultWriter(folder, body, ['json']) as writer:
        writer.write(make_result(frame))
    record = RunRecord(folder, SETTINGS, body, (96, 72))
    assert record.restore(frame) is None
    record.finish('v', str(source))
    again = RunRecord(folder, SETTINGS, body, (96, 72))
    assert again.restore(frame) is not None


def test_results_of_other_settings_are_refused_or_replaced(out, body):
    folder, _ = out
    other = dict(SETTINGS, tracker='Mine')
    with pytest.raises(
        BadInputError, match=r'other settings \(tracker was "IoUTracker" and is "Mine"\).*--overwrite'
    ):
        RunRecord(folder, other, body, (96, 72))
    (folder / 'overlays/notes.txt').write_text('mine')
    RunRecord(folder, other, body, (96, 72), overwrite=True)
    assert sorted(path.name for path in folder.rglob('*') if path.is_file()) == ['notes.txt', FILE]
    assert json.loads((folder / FILE).read_text())['settings'] == other


@pytest.mark.parametrize('content', [None, '{', '{"settings": 3}'])
def test_results_of_unknown_settings_are_refused(out, body, content):
    folder, _ = out
    (folder / FILE).unlink()
    if content is not None:
        (folder / FILE).write_text(content)
    with pytest.raises(BadInputError, match=rf'{FILE} is (missing|damaged).*--overwrite.*--out-dir'):
        RunRecord(folder, SETTINGS, body, (96, 72))
