"""Record a training step as a CUDA graph and replay it: the kernels of small networks take less time than launches."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch

_WARM_UP = 3
"""Steps before the recording, in which libraries choose kernels and allocate memory."""


class Replay:
    """Runs training steps; on a GPU, on a separate stream, and the step is recorded as a CUDA graph and replayed.

    Recording executes nothing, and the steps before it are part of the training, so weights need not be restored.

    Args:
        device: device of the training.
        size: batch size (chips) of the steps to record; other steps (an epoch's last) run one kernel at a time.
    """

    def __init__(self, device: torch.device, size: int) -> None:
        self._size = size
        self._steps_before_recording = 0
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None

    def stream(self) -> Any:
        """Context that all uses of the step's tensors must run in."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def __call__(self, step: Callable[[int], None], size: int) -> None:
        """Run a step without waiting for the device.

        Args:
            step: function of the batch size that runs on the device only; it must be the same in every call.
            size: batch size (chips).
        """
        with self.stream():
            if self._stream is None or size != self._size or self._steps_before_recording < _WARM_UP:
                step(size)
                self._steps_before_recording += size == self._size
                return
            if self._graph is None:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph, stream=self._stream):
                    step(size)
            self._graph.replay()
