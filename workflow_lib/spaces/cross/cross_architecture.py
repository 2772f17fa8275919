"""The CROSS space: ResNet-18 with a searched stem (Li et al. 2023, figure 2)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isqrt
from typing import Self

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.space import Configuration, Space

CHOICES: dict[str, tuple[int, ...]] = {
    "kernel_size": (3, 5),
    "stride": (1, 2),
    "padding": (1, 2, 3),
    "pool_choice": (0, 1),
    "kernel_size_pool": (2, 3),
    "stride_pool": (1, 2),
    "initial_output_feature": (32, 48, 64),
}
"""Dimension -> values, named and ordered as in CROSS; pool choice 0 is max-pooling (padding 1), and 1 is no pooling."""

_SPELLING = re.compile(
    r"k([1-9]\d*)-s([1-9]\d*)-p(\d+)-(?:pool([1-9]\d*)s([1-9]\d*)|nopool)-w([1-9]\d*)(?:-f([1-9]\d*))?"
)

UNFOLDED_PATTERN = r"k\d+-s\d+-p\d+-(?:pool\d+s\d+|nopool)-w\d+"
"""Regular expression of the ids of networks of this space that take one image at a time."""

PATTERN = rf"{UNFOLDED_PATTERN}(?:-f\d+)?"
"""Regular expression of all ids of this space, also used to constrain the workflow's `architecture` wildcard."""


@dataclass(frozen=True, order=True)
class Architecture:
    """One network of the space; `str(architecture)` is its id, and equal networks are equal objects.

    Args:
        kernel_size, stride, padding: settings of the stem convolution (pixels).
        pool: (kernel size, stride) of the stem's max-pooling, which has padding 1; None: no pooling.
        width: output channels of the stem; the four stages have 1, 2, 4 and 8 times as many.
        fold: number of images stacked into one input, a square number (`spaces.cross.folded_net`); widths grow by its
            square root. The search grid never contains folded networks.

    >>> str(Architecture(kernel_size=3, stride=2, padding=1, pool=(3, 2), width=32))
    'k3-s2-p1-pool3s2-w32'
    """

    kernel_size: int
    stride: int
    padding: int
    pool: tuple[int, int] | None
    width: int
    fold: int = 1

    def __str__(self) -> str:
        pool = "nopool" if self.pool is None else f"pool{self.pool[0]}s{self.pool[1]}"
        fold = "" if self.fold == 1 else f"-f{self.fold}"
        return f"k{self.kernel_size}-s{self.stride}-p{self.padding}-{pool}-w{self.width}{fold}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id; the inverse of `str`.

        >>> Architecture.parse("k3-s2-p1-nopool-w32").pool is None
        True

        Raises:
            ConfigError: if the text is not an id of this space, or is not canonical (such as `k03-...`).
        """
        match = _SPELLING.fullmatch(text)
        if match:
            kernel_size, stride, padding, pool, pool_stride, width, fold = match.groups()
            pooling = (int(pool), int(pool_stride)) if pool else None
            architecture = cls(int(kernel_size), int(stride), int(padding), pooling, int(width), int(fold or 1))
            if str(architecture) == text and isqrt(architecture.fold) ** 2 == architecture.fold:
                return architecture
        raise ConfigError("not an architecture id", text, "expected something like k3-s2-p1-pool3s2-w32")

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, int]) -> Self:
        """Build the network of a raw configuration, which has one value per dimension of `CHOICES`."""
        pooled = configuration["pool_choice"] == 0
        return cls(
            configuration["kernel_size"],
            configuration["stride"],
            configuration["padding"],
            (configuration["kernel_size_pool"], configuration["stride_pool"]) if pooled else None,
            configuration["initial_output_feature"],
        )

    def configuration(self, choices: Mapping[str, Sequence[int]] = CHOICES) -> dict[str, int]:
        """A raw configuration that builds this network; if it has no pooling, with the first of the pooling choices."""
        pool = self.pool or (choices["kernel_size_pool"][0], choices["stride_pool"][0])
        return {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "pool_choice": int(self.pool is None),
            "kernel_size_pool": pool[0],
            "stride_pool": pool[1],
            "initial_output_feature": self.width,
        }


BASELINE = Architecture(kernel_size=7, stride=2, padding=3, pool=(3, 2), width=64)
"""The plain ResNet-18; it lies outside the space, and is trained and predicted like a candidate."""


def raw_configurations(choices: Mapping[str, Sequence[int]] = CHOICES) -> Iterator[dict[str, int]]:
    """Iterate over every combination of the choices, as CROSS counts them: 288 for the whole space.

    >>> len(list(raw_configurations())), len(architectures())
    (288, 180)
    """
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def architectures(choices: Mapping[str, Sequence[int]] = CHOICES) -> list[Architecture]:
    """The distinct networks of the raw configurations, in their order: 180 for the whole space."""
    return list(dict.fromkeys(map(Architecture.from_configuration, raw_configurations(choices))))


def space(choices: Mapping[str, Sequence[int]] = CHOICES) -> Space:
    """The search space of the given choices."""

    def build(configuration: Configuration) -> str:
        return str(Architecture.from_configuration({name: int(configuration[name]) for name in CHOICES}))

    return Space(choices, build, lambda text: Architecture.parse(text).configuration(choices))
