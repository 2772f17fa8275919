"""A supernet in a file: its weights, its space and how it was trained."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from workflow_lib.core.seeds import derive_seed
from workflow_lib.models.shared_weights import Supernet, make_supernet
from workflow_lib.search.ranked_supernet import prune
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.training.checkpoint import load_tensors, save_tensors
from workflow_lib.training.supernet_training import (
    SupernetTrainer,
)

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class StoredSupernet:
    """A supernet between two steps: what its file holds.

    Args:
        supernet: the weights.
        space_name: cross, nasbench201, darts or mobilenet.
        skeleton: of networks of cells.
        channels, classes: of its networks.
        network_steps: how many networks' steps it was trained for, from its beginning.
        seconds: that they took, and the judging of networks.
    """

    supernet: Supernet
    space_name: str
    skeleton: Skeleton
    channels: int
    classes: int
    network_steps: int = 0
    seconds: float = 0.0

    @classmethod
    def fresh(
        cls,
        space_name: str,
        choices: Mapping[str, Sequence[int | str]],
        skeleton: Skeleton,
        channels: int,
        classes: int,
        seed: int,
    ) -> "StoredSupernet":
        """A supernet that was not trained yet; see `make_supernet`."""
        torch.manual_seed(derive_seed(seed, "weights"))
        supernet = make_supernet(space_name, choices, skeleton, channels, classes)
        return cls(supernet, space_name, skeleton, channels, classes)

    @classmethod
    def load(cls, path: Path) -> "StoredSupernet":
        """Read what `save` wrote."""
        state = load_tensors(path)
        skeleton = Skeleton(*state["skeleton"])
        supernet = make_supernet(state["space_name"], state["choices"], skeleton, state["channels"], state["classes"])
        supernet.load_state_dict(state["weights"])
        return cls(
            supernet, skeleton=skeleton,
            **{name: state[name] for name in ("space_name", "channels", "classes", "network_steps", "seconds")},
        )  # fmt: skip

    def save(self, path: Path, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write all of it, atomically, and more beside it."""
        save_tensors(
            {
                **more,
                "space_name": self.space_name,
                "skeleton": list(astuple(self.skeleton)),
                "choices": {name: list(values) for name, values in self.supernet.space.choices.items()},
                "channels": self.channels,
                "classes": self.classes,
                "network_steps": self.network_steps,
                "seconds": self.seconds,
                "weights": self.supernet.state_dict(),
            },
            path,
        )

    def trained(self, trainer: SupernetTrainer) -> "StoredSupernet":
        """The same after a trainer has trained it."""
        return replace(
            self,
            network_steps=self.network_steps + trainer.network_steps,
            seconds=self.seconds + trainer.seconds,
        )

    def pruned(self, networks: Sequence[str], losses: Numbers, kept: int) -> "StoredSupernet":
        """A smaller one; see `prune`."""
        return replace(self, supernet=prune(self.supernet, networks, losses, kept))
