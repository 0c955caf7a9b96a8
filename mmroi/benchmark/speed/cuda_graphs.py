"""CUDA graphs: the kernels of a call, recorded once and launched together."""

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar('T')
_WARM_UP = 3  # calls, as PyTorch advises


class CapturedCall(Generic[T]):
    """A function of tensors that replays a CUDA graph, one for each set of shapes.

    It must neither wait for the device nor copy from the host to it, and what it does must not depend on
    values (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).

    Args:
        function: Function of tensors on one GPU, without gradients.
    """

    def __init__(self, function: Callable[..., T]) -> None:
        self._function = function
        self._graphs: dict[object, tuple[torch.cuda.CUDAGraph, list[Tensor], T]] = {}

    def __call__(self, *inputs: Tensor) -> T:
        """Call the function.

        Args:
            *inputs: Its arguments.

        Returns:
            Its result, in memory that the next call with these shapes overwrites.
        """
        key = tuple((tuple(x.shape), x.dtype) for x in inputs)
        if key not in self._graphs:
            self._graphs[key] = self._capture(inputs)
        graph, places, result = self._graphs[key]
        for place, value in zip(places, inputs, strict=True):
            place.copy_(value)
        graph.replay()
        return result

    def _capture(self, inputs: tuple[Tensor, ...]) -> tuple[torch.cuda.CUDAGraph, list[Tensor], T]:
        device = inputs[0].device
        places = [x.clone() for x in inputs]
        graph = torch.cuda.CUDAGraph()
        # Libraries set themselves up in the first calls, for each stream: the same one for all.
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.device(device):
            with torch.cuda.stream(stream):
                for _ in range(_WARM_UP):
                    self._function(*places)
            torch.cuda.current_stream(device).wait_stream(stream)
            with torch.cuda.graph(graph, stream=stream):
                result = self._function(*places)
        return graph, places, result
