"""A supernet in a file: its weights, its space and its training effort."""

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
from workflow_lib.search.supernet_pruning import PruningName, prune
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.networks import parse
from workflow_lib.training.checkpoint import load_tensors, save_tensors
from workflow_lib.training.supernet_paths import extreme_networks
from workflow_lib.training.supernet_training import SupernetTrainer

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class StoredSupernet:
    """A supernet between two steps: the content of its file.

    Args:
        supernet: the weights and the space.
        space_name: cross, nasbench201, darts or mobilenet.
        skeleton: skeleton of networks of cells.
        channels: number of bands of the input images.
        classes: number of outputs (logits).
        network_steps: total number of training steps so far, counted per network.
        seconds: time of these steps and of the evaluation of networks (s).
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
        """Make a supernet with random weights.

        Args:
            space_name: see `StoredSupernet`.
            choices: choice -> values of the space; see `make_supernet`.
            skeleton: see `StoredSupernet`.
            channels: number of bands of the input images.
            classes: number of outputs (logits).
            seed: seed of the initial weights.
        """
        torch.manual_seed(derive_seed(seed, "weights"))
        supernet = make_supernet(space_name, choices, skeleton, channels, classes)
        return cls(supernet, space_name, skeleton, channels, classes)

    @classmethod
    def load(cls, path: Path) -> "StoredSupernet":
        """Read a file that `save` wrote."""
        state = load_tensors(path)
        skeleton = Skeleton(*state["skeleton"])
        supernet = make_supernet(state["space_name"], state["choices"], skeleton, state["channels"], state["classes"])
        supernet.load_state_dict(state["weights"])
        return cls(
            supernet, skeleton=skeleton,
            **{name: state[name] for name in ("space_name", "channels", "classes", "network_steps", "seconds")},
        )  # fmt: skip

    def save(self, path: Path, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Write the file atomically.

        Args:
            path: the file.
            more: further entries of the file.
        """
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
        """Return the supernet with the effort of a trainer added, after the trainer has trained it."""
        return replace(
            self,
            network_steps=self.network_steps + trainer.network_steps,
            seconds=self.seconds + trainer.seconds,
        )

    def extremes(self, size_px: int) -> tuple[str, str]:
        """Find the networks with the most and the fewest multiply-adds for images with a side of `size_px` pixels."""
        return extreme_networks(
            self.supernet.space, lambda name: parse(name).costs(self.channels, self.classes, size_px).multiply_adds
        )

    def pruned(self, networks: Sequence[str], losses: Numbers, by: PruningName, kept: int) -> "StoredSupernet":
        """Return a pruned copy; see `supernet_pruning.prune`."""
        return replace(self, supernet=prune(self.supernet, networks, losses, by, kept))
