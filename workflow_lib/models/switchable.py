"""Several networks of a supernet in one set of weights, of which one is active; switching copies no weights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from workflow_lib.models.shared_weights import Supernet


@dataclass(frozen=True)
class Turn:
    """When a network becomes active while a battery discharges.

    Args:
        network: id of the network.
        begin_h: start of its turn (hours since the battery was full).
        begin_pct: charge of the battery at that time (%).
    """

    network: str
    begin_h: float
    begin_pct: float


class Switchable(nn.Module):
    """Networks that share weights and are ready to run.

    Args:
        supernet: owner of the shared weights; move it to the target device first.
        statistics: network -> buffer name -> value of the buffer, shaped (c,), or () for a counter: the network's own
            batch-norm statistics, which cannot be shared.
        schedule: turns of the networks, in order of time.

    Raises:
        ValueError: if `statistics` is empty.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, section 4.4.
    """

    def __init__(
        self, supernet: Supernet, statistics: Mapping[str, Mapping[str, Tensor]], schedule: Sequence[Turn] = ()
    ) -> None:
        super().__init__()
        if not statistics:
            raise ValueError("statistics: no network; give at least one")
        self._schedule = schedule
        self._modules_by_id = {name: _share(supernet, name, buffers) for name, buffers in statistics.items()}
        self.switch(next(iter(self._modules_by_id)))

    @property
    def networks(self) -> list[str]:
        """Ids of the networks, in order."""
        return list(self._modules_by_id)

    @property
    def running(self) -> str:
        """Id of the active network."""
        return next(name for name, network in self._modules_by_id.items() if network is self._running)

    def switch(self, network: str) -> None:
        """Make a network the active one.

        Raises:
            KeyError: if it is not one of `networks`.
        """
        self._running = self._modules_by_id[network]

    def switch_by_charge(self, charge_pct: float) -> None:
        """Activate the network that is scheduled at a charge of the battery (%).

        Raises:
            ValueError: if there is no schedule.
        """
        self._give_turn(turn for turn in self._schedule if turn.begin_pct >= charge_pct)

    def switch_by_clock(self, hours: float) -> None:
        """Activate the network that is scheduled at a time (hours since the battery was full).

        Raises:
            ValueError: if there is no schedule.
        """
        self._give_turn(turn for turn in self._schedule if turn.begin_h <= hours)

    def _give_turn(self, begun: Iterable[Turn]) -> None:
        if not self._schedule:
            raise ValueError("these networks have no schedule; give one, or use switch")
        self.switch([self._schedule[0], *begun][-1].network)

    def forward(self, x: Tensor) -> Tensor:
        """Classify images with the active network.

        Args:
            x: (n, channels, height, width) images.

        Returns:
            (n, classes) logits.
        """
        with torch.inference_mode():
            logits: Tensor = self._running(x)
        return logits


def _share(supernet: Supernet, network: str, statistics: Mapping[str, Tensor]) -> nn.Module:
    """Build a network whose tensors are views of the supernet's, except its own statistics."""
    tensors = {name: tensor.detach() for name, tensor in supernet.tensors(network).items()}
    module = supernet.template(network)
    module.load_state_dict({**tensors, **statistics}, assign=True)
    return module.eval().requires_grad_(False)


def batch_norm_statistics(network: nn.Module) -> dict[str, Tensor]:
    """Copy a network's buffers, keyed by name."""
    return {name: buffer.detach().clone() for name, buffer in network.named_buffers()}
