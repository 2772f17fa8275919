"""Chains of 21 MobileNetV2 blocks (Cai et al. 2019, ProxylessNAS), each with a kernel and expansion, or skipped."""

import re
from dataclasses import dataclass

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.space import Configuration, Space

SKIP = "skip"


@dataclass(frozen=True)
class Stage:
    """Blocks of one width; the first block changes width and side, so it cannot be skipped.

    Attributes:
        width: output channels.
        blocks: number of blocks.
        stride: stride of the first block (pixels).
    """

    width: int
    blocks: int
    stride: int


STAGES = (Stage(24, 4, 2), Stage(40, 4, 2), Stage(80, 4, 2), Stage(96, 4, 1), Stage(192, 4, 2), Stage(320, 1, 1))
OPERATIONS = tuple(f"e{expansion}k{kernel}" for expansion in (3, 6) for kernel in (3, 5, 7))
"""Blocks by expansion of the width inside the block and kernel size of the depthwise convolution (pixels)."""

EXPANSIONS_AND_KERNELS = {name: (int(name[1]), int(name[3])) for name in OPERATIONS}
"""Operation -> (expansion, kernel size in pixels)."""

STEM, FIRST, LAST = 32, 16, 1280
"""Widths of the fixed layers: the stem's convolution, the block after it, and the last convolution."""

_IS_FIRST = tuple(number == 0 for stage in STAGES for number in range(stage.blocks))
"""For each block, whether it is the first of its stage."""

BLOCKS = (SKIP, *OPERATIONS)
"""All possible operations of a block."""


def _allowed(first: bool) -> tuple[str, ...]:
    return OPERATIONS if first else (*OPERATIONS, SKIP)


def _stage_pattern(blocks: int) -> str:
    return r"\.".join(f"(?:{'|'.join(_allowed(first=not number))})" for number in range(blocks))


PATTERN = "-".join(["mobile", *(_stage_pattern(stage.blocks) for stage in STAGES)])
"""Regular expression of the ids of chains, also used in Snakemake's wildcard constraint."""


@dataclass(frozen=True, order=True)
class Chain:
    """One network; `str(chain)` is its id, such as mobile-e3k3.skip.e6k7.e3k3-..., with one part per stage.

    Args:
        operations: operation of each block.
    """

    operations: tuple[str, ...]

    def __str__(self) -> str:
        operations = iter(self.operations)
        stages = (".".join(next(operations) for _ in range(stage.blocks)) for stage in STAGES)
        return "-".join(["mobile", *stages])

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """(block index, index of its operation in `BLOCKS`) pairs."""
        return [(block, BLOCKS.index(operation)) for block, operation in enumerate(self.operations)]

    @classmethod
    def parse(cls, text: str) -> "Chain":
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not an id of this space.
        """
        if not re.fullmatch(PATTERN, text):
            raise ConfigError(
                "not a chain of MobileNetV2 blocks", text, "expected mobile-e3k3.skip.e6k7.e3k3-... with 6 stages"
            )
        return cls(tuple(operation for stage in text.split("-")[1:] for operation in stage.split(".")))


def space() -> Space:
    """The search space of all chains."""

    def build(configuration: Configuration) -> str:
        return str(Chain(tuple(str(configuration[name]) for name in names)))

    def parse(text: str) -> Configuration:
        return dict(zip(names, Chain.parse(text).operations, strict=True))

    names = [f"block_{number}" for number in range(len(_IS_FIRST))]
    return Space({name: _allowed(first) for name, first in zip(names, _IS_FIRST, strict=True)}, build, parse)
