"""The demo as a user runs it: the shipped checkpoint on a synthetic group photo, a real one and a video."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from mmroi.apis.inference import ResultWriter
from mmroi.synthetic import Studio, StudioSettings

from ..conftest import SHIPPED_CLIFF, SHIPPED_MULTI_ROI
from ..tool_runner import run_tool

ROOT = Path(__file__).parents[2]
DEMO = ROOT / 'tools' / 'demo.py'
GROUP = 9  # number of a photo with three people


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    return run_tool('demo.py', *arguments, cwd=cwd, check=False)


def start(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    """Also import everything, as a user does."""
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    return subprocess.run(
        [sys.executable, str(DEMO), *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.fixture
def call(monkeypatch, tmp_path):
    """call(arguments) -> what the tool ends with; in this process."""
    spec = importlib.util.spec_from_file_location('demo', DEMO)
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('photo.png', np.zeros((60, 60, 3), np.uint8))

    def main(*arguments):
        monkeypatch.setattr(sys, 'argv', ['demo.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            demo.run_tool(demo.main)
        return ended.value.code

    return main


def test_without_input(call, capsys):
    assert call('--save', 'json') == 0
    assert 'no input given' in capsys.readouterr().out
    (person,) = json.loads(Path('out/predictions/astronaut.json').read_text())['people']
    assert person['refinement']['status'] == 'refined'
    assert person['refinement']['after'] < 0.5 * person['refinement']['before']


def test_keypoints_need_refinement(call):
    code = call('photo.png', '--keypoints', 'keypoints.json')
    assert code == 'error: keypoints are for refinement: give the inferencer refiner=True (--refine)'
    code = call('photo.png', '--keypoints', 'keypoints.json', '--refine')
    assert code.startswith('error: keypoints ') and 'keypoints.json' in code


def test_windows_of_refinement(call):
    assert call('photo.png', '--refine-window', '9') == 'error: --refine-window is for --refine'
    code = call('photo.png', '--refine-keypoints', 'detector')
    assert code == 'error: --refine-keypoints is for --refine'
    code = call('photo.png', '--refine', '--refine-window', '4')
    assert code == 'error: refiner: window must be an odd number of frames, at least 3, not 4'


@pytest.mark.parametrize(
    'arguments',
    [
        ('--whole-image', '--det-score', '0.5'),
        ('--whole-image', '--det-model', 'movenet'),
        ('--bboxes', '1', '2', '30', '40', '--det-score', '0.5'),
        ('--bboxes', 'boxes.json', '--det-size', '512'),
        ('--bboxes', 'boxes.json', '--det-weights', 'detector.pth'),
        ('--refine', '--keypoints', 'keypoints.json', '--refine-keypoints', 'crop'),
    ],
)
def test_options_that_others_make_useless_are_refused(call, arguments):
    given = next(word for word in ('--whole-image', '--bboxes', '--keypoints') if word in arguments)
    code = call('photo.png', *arguments)
    assert code.startswith('error: --') and f' has no effect with {given}: ' in code
    assert code.endswith('; leave one of the two out')


def test_keypoints_of_a_detector_that_finds_nobody_are_refused(call):
    code = call('photo.png', '--whole-image', '--refine', '--refine-keypoints', 'detector')
    assert "keypoints='detector' (--refine-keypoints detector) has no effect" in code


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Photos, two of which are none, and boxes."""
    folder = tmp_path_factory.mktemp('photos')
    photo, rows = Studio(StudioSettings('full', 256)).render(0, GROUP)
    (folder / 'group.jpg').write_bytes(photo)
    corners = rows['bbox_xywh'][:, :4].copy()
    corners[:, 2:] += corners[:, :2]
    cv2.imwrite(str(folder / 'astronaut.png'), data.astronaut()[..., ::-1])
    cv2.imwrite(str(folder / 'nobody.png'), np.full((50, 80, 3), 90, np.uint8))
    (folder / 'cut.jpg').write_bytes(photo[:3000])
    (folder / 'zero.jpg').touch()
    boxes = dict(group=corners.tolist(), astronaut=[[20, 5, 460, 512]], nobody=[])
    (folder / 'boxes.json').write_text(json.dumps(boxes))
    assert len(corners) == 3
    return folder


def test_a_folder_goes_on_past_bad_files_and_the_exit_status_tells(folder, tmp_path):
    done = run(folder, '--bboxes', folder / 'boxes.json', '--out-dir', 'out', cwd=tmp_path)
    assert done.returncode == 1 and done.stderr == '', done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith('4 people in 3 images, ')
    assert lines[1] == 'no person found in 1 of them: nobody'
    assert lines[2].startswith(f'failed: {folder}/cut.jpg ') and 'copy or download it again' in lines[2]
    assert lines[3] == f'failed: {folder}/zero.jpg is empty (0 bytes); copy or download it again'
    assert lines[4] == 'out: meshes/, overlays/, predictions/, run.json, viewer.html, views/'
    assert lines[5].startswith(f'{SHIPPED_MULTI_ROI.name} learned 3D from synthetic images alone')
    out = tmp_path / 'out'
    for name in ('group', 'astronaut'):
        people = json.loads((out / 'predictions' / f'{name}.json').read_text())['people']
        assert len(people) == (3 if name == 'group' else 1)
        source = next(folder.glob(f'{name}.*'))
        before, after = cv2.imread(str(source)), cv2.imread(str(out / 'overlays' / f'{name}.jpg'))
        assert before.shape == after.shape and np.abs(before.astype(int) - after).mean() > 3
        assert (out / 'meshes' / f'{name}.glb').read_bytes().startswith(b'glTF')
        assert (out / 'views' / f'{name}.jpg').is_file()
    page = (out / 'viewer.html').read_text(encoding='utf-8')
    assert 'data-name="group"' in page and 'data-name="nobody"' not in page


def test_a_video(tmp_path):
    video = cv2.VideoWriter(str(tmp_path / 'clip.avi'), cv2.VideoWriter.fourcc(*'MJPG'), 10, (128, 128))
    photo = cv2.resize(data.astronaut()[..., ::-1], (128, 128))
    for i in range(5):
        video.write(np.roll(photo, 3 * i, axis=1))
    video.release()
    done = run(
        'clip.avi',
        '--whole-image',
        '--smooth',
        '--out-dir',
        'out',
        '--save',
        'json',
        'overlay',
        'npz',
        'viewer',
        'anim',
        'bvh',
        'smpl',
        '--viewer-frames',
        '3',
        '--focal-length',
        '300',
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('5 people in 5 images, ')
    assert 'viewer.html shows at most 3 of 5 images' in done.stdout and '\nvideos: ' in done.stdout
    clip = cv2.VideoCapture(str(tmp_path / 'out/overlays/clip.mp4'))
    assert (clip.get(cv2.CAP_PROP_FRAME_COUNT), clip.get(cv2.CAP_PROP_FPS)) == (5, 10)
    with np.load(tmp_path / 'out/predictions/clip_000004.npz', allow_pickle=False) as arrays:
        assert arrays['focal_length'] == 300 and arrays['track_id'].tolist() == [0]
    animations = tmp_path / 'out/animations'
    assert sorted(path.name for path in animations.iterdir()) == [
        f'clip_person_0.{suffix}' for suffix in ('bvh', 'glb', 'npz')
    ]
    with np.load(animations / 'clip_person_0.npz', allow_pickle=False) as arrays:
        assert arrays['poses'].shape == (5, 156) and arrays['mocap_framerate'] == 10
    assert 'Frames: 5\nFrame Time: 0.1\n' in (animations / 'clip_person_0.bvh').read_text()
    assert 'class="sequence" data-name="clip"' in (tmp_path / 'out/viewer.html').read_text(encoding='utf-8')


def test_images_as_a_video(call, tmp_path):
    (tmp_path / 'läuft').mkdir()
    for number in (2, 10, 9):
        cv2.imwrite(f'läuft/{number}.png', np.zeros((60, 60, 3), np.uint8))
    saves = ('--save', 'json', 'overlay', 'anim')
    assert call('läuft', '--fps', '4', '--whole-image', '--out-dir', 'out', *saves) == 0
    assert json.loads(Path('out/predictions/9.json').read_text())['time'] == 0.25
    clip = cv2.VideoCapture('out/overlays/läuft.mp4')
    assert (clip.get(cv2.CAP_PROP_FRAME_COUNT), clip.get(cv2.CAP_PROP_FPS)) == (3, 4)
    assert [path.name for path in Path('out/animations').iterdir()] == ['läuft_person_0.glb']
    assert 'frame rate is -1' in call('läuft', '--fps', '-1', '--whole-image', '--out-dir', 'out')


def test_a_photo_needs_no_further_argument(tmp_path):
    cv2.imwrite(str(tmp_path / 'astronaut.png'), data.astronaut()[..., ::-1])
    with pytest.MonkeyPatch.context() as patch:  # as on a machine that has downloaded nothing
        patch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
        patch.setenv('MMENGINE_HOME', str(tmp_path / 'cache'))
        done = start('astronaut.png', cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == '', done.stderr
    assert done.stdout.startswith('1 person in 1 image, ')
    found = json.loads((tmp_path / 'out/predictions/astronaut.json').read_text())
    (person,) = found['people']
    nose = person['det_keypoints'][found['det_keypoint_names'].index('nose')]
    assert np.hypot(nose[0] - 223, nose[1] - 120) < 10 and nose[2] > 0.5
    assert not (tmp_path / 'cache').exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('absent.jpg', '--whole-image'), 'error: absent.jpg does not exist'),
        (
            ('photo.png', '--whole-image', '--model', SHIPPED_CLIFF.name[:-1]),
            f'did you mean {SHIPPED_CLIFF.name}',
        ),
        (('photo.png', '--whole-image', '--weights', 'absent.pth'), 'checkpoint absent.pth does not exist'),
        (
            (
                'photo.png',
                '--whole-image',
                '--model',
                SHIPPED_CLIFF.name,
                '--weights',
                SHIPPED_MULTI_ROI.weights,
            ),
            'another architecture than the config',
        ),
        (('photo.png', '--bboxes', 'absent.json'), 'error: boxes absent.json cannot be read'),
        (('photo.png', '--whole-image', '--out-dir', 'photo.png'), 'photo.png'),
    ],
)
def test_errors_are_one_sentence(call, capfd, arguments, message):
    found = call('--out-dir', 'out', *arguments)
    assert found.startswith('error: ') and message in found and '\n' not in found
    assert 'Traceback' not in capfd.readouterr().err


@pytest.mark.parametrize('boxes', [('1', '2', '3'), ('1', '2', '3', 'x'), ('1,2,3',)])
def test_boxes_on_the_command_line(call, capfd, boxes):
    assert call('photo.png', '--out-dir', 'out', '--bboxes', *boxes) == 2
    assert 'four numbers x1 y1 x2 y2 for each person' in capfd.readouterr().err
    assert call('photo.png', '--out-dir', 'out', '--save', 'json', '--bboxes', '-5', '0', '30', '60') == 0
    (person,) = json.loads(Path('out/predictions/photo.json').read_text())['people']
    assert person['bbox'] == [-5, 0, 30, 60]


def test_numbers_of_a_box_may_be_separated_by_commas(call):
    assert call('photo.png', '--out-dir', 'out', '--save', 'json', '--bboxes', '5,0,30,60') == 0
    (person,) = json.loads(Path('out/predictions/photo.json').read_text())['people']
    assert person['bbox'] == [5, 0, 30, 60]


def test_a_run_without_results_does_not_show_those_of_an_earlier_one(call, capfd):
    Path('out/predictions').mkdir(parents=True)
    Path('text.png').write_text('hello', encoding='utf-8')
    assert call('text.png', '--out-dir', 'out', '--save', 'json') == 1
    first, *others = capfd.readouterr().out.splitlines()
    assert first.startswith('0 people in 0 images, ')
    assert others == ['failed: text.png cannot be decoded as an image; convert it to JPEG or PNG']


def test_the_same_command_again_continues_and_another_is_refused(call, capfd, tmp_path):
    os.utime('photo.png', (1e9, 1e9))
    command = ('photo.png', '--out-dir', 'out', '--save', 'json', '--bboxes', '5', '0', '30', '60')
    assert call(*command) == 0
    written = Path('out/predictions/photo.json').stat().st_mtime_ns
    capfd.readouterr()
    assert call(*command) == 0
    assert '1 of 1 image done before with the same settings, not run again' in capfd.readouterr().out
    assert Path('out/predictions/photo.json').stat().st_mtime_ns == written
    code = call(*command, '--cfg-options', 'box_scale=1.5')
    assert (
        code.startswith('error: out has results of other settings (pipeline was ') and '--overwrite' in code
    )
    assert call(*command, '--cfg-options', 'box_scale=1.5', '--overwrite') == 0
    (person,) = json.loads(Path('out/predictions/photo.json').read_text())['people']
    assert person['boxes'][0][2] == 60 * 1.5  # the base box
    assert 'out has results of other settings' in call('photo.png', '--whole-image', '--out-dir', 'out')


def test_the_body_model_may_be_a_file(call, write_smpl, tmp_path):
    path = write_smpl(tmp_path / 'smpl', ('NEUTRAL',)) / 'SMPL_NEUTRAL.pkl'
    saves = ('--save', 'json', 'npz', 'glb', 'anim')
    assert call('photo.png', '--whole-image', '--body-model', path, *saves) == 0
    name = json.loads(Path('out/predictions/photo.json').read_text())['body_model']
    with np.load('out/predictions/photo.npz', allow_pickle=False) as arrays:
        assert name == 'SMPL_NEUTRAL' == str(arrays['body_model'])
    for path in ('meshes/photo.glb', 'animations/photo_person_0.glb'):
        assert b'"body_model":"SMPL_NEUTRAL"' in Path('out', path).read_bytes().replace(b'": "', b'":"')


def test_an_interrupted_run_keeps_what_was_done(call, capfd, monkeypatch):
    write = ResultWriter.write

    def interrupted(self, result):
        if result.frame.name == 'photo_2':
            raise KeyboardInterrupt
        write(self, result)

    monkeypatch.setattr(ResultWriter, 'write', interrupted)
    code = call('photo.png', 'photo.png', '--out-dir', 'out', '--whole-image', '--save', 'json', 'viewer')
    assert code == 130 and 'interrupted; finished results are kept' in capfd.readouterr().out
    assert Path('out/viewer.html').is_file() and Path('out/predictions/photo.json').is_file()


def test_a_full_disk_is_one_sentence(call, small_disk, capsys):
    with small_disk(4000):  # configs are smaller
        message = call('photo.png', '--whole-image', '--out-dir', 'out', '--save', 'json')
    assert message.startswith('error: cannot write out/predictions/photo.json: File too large; nothing of it')
    assert 'Traceback' not in capsys.readouterr().err and not list(Path('out/predictions').iterdir())


def test_an_animation_as_a_video(call):
    frames = [Image.new('RGB', (60, 60), (50 * i, 0, 0)) for i in range(3)]
    frames[0].save('a.gif', save_all=True, append_images=frames[1:], duration=[200, 100, 300])
    assert call('a.gif', '--whole-image', '--out-dir', 'out', '--save', 'json', 'overlay') == 0
    times = [json.loads(path.read_text())['time'] for path in sorted(Path('out/predictions').iterdir())]
    assert times == pytest.approx([0, 0.2, 0.3])
    video = cv2.VideoCapture('out/overlays/a.mp4')
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS) == pytest.approx(0.6)
