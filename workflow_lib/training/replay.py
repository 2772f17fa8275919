"""Steps that a GPU repeats without the host: a small network's kernels take less time than their launches."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch

_WARM_UP = 3
"""Steps before the recording: libraries choose their kernels and take their memory in them."""


class Replay:
    """A training step; on a GPU it has a stream of its own, and is recorded as a CUDA graph and replayed.

    Recording executes nothing, and the steps before it are steps of the training: no weight is restored afterwards.

    Args:
        device: where.
        size: chips of the steps worth recording; others (an epoch's last) are taken one kernel at a time.
    """

    def __init__(self, device: torch.device, size: int) -> None:
        self._size = size
        self._taken = 0
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None

    def stream(self) -> Any:
        """The context of everything that the step's tensors are used in."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def __call__(self, step: Callable[[int], None], size: int) -> None:
        """Take a step of so many chips, always the same one, by work on the device alone; the host does not wait."""
        with self.stream():
            if self._stream is None or size != self._size or self._taken < _WARM_UP:
                step(size)
                self._taken += size == self._size
                return
            if self._graph is None:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph, stream=self._stream):
                    step(size)
            self._graph.replay()
