"""Networks of one trained supernet in one file, for a device that switches between them."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pandas as pd
from torch import Tensor

from workflow_lib.models.switchable import Switchable, Turn, batch_norm_statistics
from workflow_lib.search.ranked_supernet import keep_used
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.training.checkpoint import load_tensors
from workflow_lib.training.supernet_training import SupernetTask, cut_with_own_norms


@dataclass(frozen=True)
class Packed:
    """What the file holds.

    Args:
        net: the supernet, without what none of the networks uses.
        statistics: network -> name of a buffer -> its own statistics of batch norms, which cannot be shared.
        schedule: whose turn it is when.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, section 4.4.
    """

    net: StoredSupernet
    statistics: Mapping[str, Mapping[str, Tensor]]
    schedule: Sequence[Turn] = ()

    def runtime(self) -> Switchable:
        """The networks, ready to run."""
        return Switchable(self.net.supernet, self.statistics, self.schedule)

    def save(self, path: Path) -> None:
        """Write all of it, atomically."""
        statistics = {name: dict(own) for name, own in self.statistics.items()}
        self.net.save(path, {"statistics": statistics, "schedule": [list(astuple(turn)) for turn in self.schedule]})

    @classmethod
    def load(cls, path: Path) -> "Packed":
        """Read what `save` wrote."""
        state = load_tensors(path)
        return cls(StoredSupernet.load(path), state["statistics"], [Turn(*turn) for turn in state.get("schedule", [])])


def pack(net: StoredSupernet, networks: Sequence[str], task: SupernetTask, schedule: Sequence[Turn] = ()) -> Packed:
    """Keep what some networks need.

    Args:
        net: a trained supernet that holds them.
        networks: ids.
        task: what it was trained on: each network's statistics are taken from some of its training chips.
        schedule: whose turn it is when.
    """
    smaller = keep_used(net.supernet, networks)
    own = {name: batch_norm_statistics(cut_with_own_norms(smaller, name, task)) for name in networks}
    return Packed(replace(net, supernet=smaller), own, schedule)


def describe_packed(packed: Packed, judged: Sequence[tuple[float, float]]) -> pd.DataFrame:
    """Columns of PACKED, without the channels.

    Args:
        packed: the networks.
        judged: accuracy (%) and cross-entropy of each.
    """
    supernet = packed.net.supernet
    statistics = sum(_bytes(own) for own in packed.statistics.values())
    shared = _bytes(dict(supernet.named_parameters())) + statistics
    own = [_bytes(supernet.tensors(name)) for name in packed.statistics]
    table = pd.DataFrame(judged, columns=["accuracy_pct", "cross_entropy"])
    return table.assign(architecture=list(packed.statistics), own_bytes=own, shared_bytes=shared)


def _bytes(tensors: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
