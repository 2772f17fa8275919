"""Memory that the activations of a network need at run time, as LiteRT and tflite-micro plan it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_ALIGNMENT_BYTES: Final = 16


@dataclass(frozen=True)
class Step:
    """One operator of a network: the tensors that it reads and writes, without weights."""

    inputs: Sequence[str]
    outputs: Sequence[str]


@dataclass
class _Tensor:
    """A tensor, its size and the first and last step in which it is alive."""

    size: int
    first: int
    last: int
    offset: int = 0


def plan_bytes(steps: Sequence[Step], sizes: Mapping[str, int]) -> int:
    """Place all activations in one arena, the largest first, each in the first gap, and return the arena's size.

    A tensor is alive from the step that writes it to the last step that reads it; the input of the network is alive
    from the start. Tensors that are alive together must not overlap. Sizes are rounded up to 16 bytes. Of two tensors
    of equal size, the later one is placed first.

    Args:
        steps: operators in the order of execution.
        sizes: tensor -> bytes.

    Returns:
        Size of the arena (bytes).

    Source: GreedyMemoryPlanner of tflite-micro; Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural
    Net Inference", section 5.2 (greedy by size for offset calculation).

    >>> plan_bytes([Step(["image"], ["a"]), Step(["a"], ["b"])], {"image": 100, "a": 30, "b": 8})
    144
    """
    placed: list[_Tensor] = []
    for tensor in sorted(_lifetimes(steps, sizes), key=lambda tensor: -tensor.size):
        beside = sorted(
            (other for other in placed if other.first <= tensor.last and tensor.first <= other.last),
            key=lambda other: other.offset,
        )
        for other in beside:
            if other.offset - tensor.offset >= tensor.size:
                break
            tensor.offset = max(tensor.offset, other.offset + other.size)
        placed.append(tensor)
    return max(tensor.offset + tensor.size for tensor in placed)


def _lifetimes(steps: Sequence[Step], sizes: Mapping[str, int]) -> list[_Tensor]:
    """Return all tensors, the last one to occur first."""
    found: dict[str, _Tensor] = {}
    for number, step in enumerate(steps, start=1):
        for name in step.inputs:
            found.setdefault(name, _Tensor(_aligned(sizes[name]), 0, number)).last = number
        for name in step.outputs:
            found[name] = _Tensor(_aligned(sizes[name]), number, number)
    return list(reversed(found.values()))


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES
