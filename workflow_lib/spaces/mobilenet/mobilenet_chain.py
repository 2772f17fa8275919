"""A chain of MobileNetV2 blocks (Cai et al. 2019, ProxylessNAS): kernel and expansion of each of 21, or none."""

import re
from dataclasses import dataclass

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.space import Configuration, Space

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

EXPANSIONS_AND_KERNELS = {name: (int(name[1]), int(name[3])) for name in OPERATIONS}
"""Operation -> both numbers."""

STEM, FIRST, LAST = 32, 16, 1280
"""Widths of what is not searched: the stem's convolution, the block behind it, the last convolution."""

_FIRSTS = tuple(number == 0 for stage in STAGES for number in range(stage.blocks))


BLOCKS = (SKIP, *OPERATIONS)
"""What a block may be."""


def _allowed(first: bool) -> tuple[str, ...]:
    return OPERATIONS if first else (*OPERATIONS, SKIP)


def _stage(blocks: int) -> str:
    return r"\.".join(f"(?:{'|'.join(_allowed(first=not place))})" for place in range(blocks))


PATTERN = "-".join(["mobile", *(_stage(stage.blocks) for stage in STAGES)])
"""What an id of a chain looks like; also Snakemake's constraint of wildcards."""


@dataclass(frozen=True, order=True)
class Chain:
    """One network; its text is its id, one operation per block: mobile-e3k3.skip.e6k7.e3k3-..., a stage per part.

    Args:
        operations: one per block.
    """

    operations: tuple[str, ...]

    def __str__(self) -> str:
        left = iter(self.operations)
        stages = (".".join(next(left) for _ in range(stage.blocks)) for stage in STAGES)
        return "-".join(["mobile", *stages])

    @property
    def chosen(self) -> list[tuple[int, int]]:
        """Numbers of blocks, and of what they are in `BLOCKS`."""
        return [(block, BLOCKS.index(operation)) for block, operation in enumerate(self.operations)]

    @classmethod
    def parse(cls, text: str) -> "Chain":
        """Read an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is no id of this space.
        """
        if not re.fullmatch(PATTERN, text):
            raise ConfigError(
                "not a chain of MobileNetV2 blocks", text, "expected mobile-e3k3.skip.e6k7.e3k3-... of 6 stages"
            )
        return cls(tuple(operation for stage in text.split("-")[1:] for operation in stage.split(".")))


def space() -> Space:
    """All chains."""

    def build(configuration: Configuration) -> str:
        return str(Chain(tuple(str(configuration[name]) for name in names)))

    def parse(text: str) -> Configuration:
        return dict(zip(names, Chain.parse(text).operations, strict=True))

    names = [f"block_{number}" for number in range(len(_FIRSTS))]
    return Space({name: _allowed(first) for name, first in zip(names, _FIRSTS, strict=True)}, build, parse)
