import logging
import shutil

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.runner import Runner

from mmroi.engine.checkpoints import check_checkpoint, find_resumable
from mmroi.engine.hooks import AtomicCheckpointHook, EpochSeedHook


class Scores(BaseMetric):
    """Gives the next of a list of scores at each validation."""

    def __init__(self, scores, name='synthetic/MPJPE', fails=()):
        super().__init__()
        self.scores, self.name, self.fails, self.count = scores, name, fails, 0

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        self.count += 1
        if self.count in self.fails:
            raise KeyboardInterrupt
        score = self.scores[self.count - 1]
        return {self.name: score, 'synthetic/PCK': 100 - score}


@pytest.fixture
def run(make_runner, loader, tmp_path):
    """``run(scores, ...)`` trains and validates once an epoch; gives the runner."""

    def train(
        scores, work_dir=tmp_path / 'work', max_epochs=None, name='synthetic/MPJPE', fails=(), **options
    ):
        resume = options.pop('resume', False)
        load_from = str(find_resumable(work_dir)[0]) if resume is True else resume or None
        runner = make_runner(
            work_dir,
            train_cfg=dict(by_epoch=True, max_epochs=max_epochs or len(scores), val_interval=1),
            custom_hooks=[EpochSeedHook()],
            val_dataloader=loader(),
            val_evaluator=dict(type=Scores, scores=scores, name=name, fails=fails),
            val_cfg={},
            default_hooks=dict(checkpoint=AtomicCheckpointHook(1, **{'save_best': 'auto', **options})),
            resume=bool(resume),
            load_from=load_from,
        )
        try:
            runner.train()
        except KeyboardInterrupt:
            assert fails
        return runner

    return train


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.endswith('.pth') or path.name[0] == '.')


def test_files_of_a_training(run, tmp_path):
    run([5.0, 4.0, 6.0], max_keep_ckpts=2)
    work = tmp_path / 'work'
    assert names(work) == ['best_synthetic_MPJPE_epoch_2.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert (work / 'last_checkpoint').read_text() == str(work / 'epoch_3.pth')
    info = check_checkpoint(work / 'epoch_3.pth')['message_hub']['runtime_info']
    assert (info['best_score'], info['keep_ckpt_ids'], info['awaits_validation']) == (4.0, [2, 3], False)
    assert info['best_ckpt'] == str(work / 'best_synthetic_MPJPE_epoch_2.pth')
    assert 'optimizer' not in check_checkpoint(work / 'best_synthetic_MPJPE_epoch_2.pth')


def test_the_log_has_no_deprecations_of_mmengine(make_runner):
    runner = make_runner(default_hooks=dict(checkpoint=AtomicCheckpointHook(1)), max_epochs=1)
    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    runner.logger.addHandler(handler)
    runner.train()
    assert f'Checkpoints will be saved to {runner.work_dir}.' in messages
    assert not [message for message in messages if 'deprecated' in message]


def test_an_interrupted_validation_is_made_up_for(run, tmp_path):
    work = tmp_path / 'work'
    run([5.0, 4.0, 6.0], fails=[2])
    assert names(work) == ['best_synthetic_MPJPE_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']
    runner = run([4.0, 6.0], resume=True, max_epochs=3)
    assert names(work) == ['best_synthetic_MPJPE_epoch_2.pth', 'epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']
    assert runner.message_hub.get_info('best_score') == 4.0
    finished = run([1.0], resume=True, max_epochs=3)  # nothing is left to do
    assert finished.message_hub.get_info('best_score') == 4.0


def test_the_interrupted_validation_of_the_last_epoch_is_made_up_for(run, tmp_path):
    run([5.0, 4.0], fails=[2], max_keep_ckpts=1)
    run([4.0], resume=True, max_epochs=2, max_keep_ckpts=1)
    assert names(tmp_path / 'work') == ['best_synthetic_MPJPE_epoch_2.pth', 'epoch_2.pth']


def test_old_files_are_removed_only_after_the_new_are_complete(run, tmp_path, monkeypatch):
    work, seen = tmp_path / 'work', []
    save = Runner.save_checkpoint

    def watched(runner, *args, **kwargs):
        seen.append(names(work))
        return save(runner, *args, **kwargs)

    monkeypatch.setattr(Runner, 'save_checkpoint', watched)
    run([5.0, 4.0], max_keep_ckpts=1)
    assert all('epoch_1.pth' in before for before in seen[1:4])
    assert ['best_synthetic_MPJPE_epoch_1.pth' in before for before in seen] == [False, False] + [True] * 4


@pytest.mark.parametrize('where', [0, 1, 2])
def test_a_full_disk_keeps_what_there_was(run, tmp_path, monkeypatch, where):
    work = tmp_path / 'work'
    run([5.0, 4.0], max_keep_ckpts=1)
    before = names(work)
    calls = []

    def full(runner, folder, name, **kwargs):
        calls.append(name)
        if len(calls) > where:
            with open(f'{folder}/{name}', 'wb') as file:
                file.write(b'half')
            raise OSError(28, 'No space left on device')
        return save(runner, folder, name, **kwargs)

    save = Runner.save_checkpoint
    with monkeypatch.context() as patch:
        patch.setattr(Runner, 'save_checkpoint', full)
        with pytest.raises(OSError, match=r'^cannot write .*\.pth: No space left.*is complete.*--resume'):
            run([3.0], resume=True, max_epochs=3, max_keep_ckpts=1)
    assert set(before) - {'epoch_2.pth'} <= set(names(work))
    assert find_resumable(work)[0] is not None
    run([3.0], resume=True, max_epochs=3, max_keep_ckpts=1)
    assert names(work) == ['best_synthetic_MPJPE_epoch_3.pth', 'epoch_3.pth']


def test_leftovers_of_kills_are_cleared_away(run, tmp_path):
    work = tmp_path / 'work'
    run([5.0, 4.0, 3.0], max_keep_ckpts=1)
    leftover = work / '.mmroi-tmp-ab12cd_3'
    leftover.mkdir()
    (leftover / 'epoch_4.pth').write_bytes(b'half')
    shutil.copy(work / 'epoch_3.pth', work / 'epoch_1.pth')  # kept by the user
    (work / 'best_synthetic_MPJPE_epoch_9.pth').write_bytes(b'half')
    run([4.0], resume=True, max_epochs=4, max_keep_ckpts=1)
    assert names(work) == ['best_synthetic_MPJPE_epoch_3.pth', 'epoch_1.pth', 'epoch_4.pth']


def test_what_a_kill_has_kept_from_being_removed_is_removed(run, tmp_path, monkeypatch):
    work = tmp_path / 'work'

    def killed(hook, names):
        if names:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AtomicCheckpointHook, '_remove', killed)
        run([5.0, 6.0], max_keep_ckpts=1, fails=[0])
    assert names(work) == ['best_synthetic_MPJPE_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth']
    run([6.0], resume=True, max_epochs=2, max_keep_ckpts=1)
    assert names(work) == ['best_synthetic_MPJPE_epoch_1.pth', 'epoch_2.pth']


def test_a_copied_folder_leaves_the_original_alone(run, tmp_path):
    work, copy = tmp_path / 'work', tmp_path / 'copy'
    run([5.0, 4.0], max_keep_ckpts=1)
    shutil.copytree(work, copy)
    before = names(work)
    run([3.0], work_dir=copy, resume=True, max_epochs=3, max_keep_ckpts=1)
    assert names(work) == before
    assert names(copy) == ['best_synthetic_MPJPE_epoch_3.pth', 'epoch_3.pth']


def test_a_checkpoint_of_another_folder_starts_its_own_search(run, tmp_path):
    work, other = tmp_path / 'work', tmp_path / 'other'
    run([5.0, 4.0], max_keep_ckpts=1)
    before = names(work)
    run([4.5], work_dir=other, resume=str(work / 'epoch_2.pth'), max_epochs=3, max_keep_ckpts=1)
    assert names(work) == before
    assert names(other) == ['best_synthetic_MPJPE_epoch_3.pth', 'epoch_3.pth']


def test_a_best_checkpoint_that_is_gone_does_not_count(run, tmp_path):
    work = tmp_path / 'work'
    run([5.0, 4.0])
    (work / 'best_synthetic_MPJPE_epoch_2.pth').write_bytes(b'damaged')
    run([4.5], resume=True, max_epochs=3)
    assert 'best_synthetic_MPJPE_epoch_3.pth' in names(work)
    assert 'best_synthetic_MPJPE_epoch_2.pth' not in names(work)


@pytest.mark.parametrize(
    ('save_best', 'best'),
    [
        ('MPJPE', ['best_synthetic_MPJPE_epoch_2.pth']),
        ('PCK', ['best_synthetic_PCK_epoch_2.pth']),
        (['MPJPE', 'synthetic/PCK'], ['best_synthetic_MPJPE_epoch_2.pth', 'best_synthetic_PCK_epoch_2.pth']),
    ],
)
def test_names_without_prefix(run, tmp_path, save_best, best):
    run([5.0, 4.0, 4.5], save_best=save_best, max_keep_ckpts=1)
    assert names(tmp_path / 'work') == [*best, 'epoch_3.pth']


def test_an_unknown_name_is_answered_with_the_known_ones(run, tmp_path):
    with pytest.raises(KeyError, match=r"save_best='MPJP'.*gives synthetic/MPJPE, synthetic/PCK"):
        run([5.0], save_best='MPJP')
    runner = run([5.0], save_best='MPJPE', resume=True, max_epochs=1)  # nothing was lost
    assert runner.message_hub.get_info('best_score') == 5.0


def test_another_metric_begins_a_new_search(run, tmp_path):
    run([5.0, 4.0])
    run([4.5], save_best='PCK', resume=True, max_epochs=3)
    assert 'best_synthetic_PCK_epoch_3.pth' in names(tmp_path / 'work')


@pytest.mark.parametrize(
    ('name', 'larger'),
    [('topview/MPJPE', False), ('x/PA-AUC', True), ('accuracy/top1', True), ('mine/my_error', False)],
)
def test_direction_of_metrics(name, larger):
    hook = AtomicCheckpointHook(1, save_best=name)
    assert hook.is_better_than[name](2, 1) is larger
    assert AtomicCheckpointHook(1, save_best=name, rule='less').is_better_than[name](1, 2)


def test_resumed_training_equals_the_uninterrupted_one(run, tmp_path):
    whole = run([5.0, 4.0, 6.0])
    run([5.0, 4.0, 6.0], work_dir=tmp_path / 'half', fails=[2])
    half = run([4.0, 6.0], work_dir=tmp_path / 'half', resume=True, max_epochs=3)
    for one, other in zip(whole.model.parameters(), half.model.parameters(), strict=True):
        assert torch.equal(one, other)
