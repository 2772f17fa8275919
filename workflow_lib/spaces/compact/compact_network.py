"""The space of compact networks: ids, choices, and the network that each configuration builds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.space import Configuration, Space

BLOCKS = ("basic", "sep", "inv2", "inv4")
"""Kinds of blocks: two convolutions (basic), two depthwise separable convolutions (sep), or an inverted bottleneck with
an expansion of 2 or 4 (inv2, inv4)."""

_SPELLING = re.compile(
    rf"compact-({'|'.join(BLOCKS)})-w([1-9]\d*)-n([1-9]\d*)x([1-9]\d*)-k([1-9]\d*)s([1-9]\d*)-(pool|nopool)(-se)?"
)

PATTERN = rf"compact-(?:{'|'.join(BLOCKS)})-w\d+-n\d+x\d+-k\d+s\d+-(?:pool|nopool)(?:-se)?"
"""Pattern of the ids of this space, also Snakemake's constraint of wildcards."""


@dataclass(frozen=True, order=True)
class CompactNetwork:
    """One compact residual network; its text is its id.

    Attributes:
        block: kind of its blocks, one of `BLOCKS`.
        width: channels of the stem and of the first stage; each later stage has twice as many.
        stages: number of stages; every stage but the first halves the side of the images.
        blocks: blocks per stage.
        kernel: kernel size of the stem (pixels).
        stride: stride of the stem (pixels).
        pool: whether a max-pooling (kernel 3, stride 2) follows the stem.
        squeeze: whether each block ends with squeeze-and-excitation.
    """

    block: str
    width: int
    stages: int
    blocks: int
    kernel: int
    stride: int
    pool: bool
    squeeze: bool

    def __str__(self) -> str:
        stages, stem = f"n{self.stages}x{self.blocks}", f"k{self.kernel}s{self.stride}"
        ends = ("pool" if self.pool else "nopool") + ("-se" if self.squeeze else "")
        return f"compact-{self.block}-w{self.width}-{stages}-{stem}-{ends}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id; the inverse of `str`.

        >>> CompactNetwork.parse("compact-sep-w8-n3x1-k3s2-nopool-se").width
        8

        Raises:
            ConfigError: if the text is not a canonical id of this space.
        """
        match = _SPELLING.fullmatch(text)
        if not match:
            raise ConfigError(
                "not the id of a compact network", text, "expected something like compact-basic-w16-n3x1-k3s1-pool"
            )
        block, width, stages, blocks, kernel, stride, pool, squeeze = match.groups()
        stem = int(kernel), int(stride)
        return cls(block, int(width), int(stages), int(blocks), *stem, pool == "pool", squeeze is not None)

    @property
    def expansion(self) -> int:
        """Factor by which inverted bottlenecks widen their input; 0 for other blocks."""
        return int(self.block[3:]) if self.block.startswith("inv") else 0

    def stage_widths(self) -> list[int]:
        """Channels of each stage."""
        return [self.width * 2**stage for stage in range(self.stages)]


def squeezed(channels: int) -> int:
    """Channels between the two convolutions of a squeeze-and-excitation (Hu et al. 2018, with a ratio of 4)."""
    return max(4, channels // 4)


def space(choices: Mapping[str, Sequence[int | str]]) -> Space:
    """The networks of the given values, in the order of the fields of `CompactNetwork`.

    Args:
        choices: field of `CompactNetwork` -> values; flags are 0 or 1.
    """

    def build(configuration: Configuration) -> str:
        values = {name: value if name == "block" else int(value) for name, value in configuration.items()}
        flags = {name: bool(values[name]) for name in ("pool", "squeeze")}
        return str(CompactNetwork(**(values | flags)))  # type: ignore[arg-type]

    def parse(text: str) -> Configuration:
        network = CompactNetwork.parse(text)
        values = {name: getattr(network, name) for name in choices}
        return {name: value if name == "block" else int(value) for name, value in values.items()}

    return Space(choices, build, parse)
