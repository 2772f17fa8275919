"""A candidate: one network trained with one batch size and one recipe on one channel set."""

from typing import NamedTuple, Self

KEYS = ["channels", "batch", "architecture", "recipe"]
"""Columns that together identify a candidate in tables, in the order of the fields of `Candidate`."""


class Candidate(NamedTuple):
    """The identity of a candidate. `str` gives its name in tables, figures and folders.

    Attributes:
        channels: name of the channel set.
        batch: training batch size (chips).
        architecture: id of the network.
        recipe: name of the training recipe; empty if the run has only one.

    >>> str(Candidate("rgb", 16, "k3-s2-p1-pool0-w32-f4"))
    'rgb_b16_k3-s2-p1-pool0-w32-f4'
    >>> str(Candidate("rgb", 16, "k3-s2-p1-pool0-w32-f4", "field"))
    'rgb_b16-field_k3-s2-p1-pool0-w32-f4'
    """

    channels: str
    batch: int
    architecture: str
    recipe: str = ""

    def __str__(self) -> str:
        return f"{self.channels}_b{self.setting}_{self.architecture}"

    @property
    def setting(self) -> str:
        """Batch size and recipe in one word, which is the value of the wildcard `batch` of the rules."""
        return f"{self.batch}-{self.recipe}" if self.recipe else str(self.batch)

    @property
    def folder(self) -> str:
        """Folder of its trainings, below that of the rule."""
        return f"{self.channels}/{self.setting}/{self.architecture}"

    @classmethod
    def of(cls, channels: str, setting: str, architecture: str) -> Self:
        """Return the candidate with the given `setting`."""
        batch, _, recipe = setting.partition("-")
        return cls(channels, int(batch), architecture, recipe)

    @classmethod
    def parse(cls, name: str) -> Self:
        """Parse a candidate's name; the inverse of `str`."""
        channels, setting, architecture = name.rsplit("_", 2)
        return cls.of(channels, setting.removeprefix("b"), architecture)
