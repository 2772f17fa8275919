"""A candidate: one network trained with one batch size on one channel set."""

from typing import NamedTuple, Self

KEYS = ["channels", "batch", "architecture"]
"""Columns that together identify a candidate in tables."""


class Candidate(NamedTuple):
    """The identity of a candidate. `str` gives its name in tables, figures and folders.

    Attributes:
        channels: name of the channel set.
        batch: training batch size (chips).
        architecture: id of the network.

    >>> str(Candidate("rgb", 16, "k3-s2-p1-pool0-w32-f4"))
    'rgb_b16_k3-s2-p1-pool0-w32-f4'
    """

    channels: str
    batch: int
    architecture: str

    def __str__(self) -> str:
        return f"{self.channels}_b{self.batch}_{self.architecture}"

    @classmethod
    def parse(cls, name: str) -> Self:
        """Parse a candidate's name; the inverse of `str`."""
        channels, batch, architecture = name.rsplit("_", 2)
        return cls(channels, int(batch.removeprefix("b")), architecture)
