"""A chain of MobileNetV2 blocks (Cai et al. 2019, ProxylessNAS): kernel and expansion of each of 21, or none."""

from dataclasses import dataclass

from workflow_lib.core.errors import ConfigError
from workflow_lib.core.spaces.space import Configuration, Space

SKIP = "skip"


@dataclass(frozen=True)
class Stage:
    """Blocks of one width; the first one changes width and side, so it cannot be skipped.

    Attributes:
        width: output channels.
        blocks: how many.
        stride: of the first, in pixels.
    """

    width: int
    blocks: int
    stride: int


STAGES = (Stage(24, 4, 2), Stage(40, 4, 2), Stage(80, 4, 2), Stage(96, 4, 1), Stage(192, 4, 2), Stage(320, 1, 1))
OPERATIONS = tuple(f"e{expansion}k{kernel}" for expansion in (3, 6) for kernel in (3, 5, 7))
"""Expansion of the width inside the block, and kernel of its depthwise convolution (pixels)."""

_FIRSTS = tuple(number == 0 for stage in STAGES for number in range(stage.blocks))


@dataclass(frozen=True, order=True)
class Chain:
    """One network; its text is its id, one operation per block, such as e3k3.skip.e6k7.e3k3-...: a stage per part.

    Args:
        operations: one per block.
    """

    operations: tuple[str, ...]

    def __str__(self) -> str:
        left = iter(self.operations)
        return "-".join(".".join(next(left) for _ in range(stage.blocks)) for stage in STAGES)

    @classmethod
    def parse(cls, text: str) -> "Chain":
        """Read an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is no id of this space.
        """
        stages = [tuple(stage.split(".")) for stage in text.split("-")]
        operations = tuple(operation for stage in stages for operation in stage)
        shaped = [len(stage) for stage in stages] == [stage.blocks for stage in STAGES]
        if not shaped or any(
            operation not in _allowed(first) for operation, first in zip(operations, _FIRSTS, strict=True)
        ):
            raise ConfigError("not a chain of MobileNetV2 blocks", text, "expected e3k3.skip.e6k7.e3k3-... of 6 stages")
        return cls(operations)


def space() -> Space:
    """All chains."""

    def build(configuration: Configuration) -> str:
        return str(Chain(tuple(str(configuration[name]) for name in names)))

    def parse(text: str) -> Configuration:
        return dict(zip(names, Chain.parse(text).operations, strict=True))

    names = [f"block_{number}" for number in range(len(_FIRSTS))]
    return Space({name: _allowed(first) for name, first in zip(names, _FIRSTS, strict=True)}, build, parse)


def _allowed(first: bool) -> tuple[str, ...]:
    return OPERATIONS if first else (*OPERATIONS, SKIP)
