"""Several networks of one trained supernet in one file, for a device that switches between them."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pandas as pd
from torch import Tensor

from workflow_lib.models.switchable import Switchable, Turn, batch_norm_statistics
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.search.supernet_pruning import keep_used
from workflow_lib.training.checkpoint import load_tensors
from workflow_lib.training.supernet_training import SupernetTask, extract_network


@dataclass(frozen=True)
class Packed:
    """The content of a file of packed networks.

    Args:
        net: the supernet, without the weights that no network uses.
        statistics: network -> buffer name -> batch-norm statistics, which networks cannot share.
        schedule: when each network runs.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, section 4.4.
    """

    net: StoredSupernet
    statistics: Mapping[str, Mapping[str, Tensor]]
    schedule: Sequence[Turn] = ()

    def runtime(self) -> Switchable:
        """Return the networks, ready to run."""
        return Switchable(self.net.supernet, self.statistics, self.schedule)

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        statistics = {name: dict(buffers) for name, buffers in self.statistics.items()}
        self.net.save(path, {"statistics": statistics, "schedule": [list(astuple(turn)) for turn in self.schedule]})

    @classmethod
    def load(cls, path: Path) -> "Packed":
        """Read a file that `save` wrote."""
        state = load_tensors(path)
        return cls(StoredSupernet.load(path), state["statistics"], [Turn(*turn) for turn in state.get("schedule", [])])


def pack(net: StoredSupernet, networks: Sequence[str], task: SupernetTask, schedule: Sequence[Turn] = ()) -> Packed:
    """Pack networks: keep only the weights of a supernet that they need.

    Args:
        net: a trained supernet that contains the networks.
        networks: ids of the networks.
        task: the training task of the supernet; some of its training chips provide the batch-norm statistics.
        schedule: when each network runs.
    """
    smaller = keep_used(net.supernet, networks)
    statistics = {name: batch_norm_statistics(extract_network(smaller, name, task)) for name in networks}
    return Packed(replace(net, supernet=smaller), statistics, schedule)


def describe_packed(packed: Packed, evaluations: Sequence[tuple[float, float]]) -> pd.DataFrame:
    """Tabulate the accuracy and size of packed networks: the columns of PACKED without the channels.

    Args:
        packed: the networks.
        evaluations: accuracy (%) and cross-entropy (nat) of each network.
    """
    supernet = packed.net.supernet
    statistics = sum(_bytes(buffers) for buffers in packed.statistics.values())
    shared = _bytes(dict(supernet.named_parameters())) + statistics
    separate = [_bytes(supernet.tensors(name)) for name in packed.statistics]
    table = pd.DataFrame(evaluations, columns=["accuracy_pct", "cross_entropy"])
    return table.assign(architecture=list(packed.statistics), own_bytes=separate, shared_bytes=shared)


def _bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
