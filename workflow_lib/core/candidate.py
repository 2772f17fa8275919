"""A candidate: one network, trained with one batch size and one recipe on one channel set, in one precision."""

from typing import Final, Literal, NamedTuple, Self

KEYS = ["channels", "batch", "architecture", "recipe", "precision"]
"""Columns that together identify a candidate in tables, in the order of the fields of `Candidate`."""

NETWORK_KEYS = ["channels", "architecture", "precision"]
"""Columns that together identify a network as it is deployed, on which its costs depend."""

Precision = Literal["fp32", "fp16", "int8"]
"""Numbers of a deployed network: 32-bit floats, 16-bit floats, or 8-bit integers for weights and activations."""

BYTES: Final[dict[str, int]] = {"fp32": 4, "fp16": 2, "int8": 1}
"""Bytes of one number in each precision."""

TRAINED: Final[Precision] = "fp32"
"""The precision of every network before it is converted to another one."""

CONVERTED: Final[tuple[Precision, ...]] = ("fp16", "int8")
"""Precisions to which a trained network can be converted; they end the names of candidates."""


class Candidate(NamedTuple):
    """The identity of a candidate. `str` gives its name in tables, figures and folders.

    Attributes:
        channels: name of the channel set.
        batch: training batch size (chips).
        architecture: id of the network.
        recipe: name of the training recipe; empty if the run has only one.
        precision: numbers of the deployed network; fp32 is what was trained.

    >>> str(Candidate("rgb", 16, "k3-s2-p1-pool0-w32-f4"))
    'rgb_b16_k3-s2-p1-pool0-w32-f4'
    >>> str(Candidate("rgb", 16, "k3-s2-p1-pool0-w32-f4", "field", "int8"))
    'rgb_b16-field_k3-s2-p1-pool0-w32-f4_int8'
    """

    channels: str
    batch: int
    architecture: str
    recipe: str = ""
    precision: Precision = TRAINED

    def __str__(self) -> str:
        ending = "" if self.precision == TRAINED else f"_{self.precision}"
        return f"{self.channels}_b{self.setting}_{self.architecture}{ending}"

    @property
    def setting(self) -> str:
        """Batch size and recipe in one word, which is the value of the wildcard `batch` of the rules."""
        return f"{self.batch}-{self.recipe}" if self.recipe else str(self.batch)

    @property
    def folder(self) -> str:
        """Folder of its trainings, below that of the rule; all precisions of a network share its trainings."""
        return f"{self.channels}/{self.setting}/{self.architecture}"

    @property
    def as_trained(self) -> Self:
        """The candidate whose training it shares: the same one in fp32."""
        return self._replace(precision=TRAINED)

    @classmethod
    def of(cls, channels: str, setting: str, architecture: str, precision: Precision = TRAINED) -> Self:
        """Return the candidate with the given `setting`."""
        batch, _, recipe = setting.partition("-")
        return cls(channels, int(batch), architecture, recipe, precision)

    @classmethod
    def parse(cls, name: str) -> Self:
        """Parse a candidate's name; the inverse of `str`. Ids of networks contain no underscore."""
        precision = next((each for each in CONVERTED if name.endswith(f"_{each}")), TRAINED)
        channels, setting, architecture = name.removesuffix(f"_{precision}").rsplit("_", 2)
        return cls.of(channels, setting.removeprefix("b"), architecture, precision)
