"""Differentiable search under a budget: weights and architecture take turns, and a multiplier holds the cost down.

Source: Dutta, Kanvar and Agarwal, Search-time Efficient Device Constraints-Aware NAS, equations 2 to 4 and algorithm 1;
differs from it in: the constraint is relative, k_s / K' - 1, so that one rate of the multiplier serves all units, and
k_s adds up cell by cell, each with its own channels, and all that is not searched. The end of a search that collapses
is that of Liang et al. 2019 (DARTS+), section 3.2. `sample_operations` draws one network per step, as in Dong and Yang
2019 (GDAS): the loss is then that of a network that exists, and its mean, like k_s, is over the networks that alpha
draws.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workflow_lib.core.errors import UserError
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.mixed_cells import MixedNet
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.feed import HostFeed
from workflow_lib.training.loop import batch_sizes
from workflow_lib.training.metrics import Labels

Numbers = NDArray[np.float64]
Batch = tuple[Tensor, Tensor]
"""Images, (n, channels, height, width), and their classes."""

_DIFFERENCE = 1e-2
_ADAM_BETAS = (0.5, 0.999)
_LAST_RATE = 1e-3


@dataclass(frozen=True)
class SearchTask:
    """What a search learns from.

    Args:
        view: the chips.
        weight_rows, alpha_rows: rows that train weights, and those that train alpha; no row is in both.
        labels: class number of every row of the view.
        seed: of the order of the chips.
    """

    view: ChipView
    weight_rows: Rows
    alpha_rows: Rows
    labels: Labels
    seed: int


def halves(rows: Rows, labels: Labels, seed: int) -> tuple[Rows, Rows]:
    """Two halves of some rows, at random, with as many of each class.

    Args:
        rows: (n,) to divide.
        labels: class number of every row of the view.
        seed: of the draw.
    """
    shuffled = np.random.default_rng(derive_seed(seed, "halves")).permutation(rows)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return np.sort(by_class[::2]), np.sort(by_class[1::2])


def expected_cost(probabilities: Tensor, costs: CellCosts) -> Tensor:
    """k_s(alpha): what a network costs in the mean, when each edge draws its operation (equation 3).

    Args:
        probabilities: (edges, operations), softmax of alpha.
        costs: of networks.
    """
    edges = (probabilities * torch.tensor(costs.prices).to(probabilities)).sum()
    empty = [torch.stack([probabilities[edge, 0] for edge in node]).prod() for node in costs.nodes]
    return costs.fixed + edges + costs.sums * sum(empty)


class ConstrainedSearch:
    """A search, an epoch at a time.

    Args:
        network: of mixed cells; its weights and alpha are trained in place, on the device where they are.
        task: what it learns from.
        settings: how.
        costs: of networks.
        bound: K', on the expected cost; None: no constraint.

    Attributes:
        multiplier: lambda, at least 0.
        rows: one per epoch, see `run`.
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
        """Search for all epochs, or until one collapses: more edges than `max_skip_edges` favour a skip connection.

        Args:
            checkpoint: where a killed search goes on, with the same result.

        Returns:
            One row per epoch: epoch, weight_loss, alpha_loss, cost (k_s), multiplier, skips (edges whose largest alpha
            is a skip connection), seconds.

        Raises:
            UserError: if a loss stops being finite.
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
        """All that the next epoch depends on, and what is reported of the past ones."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {
            "generator": self._generator.bit_generator.state,
            "multiplier": self.multiplier,
            "rows": self.rows,
            "paths": [torch.from_numpy(path) for path in self.paths],
        }

    def _load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
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
        most = self._settings.max_skip_edges
        # Alpha is near its random start in the first quarter, and what it favours says nothing yet.
        begun = 4 * len(self.rows) > self._settings.epochs and len(self.rows) > 1
        return most is not None and begun and self.rows[-1]["skips"] > most

    def epoch(self) -> None:
        """Go once through the chips of the weights, and through as many of alpha's."""
        start, task = time.perf_counter(), self._task
        weights, alpha = (HostFeed(task.view, rows, task.labels[rows]) for rows in (task.weight_rows, task.alpha_rows))
        count = min(len(task.weight_rows), len(task.alpha_rows))
        for feed, rows in ((weights, task.weight_rows), (alpha, task.alpha_rows)):
            feed.begin(self._generator.permutation(len(rows))[:count])
        self.network.train()
        losses = []
        for size in batch_sizes(count, self._settings.batch):
            judged, learned = alpha.next(size), weights.next(size)
            losses.append((self.step_alpha(judged, learned), self._step_weights(*learned)))
        self._schedule.step()
        alpha_loss, weight_loss = np.mean(losses, 0).tolist()
        if not np.isfinite([alpha_loss, weight_loss]).all():
            raise UserError(
                f"the search's loss is {weight_loss} after epoch {len(self.rows) + 1}",
                "the search",
                "lower learning_rate",
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

    def step_alpha(self, judged: Batch, learned: Batch) -> float:
        """Lower the Lagrangian by alpha, raise it by the multiplier (equation 4).

        Args:
            judged: images and classes that alpha learns from.
            learned: those that the weights are about to learn from.

        Returns:
            The loss without the constraint.
        """
        if self._settings.second_order:
            loss, gradient = self.unrolled(judged, learned)
        else:
            loss = self._loss(*judged)
            # A network of which nothing was drawn does not depend on alpha.
            (gradient,) = torch.autograd.grad(loss, [self.network.alpha], materialize_grads=True, allow_unused=True)
        self.network.alpha.grad = gradient
        (self.multiplier * self.excess()).backward()  # type: ignore[no-untyped-call]
        self._alpha.step()
        if self._bound is not None:
            with torch.no_grad():
                self.multiplier = max(0.0, self.multiplier + self._settings.multiplier_rate * float(self.excess()))
        return float(loss.detach())

    def unrolled(self, judged: Batch, learned: Batch) -> tuple[Tensor, Tensor]:
        """The loss after a step of the weights, and its gradient by alpha through that step.

        The step has neither momentum nor clipping; the product with the Hessian is a difference.

        Args:
            judged, learned: as in `step_alpha`.

        Source: Liu, Simonyan and Yang 2019 (DARTS), equations 7 and 8.
        """
        weights, alpha = self.network.weights(), self.network.alpha
        kept = [values.detach().clone() for values in weights]
        rate = float(self._weights.param_groups[0]["lr"])
        slopes = self._slopes(learned, weights)
        with torch.no_grad():
            for values, slope in zip(weights, slopes, strict=True):
                values.sub_(rate * (slope + self._settings.weight_decay * values))
        loss = self._loss(*judged)
        direct, *direction = torch.autograd.grad(loss, [alpha, *weights], materialize_grads=True, allow_unused=True)
        length = _DIFFERENCE / torch.cat([part.flatten() for part in direction]).norm()
        by_alpha: list[Tensor] = []
        for sign in (1, -1):
            with torch.no_grad():
                for values, old, part in zip(weights, kept, direction, strict=True):
                    values.copy_(old + sign * length * part)
            by_alpha += self._slopes(learned, [alpha])
        with torch.no_grad():
            for values, old in zip(weights, kept, strict=True):
                values.copy_(old)
        return loss, direct - rate * (by_alpha[0] - by_alpha[1]) / (2 * length)

    def _slopes(self, batch: Batch, of: list[nn.Parameter]) -> Sequence[Tensor]:
        return torch.autograd.grad(self._loss(*batch), of, materialize_grads=True, allow_unused=True)

    def excess(self) -> Tensor:
        """k_s / K' - 1: what the constraint holds at 0 or below; 0 without a bound."""
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
        logits = self.network(inputs.to(self._device), self.noise())
        return nn.functional.cross_entropy(logits, targets.to(self._device))

    def noise(self) -> Tensor | None:
        """What the next network is drawn by, from the generator that a killed search keeps; None: all are mixed."""
        alpha = self.network.alpha
        return (
            torch.tensor(self._generator.gumbel(size=alpha.shape)).to(alpha)
            if self._settings.sample_operations
            else None
        )

    def probabilities(self) -> Numbers:
        """(edges, operations) softmax of alpha."""
        return torch.softmax(self.network.alpha.detach().double(), 1).cpu().numpy()
