"""Differentiable search under a budget: weights and alpha alternate, and a Lagrange multiplier limits the cost.

Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, equations 2 to 4 and algorithm 1;
differs from it in: the constraint is relative, k_s / K' - 1, so that one multiplier rate works for all units; k_s sums
over the cells, each with its own channels, and includes all parts that are not searched. A search that collapses ends
as in Liang et al. 2019 (DARTS+), section 3.2. `sample_operations` samples one network per step, as in Dong and Yang
2019 (GDAS). The loss is then that of a discrete network; its mean, like k_s, is over the networks sampled from alpha.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.mixed_cells import MixedNet
from workflow_lib.search.search_task import SearchTask
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.feed import HostFeed
from workflow_lib.training.loop import batch_sizes

Numbers = NDArray[np.float64]
Batch = tuple[Tensor, Tensor]
"""(n, channels, height, width) images, and their (n,) class numbers."""

_DIFFERENCE = 1e-2
_ADAM_BETAS = (0.5, 0.999)
_LAST_RATE = 1e-3


def expected_cost(probabilities: Tensor, costs: CellCosts) -> Tensor:
    """Return k_s(alpha), the expected cost of a network whose operations are sampled from alpha (equation 3).

    Args:
        probabilities: (edges, operations) softmax of alpha.
        costs: costs of operations and networks.
    """
    edges = (probabilities * torch.tensor(costs.prices).to(probabilities)).sum()
    empty = [torch.stack([probabilities[edge, 0] for edge in node]).prod() for node in costs.nodes]
    return costs.fixed + edges + costs.sums * sum(empty)


class ConstrainedSearch:
    """A search that runs epoch by epoch.

    Args:
        network: network of mixed cells; its weights and alpha are trained in place, on their current device.
        task: the data.
        settings: hyperparameters of the search.
        costs: costs of operations and networks.
        bound: upper bound K' of the expected cost; None: no constraint.

    Attributes:
        multiplier: Lagrange multiplier lambda, at least 0.
        rows: one row per epoch, see `run`.
        paths: `probabilities` after each epoch.
    """

    def __init__(
        self, network: MixedNet, task: SearchTask, settings: CellSearchConfig, costs: CellCosts, bound: float | None
    ) -> None:
        self.network, self._task, self._settings = network, task, settings
        self._costs, self._bound, self._device = costs, bound, network.alpha.device
        self._generator = np.random.default_rng(derive_seed(task.seed, "search_cell"))
        self._weights = torch.optim.SGD(
            network.weights(), lr=settings.learning_rate, momentum=0.9, weight_decay=settings.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self._weights, settings.epochs, _LAST_RATE)
        self._alpha = torch.optim.Adam(
            [network.alpha],
            lr=settings.alpha_learning_rate,
            betas=_ADAM_BETAS,
            weight_decay=settings.alpha_weight_decay,
        )
        self.multiplier = 0.0
        self.rows: list[dict[str, float]] = []
        self.paths: list[Numbers] = []

    def run(self, checkpoint: Checkpoint | None = None) -> pd.DataFrame:
        """Search for all epochs, or until the search collapses: more than `max_skip_edges` edges favour skipping.

        Args:
            checkpoint: checkpoint from which a killed search resumes, with the same result.

        Returns:
            One row per epoch: epoch, weight_loss, alpha_loss, cost (k_s), multiplier, skips (edges whose largest alpha
            is a skip connection), seconds.

        Raises:
            UserError: if a loss is not finite.
        """
        if checkpoint and (state := checkpoint.load(self._device)):
            self._load(state)
        while len(self.rows) < self._settings.epochs:
            self.epoch()
            if self._collapsed():
                del self.rows[-1], self.paths[-1]
                print(f"search: collapsed, ended after epoch {len(self.rows)}", file=sys.stderr, flush=True)
                break
            if checkpoint and checkpoint.due:
                checkpoint.save(self._state())
        return pd.DataFrame(self.rows)

    def _state(self) -> dict[str, Any]:
        """Return the state that the next epoch depends on, and the results of past epochs."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {
            "generator": self._generator.bit_generator.state,
            "multiplier": self.multiplier,
            "rows": self.rows,
            "paths": [torch.from_numpy(path) for path in self.paths],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        """Resume from a state."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self._generator.bit_generator.state = state["generator"]
        self.multiplier, self.rows = state["multiplier"], state["rows"]
        self.paths = [path.cpu().numpy() for path in state["paths"]]

    def _parts(self) -> dict[str, Any]:
        return {
            "network": self.network, "weights": self._weights, "alpha": self._alpha, "schedule": self._schedule,
        }  # fmt: skip

    def _collapsed(self) -> bool:
        limit = self._settings.max_skip_edges
        # In the first quarter, alpha is still close to its random initialisation and not informative.
        informative = 4 * len(self.rows) > self._settings.epochs and len(self.rows) > 1
        return limit is not None and informative and self.rows[-1]["skips"] > limit

    def epoch(self) -> None:
        """Train for one epoch: a pass over the chips of the weights, and over as many chips of alpha."""
        start, task = time.perf_counter(), self._task
        weights, alpha = (HostFeed(task.view, rows, task.labels[rows]) for rows in (task.weight_rows, task.alpha_rows))
        count = min(len(task.weight_rows), len(task.alpha_rows))
        for feed, rows in ((weights, task.weight_rows), (alpha, task.alpha_rows)):
            feed.begin(self._generator.permutation(len(rows))[:count], {})
        self.network.train()
        losses = []
        for size in batch_sizes(count, self._settings.batch):
            alpha_batch, weight_batch = alpha.next(size), weights.next(size)
            losses.append((self.step_alpha(alpha_batch, weight_batch), self._step_weights(*weight_batch)))
        self._schedule.step()
        alpha_loss, weight_loss = np.mean(losses, 0).tolist()
        if not np.isfinite([alpha_loss, weight_loss]).all():
            raise UserError(
                f"the loss is {weight_loss} after epoch {len(self.rows) + 1}",
                "the search",
                "lower cell_search.learning_rate",
            )
        probabilities = self.probabilities()
        with torch.no_grad():
            cost = float(expected_cost(torch.as_tensor(probabilities), self._costs))
        row = {
            "epoch": len(self.rows) + 1, "weight_loss": weight_loss, "alpha_loss": alpha_loss, "cost": cost,
            "multiplier": self.multiplier,
            "skips": int((probabilities.argmax(1) == self.network.operations.index("skip")).sum()),
            "seconds": time.perf_counter() - start,
        }  # fmt: skip
        self.rows.append(row)
        self.paths.append(probabilities)
        print(
            f"search, epoch {row['epoch']} of {self._settings.epochs}: loss {weight_loss:.4f}, cost {cost:,.0f}, "
            f"multiplier {self.multiplier:.2f}",
            file=sys.stderr,
            flush=True,
        )

    def step_alpha(self, alpha_batch: Batch, weight_batch: Batch) -> float:
        """Take a descent step of alpha and an ascent step of the multiplier on the Lagrangian (equation 4).

        Args:
            alpha_batch: images and classes from which alpha learns.
            weight_batch: images and classes from which the weights learn next.

        Returns:
            The loss without the constraint.
        """
        if self._settings.second_order:
            loss, gradient = self.unrolled(alpha_batch, weight_batch)
        else:
            loss = self._loss(*alpha_batch)
            # If none was sampled everywhere, the network does not depend on alpha.
            (gradient,) = torch.autograd.grad(loss, [self.network.alpha], materialize_grads=True, allow_unused=True)
        self.network.alpha.grad = gradient
        (self.multiplier * self.excess()).backward()  # type: ignore[no-untyped-call]
        self._alpha.step()
        if self._bound is not None:
            with torch.no_grad():
                self.multiplier = max(0.0, self.multiplier + self._settings.multiplier_rate * float(self.excess()))
        return float(loss.detach())

    def unrolled(self, alpha_batch: Batch, weight_batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss after a step of the weights, and its gradient with respect to alpha through that step.

        The step has neither momentum nor clipping; the Hessian-vector product is a finite difference. For the arguments
        see `step_alpha`.

        Source: Liu, Simonyan and Yang 2019 (DARTS), equations 7 and 8.
        """
        weights, alpha = self.network.weights(), self.network.alpha
        original = [values.detach().clone() for values in weights]
        rate = float(self._weights.param_groups[0]["lr"])
        gradients = self._gradients(weight_batch, weights)
        with torch.no_grad():
            for values, gradient in zip(weights, gradients, strict=True):
                values.sub_(rate * (gradient + self._settings.weight_decay * values))
        loss = self._loss(*alpha_batch)
        direct, *direction = torch.autograd.grad(loss, [alpha, *weights], materialize_grads=True, allow_unused=True)
        length = _DIFFERENCE / torch.cat([part.flatten() for part in direction]).norm()
        shifted: list[Tensor] = []
        for sign in (1, -1):
            with torch.no_grad():
                for values, old, part in zip(weights, original, direction, strict=True):
                    values.copy_(old + sign * length * part)
            shifted += self._gradients(weight_batch, [alpha])
        with torch.no_grad():
            for values, old in zip(weights, original, strict=True):
                values.copy_(old)
        return loss, direct - rate * (shifted[0] - shifted[1]) / (2 * length)

    def _gradients(self, batch: Batch, parameters: list[nn.Parameter]) -> Sequence[Tensor]:
        return torch.autograd.grad(self._loss(*batch), parameters, materialize_grads=True, allow_unused=True)

    def excess(self) -> Tensor:
        """Return k_s / K' - 1, which the constraint keeps at most 0; 0 without a bound."""
        if self._bound is None:
            return 0 * self.network.alpha.sum()
        return expected_cost(torch.softmax(self.network.alpha, 1), self._costs) / self._bound - 1

    def _step_weights(self, inputs: Tensor, targets: Tensor) -> float:
        self._weights.zero_grad()
        loss = self._loss(inputs, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.weights(), self._settings.clip_norm)
        self._weights.step()
        return float(loss.detach())

    def _loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        logits = self.network(inputs.to(self._device), self.noise(), self.temperature)
        return nn.functional.cross_entropy(logits, targets.to(self._device))

    @property
    def temperature(self) -> float:
        """Temperature of the sampled operations, which changes linearly from epoch to epoch."""
        first, last = self._settings.temperature, self._settings.final_temperature
        progress = len(self.rows) / max(self._settings.epochs - 1, 1)
        return first if last is None else first + (last - first) * progress

    def noise(self) -> Tensor | None:
        """Return Gumbel noise to sample a network with, from the checkpointed generator; None: operations are mixed."""
        alpha = self.network.alpha
        return (
            torch.tensor(self._generator.gumbel(size=alpha.shape)).to(alpha)
            if self._settings.sample_operations
            else None
        )

    def probabilities(self) -> Numbers:
        """Return the (edges, operations) softmax of alpha."""
        return torch.softmax(self.network.alpha.detach().double(), 1).cpu().numpy()
