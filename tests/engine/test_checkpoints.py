import re
import shutil

import pytest
import torch
from mmengine.config import Config

from mmroi.engine import checkpoints
from mmroi.engine.checkpoints import check_checkpoint, check_resumable, find_resumable, prepare_resume

CONTENT = dict(
    meta=dict(epoch=1, iter=3), state_dict=dict(w=torch.ones(1000)), message_hub={}, optimizer=dict(state={})
)


@pytest.fixture
def work_dir(tmp_path):
    """Folder with the checkpoints of epochs 9 and 10 and the best one."""
    folder = tmp_path / 'work'
    folder.mkdir()
    for name in ('epoch_9.pth', 'epoch_10.pth'):
        torch.save(CONTENT, folder / name)
    weights = {key: value for key, value in CONTENT.items() if key != 'optimizer'}
    torch.save(weights, folder / 'best_MPJPE_epoch_11.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_10.pth'))
    return folder


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def empty(path):
    path.write_bytes(b'')


def test_a_whole_checkpoint_is_read(work_dir):
    content = check_checkpoint(work_dir / 'epoch_9.pth')
    assert content['meta'] == CONTENT['meta']
    assert torch.equal(content['state_dict']['w'], torch.ones(1000))
    check_resumable(work_dir / 'epoch_9.pth')


@pytest.mark.parametrize('damage', [flip_a_bit, cut, empty])
def test_damage_is_found_that_torch_may_not_see(work_dir, damage):
    damage(work_dir / 'epoch_10.pth')
    with pytest.raises(ValueError, match='damaged'):
        check_checkpoint(work_dir / 'epoch_10.pth')
    path, (problem,) = find_resumable(work_dir)
    assert path == work_dir / 'epoch_9.pth'
    assert problem.startswith(f'{work_dir / "epoch_10.pth"} cannot be used: it is ')


@pytest.mark.parametrize('name', ['best_MPJPE_epoch_2.pth', 'latest.pth', 'renamed (1).pth'])
def test_a_training_never_starts_over_beside_weights(tmp_path, name):
    torch.save({'state_dict': CONTENT['state_dict']}, tmp_path / name)
    with pytest.raises(ValueError, match=re.escape(name) + ' cannot be used: it has no meta'):
        prepare_resume(Config(dict(work_dir=str(tmp_path))), 'auto')
    torch.save(CONTENT, tmp_path / name)  # complete, whatever its name
    assert find_resumable(tmp_path) == (tmp_path / name, [])


def test_the_newest_goes_by_its_number(work_dir):
    (work_dir / 'last_checkpoint').unlink()
    assert find_resumable(work_dir) == (work_dir / 'epoch_10.pth', [])
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_9.pth'))
    assert find_resumable(work_dir) == (work_dir / 'epoch_9.pth', [])


@pytest.mark.parametrize('note', ['', 'gone/epoch_12.pth', '.'])
def test_a_useless_note_is_passed_over(work_dir, note):
    (work_dir / 'last_checkpoint').write_text(note)
    assert find_resumable(work_dir) == (work_dir / 'epoch_10.pth', [])


def test_a_copied_folder_resumes_from_its_own_files(work_dir, tmp_path):
    copy = shutil.copytree(work_dir, tmp_path / 'copy')
    assert find_resumable(copy)[0] == copy / 'epoch_10.pth'
    shutil.rmtree(work_dir)
    assert find_resumable(copy)[0] == copy / 'epoch_10.pth'


def test_checkpoints_elsewhere_are_found_by_the_note(work_dir, tmp_path):
    other = tmp_path / 'elsewhere'
    other.mkdir()
    (other / 'last_checkpoint').write_text(str(work_dir / 'epoch_10.pth'))
    assert find_resumable(other)[0] == work_dir / 'epoch_10.pth'
    empty(work_dir / 'epoch_10.pth')
    assert find_resumable(other)[0] == work_dir / 'epoch_9.pth'


def test_nothing_to_resume(tmp_path):
    assert find_resumable(tmp_path) == (None, [])
    cfg = Config(dict(work_dir=str(tmp_path), load_from='weights.pth'))
    prepare_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (False, 'weights.pth')


def test_automatic_resume_says_what_it_passes_over(work_dir, monkeypatch):
    words = []
    monkeypatch.setattr(checkpoints, 'print_log', lambda text, *_: words.append(text))
    cut(work_dir / 'epoch_10.pth')
    cfg = Config(dict(work_dir=str(work_dir), load_from='weights.pth'))
    prepare_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (True, str(work_dir / 'epoch_9.pth'))
    assert words[0].startswith(f'{work_dir / "epoch_10.pth"} cannot be used: ')
    assert words[0].endswith(f'; resuming from {work_dir / "epoch_9.pth"}, an older one')


def test_resume_of_the_config_is_that_of_the_command_line(work_dir):
    cfg = Config(dict(work_dir=str(work_dir), resume=True, load_from=None))
    prepare_resume(cfg, None)
    assert (cfg.resume, cfg.load_from) == (True, str(work_dir / 'epoch_10.pth'))
    cfg = Config(dict(work_dir=str(work_dir), resume=False, load_from=None))
    prepare_resume(cfg, None)
    assert (cfg.resume, cfg.load_from) == (False, None)


def test_a_training_does_not_start_over_on_damaged_checkpoints(work_dir):
    for path in work_dir.glob('epoch_*'):
        empty(path)
    with pytest.raises(ValueError, match=r'no checkpoint in .*epoch_10.*epoch_9.*--work-dir'):
        prepare_resume(Config(dict(work_dir=str(work_dir))), 'auto')


def test_a_chosen_checkpoint_is_checked(work_dir):
    cfg = Config(dict(work_dir='elsewhere'))
    prepare_resume(cfg, str(work_dir / 'epoch_9.pth'))
    assert (cfg.resume, cfg.load_from) == (True, str(work_dir / 'epoch_9.pth'))
    with pytest.raises(FileNotFoundError, match='gone.pth'):
        prepare_resume(cfg, 'gone.pth')
    torch.save(dict(state_dict={}, meta={}), work_dir / 'weights.pth')
    with pytest.raises(ValueError, match=r'no message_hub, optimizer.*usable one .*epoch_10.*load_from='):
        prepare_resume(cfg, str(work_dir / 'weights.pth'))


def test_weights_that_are_not_finite_are_passed_over(work_dir):
    torch.save({**CONTENT, 'state_dict': dict(w=torch.tensor([1, torch.nan]))}, work_dir / 'epoch_10.pth')
    path, (problem,) = find_resumable(work_dir)
    assert path == work_dir / 'epoch_9.pth'
    assert problem.endswith('epoch_10.pth cannot be used: w has NaN among its weights (1 of 2 numbers)')
