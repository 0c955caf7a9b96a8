"""A guard that stops a training before NaN or infinity reaches its weights or a file."""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.optim import Optimizer

from mmroi.engine.checkpoints import LAST
from mmroi.registry import HOOKS

_MAX_ROWS = 16  # named in a message
# A loss scaler leaves out steps whose gradients overflow, and halves its scale, which begins with 2^16.
# Below 2^-16 it is not the scale that is too large.
_MAX_SCALER_SKIPS, _LOWEST_SCALE = 32, 2.0**-16


@HOOKS.register_module()
class FiniteCheckHook(Hook):
    """Stop a training at a loss, gradient or weight that is not finite.

    A gradient is checked before the optimizer's step, so that the weights stay as they were; weights are
    checked before a checkpoint is written, so that those on the disk stay usable. The message names epoch,
    iteration, losses, the rows of the batch, and the last good checkpoint.

    Buffers that are not finite from the start, such as masks of ``-inf``, may stay so. A loss scaler
    (``AmpOptimWrapper`` with float16) leaves out steps by itself; they count only when it does not recover.

    Args:
        max_skips: Number of steps in a row that are left out, with a warning, before the training stops.
    """

    priority = 'VERY_HIGH'  # before what logs the losses or saves the weights

    def __init__(self, max_skips: int = 0) -> None:
        self.max_skips = max_skips
        self._num_bad = 0
        self._bad_now = False
        self._batch: Any = None
        self._losses: dict[str, Any] = {}
        self._not_finite_from_the_start: set[str] = set()

    def before_train(self, runner: Runner) -> None:
        """Check the initial weights, and watch the losses and the optimizer.

        Raises:
            ValueError: A weight is not finite.
        """
        model = _unwrapped(runner)
        parameters = dict(model.named_parameters())
        bad = set(_not_finite(model.state_dict()))
        if named := [name for name in bad if name in parameters]:
            raise ValueError(f'weights at the start are not finite: {_enumerate(sorted(named))}')
        self._not_finite_from_the_start = bad
        model.register_forward_hook(self._remember_losses)
        for wrapper in _optim_wrappers(runner):
            wrapper.optimizer.register_step_pre_hook(
                lambda optimizer, *_: self._check_gradients(runner, optimizer)
            )

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Remember the batch, for the message."""
        self._batch, self._losses, self._bad_now = data_batch, {}, False

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Check the losses of an iteration whose gradient did not show them.

        Raises:
            FloatingPointError: A loss is not finite.
        """
        scalers = [w.loss_scaler for w in _optim_wrappers(runner) if hasattr(w, 'loss_scaler')]
        scalers = [scaler for scaler in scalers if scaler.is_enabled()]
        if any(scaler.get_scale() < _LOWEST_SCALE for scaler in scalers):
            self._count(runner, 'the gradient, even with a loss scale of nearly zero,', 0)
        values = [torch.as_tensor(outputs['loss']).detach().item()] if outputs and 'loss' in outputs else []
        if not self._bad_now and not all(map(math.isfinite, values)):
            self._count(runner, 'a loss', max(self.max_skips, _MAX_SCALER_SKIPS if scalers else 0))
        self._num_bad = self._num_bad if self._bad_now else 0
        self._batch = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check the weights that are about to be saved.

        Raises:
            FloatingPointError: One is not finite.
        """
        bad = set(_not_finite(checkpoint['state_dict'])) - self._not_finite_from_the_start
        if bad:
            raise FloatingPointError(
                f'{_enumerate(sorted(bad))} of the network is not finite after iteration {runner.iter}: '
                f'nothing is saved. {_describe_last(runner)}'
            )

    def _remember_losses(self, model: nn.Module, inputs: Any, outputs: Any) -> None:
        if model.training and isinstance(outputs, dict):
            self._losses = {k: v.detach() if isinstance(v, Tensor) else v for k, v in outputs.items()}

    def _check_gradients(self, runner: Runner, optimizer: Optimizer) -> None:
        weights = [weight for group in optimizer.param_groups for weight in group['params']]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if not gradients or _norm(gradients).isfinite():
            return
        self._count(runner, 'the gradient', self.max_skips)
        for weight in weights:  # the optimizer leaves out weights without one
            weight.grad = None

    def _count(self, runner: Runner, what: str, limit: int) -> None:
        """Let a bad iteration pass with a warning, or stop."""
        self._bad_now = True
        self._num_bad += 1
        rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
        message = (
            f'{what} is not finite in epoch {runner.epoch + 1}, iteration {runner.iter + 1}, in which the '
            f'learning rate is {rate:.3g}{self._describe_losses()}; {_describe_rows(self._batch)}'
        )
        if self._num_bad > limit:
            raise FloatingPointError(
                f'{message}. {_describe_last(runner)}. Lower the learning rate, or clip the gradient '
                '(optim_wrapper.clip_grad.max_norm); to leave out up to 3 such steps in a row: '
                '--cfg-options default_hooks.finite.max_skips=3'
            )
        runner.logger.log(
            logging.WARNING, f'{message}; the step is left out ({self._num_bad} of {limit} in a row)'
        )

    def _describe_losses(self) -> str:
        values = {
            key: float(sum(part.mean() for part in (value if isinstance(value, list) else [value])))
            for key, value in self._losses.items()
            if isinstance(value, Tensor) or (isinstance(value, list) and value)
        }
        return ''.join(f', {key} {value:.4g}' for key, value in values.items() if 'loss' in key)


def _norm(gradients: Sequence[Tensor]) -> Tensor:
    """Norm of all gradients, without waiting for the device; NaN or infinite if any number is."""
    device = gradients[0].device
    dense = [gradient.coalesce().values() if gradient.is_sparse else gradient for gradient in gradients]
    return torch.stack([norm.to(device) for norm in torch._foreach_norm(dense)]).norm()


def _not_finite(tensors: Mapping[str, Any]) -> Iterator[str]:
    """Names of the tensors with NaN or infinity."""
    for name, value in tensors.items():
        if isinstance(value, Tensor) and value.is_floating_point() and not value.isfinite().all():
            yield name


def _describe_rows(batch: Any) -> str:
    """Name the rows of a batch as their annotation files number them."""
    samples = batch.get('data_samples') if isinstance(batch, Mapping) else None
    rows: dict[str, list[str]] = {}
    for sample in samples or ():
        row = sample.get('row', sample.get('sample_idx'))
        if row is not None:
            rows.setdefault(str(sample.get('dataset_name', 'the dataset')), []).append(str(row))
    if not rows:
        return 'the rows of the batch are not known'
    return 'the batch has ' + '; '.join(f'rows {_enumerate(found)} of {name}' for name, found in rows.items())


def _describe_last(runner: Runner) -> str:
    note = Path(runner.work_dir, LAST)
    if 'last_ckpt' not in runner.message_hub.runtime_info or not note.is_file():
        return 'There is no checkpoint yet'
    return f'The last good checkpoint is {note.read_text(encoding="utf-8")} (--resume)'


def _enumerate(names: Sequence[str]) -> str:
    rest = len(names) - _MAX_ROWS
    return ', '.join(names[:_MAX_ROWS]) + (f' and {rest} more' if rest > 0 else '')


def _unwrapped(runner: Runner) -> nn.Module:
    model: Any = runner.model
    return model.module if is_model_wrapper(model) else model


def _optim_wrappers(runner: Runner) -> list[Any]:
    wrapper: Any = runner.optim_wrapper
    return [wrapper] if isinstance(wrapper, OptimWrapper) else list(wrapper.values())
