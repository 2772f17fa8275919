"""A few networks of a supernet in one set of weights, of which one runs at a time: switching copies nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workflow_lib.models.shared_weights import Supernet


@dataclass(frozen=True)
class Turn:
    """When a network's turn begins, as a battery empties.

    Args:
        network: id.
        begin_h: hours since the battery was full.
        begin_pct: charge that it has then.
    """

    network: str
    begin_h: float
    begin_pct: float


class Switchable(nn.Module):
    """Networks that share weights, ready to run.

    Args:
        supernet: the weights, shared with it; put them where they are wanted before.
        statistics: network -> name of a buffer -> value: its own statistics of batch norms, which cannot be shared.
        schedule: whose turn it is when, in order.

    Raises:
        ValueError: if there is no network.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, section 4.4.
    """

    def __init__(
        self, supernet: Supernet, statistics: Mapping[str, Mapping[str, Tensor]], schedule: Sequence[Turn] = ()
    ) -> None:
        super().__init__()
        if not statistics:
            raise ValueError("a runtime needs at least one network")
        self._schedule = schedule
        self._ready = {name: _share(supernet, name, own) for name, own in statistics.items()}
        self.switch(next(iter(self._ready)))

    @property
    def networks(self) -> list[str]:
        """Ids of the networks, in order."""
        return list(self._ready)

    @property
    def running(self) -> str:
        """Id of the network that runs."""
        return next(name for name, network in self._ready.items() if network is self._running)

    def switch(self, network: str) -> None:
        """Let another network run from now on.

        Raises:
            KeyError: if it is not among them.
        """
        self._running = self._ready[network]

    def switch_by_charge(self, charge_pct: float) -> None:
        """Let the network run whose turn it is at a charge of the battery (%).

        Raises:
            ValueError: if there is no schedule.
        """
        self._give_turn(turn for turn in self._schedule if turn.begin_pct >= charge_pct)

    def switch_by_clock(self, hours: float) -> None:
        """Let the network run whose turn it is so long after the battery was full.

        Raises:
            ValueError: if there is no schedule.
        """
        self._give_turn(turn for turn in self._schedule if turn.begin_h <= hours)

    def _give_turn(self, begun: Iterable[Turn]) -> None:
        if not self._schedule:
            raise ValueError("these networks have no schedule")
        self.switch([self._schedule[0], *begun][-1].network)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images by the network that runs: (n, channels, height, width) to (n, classes)."""
        with torch.inference_mode():
            logits: Tensor = self._running(x)
        return logits


def _share(supernet: Supernet, network: str, statistics: Mapping[str, Tensor]) -> nn.Module:
    """A network whose tensors are views of the supernet's, but for its statistics."""
    tensors = {name: tensor.detach() for name, tensor in supernet.tensors(network).items()}
    module = supernet.template(network)
    module.load_state_dict({**tensors, **statistics}, assign=True)
    return module.eval().requires_grad_(False)


def batch_norm_statistics(network: nn.Module) -> dict[str, Tensor]:
    """Copies of a network's buffers, by name."""
    return {name: buffer.detach().clone() for name, buffer in network.named_buffers()}
