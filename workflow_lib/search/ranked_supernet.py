"""The rank-preserving supernet: fair training, then training of the best path while alpha learns the Pareto ranks.

Source: Pareto Rank-Preserving Supernetwork for HW-NAS, algorithm 1. Its three steps are `train_first`, `rank_subnets`
and `prune`; they can be repeated, and others can take their places (`search.supernet_config.VARIANTS`).
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import Rows
from workflow_lib.models.shared_weights import Supernet
from workflow_lib.pareto.dominance import choose_by_hypervolume, front_mask, pareto_ranks
from workflow_lib.search.rank_preservation import best_networks, error_and_latency, fit_alpha, membership, values_of
from workflow_lib.spaces.space import Space
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.metrics import Labels
from workflow_lib.training.supernet_training import (
    Paths,
    SupernetTrainer,
    fair_paths,
    judge_by_shared_weights,
    networks_per_fair_step,
    train_supernet,
    uniform_path,
)

Numbers = NDArray[np.float64]
TIE = 1e-3
"""Alphas of a choice that are this close are equal: the fit is no more exact than that."""
MOST = 20_000
"""Networks that are scored: all of a space that has no more."""


@dataclass(frozen=True)
class Judge:
    """How networks are judged.

    Args:
        rows: validation rows; not those that the supernet is trained on.
        labels: their class numbers.
        measure: what counts beside the cost.
        cost: id -> the second objective, less is better, such as latency from a lookup table.
    """

    rows: Rows
    labels: Labels
    measure: Literal["accuracy_pct", "cross_entropy"]
    cost: Callable[[str], float]

    def __call__(self, trainer: SupernetTrainer, networks: Sequence[str]) -> pd.DataFrame:
        """Columns architecture, accuracy_pct, cross_entropy of networks, by the shared weights."""
        judged = judge_by_shared_weights(trainer.supernet, networks, trainer.task, self.rows, self.labels)
        table = pd.DataFrame(judged, columns=["accuracy_pct", "cross_entropy"])
        table.insert(0, "architecture", list(networks))
        return table

    def losses(self, judged: pd.DataFrame) -> Numbers:
        """(n, 2): error, and cost, of networks that were judged."""
        return error_and_latency(judged, self.measure, [self.cost(name) for name in judged["architecture"]])


@dataclass
class Learned:
    """What step 2 knows.

    Attributes:
        judged: networks that were judged, each once, and what they reached the last time (see `Judge`).
        alphas: (values of all choices,) after each epoch, in the order of `rank_preservation.values_of`.
    """

    judged: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"architecture": []}))
    alphas: list[Numbers] = field(default_factory=list)

    def note(self, judged: pd.DataFrame) -> None:
        """Note what networks reach now."""
        self.judged = pd.concat([self.judged, judged]).drop_duplicates("architecture", keep="last", ignore_index=True)

    def fit(self, space: Space, judge: Judge) -> Numbers:
        """Alpha by the Pareto ranks of all that were judged; zeros if nothing was."""
        if self.judged.empty:
            return np.zeros(len(values_of(space)))
        ranks = pareto_ranks(judge.losses(self.judged))
        return fit_alpha(membership(space, self.judged["architecture"].tolist()), ranks)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"judged": self.judged.to_dict("list"), "alphas": [alpha.tolist() for alpha in self.alphas]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.judged, self.alphas = pd.DataFrame(state["judged"]), [np.array(alpha) for alpha in state["alphas"]]


@dataclass(frozen=True)
class SecondStep:
    """How step 2 goes.

    Args:
        epochs: how many.
        trains: which networks (`search.supernet_config.SupernetVariant.second`).
        judged: networks that are judged after each epoch; of those who train fronts or learn alpha.
        judges_all: at the end, judge all networks of the space.
    """

    epochs: int
    trains: Literal["uniform", "fair", "front", "alpha"]
    judged: int
    judges_all: bool


def train_first(
    trainer: SupernetTrainer,
    first: Literal["uniform", "fair"],
    epochs: int,
    checkpoint: Checkpoint | None = None,
) -> None:
    """Step 1: train all values alike.

    Args:
        trainer: of the supernet.
        first: strict fairness, or one random path per step, with as many steps of networks.
        epochs: of strict fairness.
        checkpoint: where a killed training goes on.
    """
    space = trainer.supernet.space
    if first == "fair":
        train_supernet(trainer, epochs, fair_paths(space), "fair training, ", checkpoint)
    else:
        many = epochs * networks_per_fair_step(space)
        train_supernet(trainer, many, uniform_path(space), "training of random paths, ", checkpoint)


def rank_subnets(
    trainer: SupernetTrainer,
    judge: Judge,
    step: SecondStep,
    checkpoint: Checkpoint | None = None,
    earlier: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, Learned]:
    """Step 2: train what seems best, judge networks by the shared weights, and score all by their Pareto ranks.

    In each epoch one path is trained, then networks are drawn at random, judged, ranked with all that were judged so
    far, and alpha is fitted to the ranks (`rank_preservation`). The path is that of largest alpha.

    Args:
        trainer: of the supernet, after step 1.
        judge: of networks.
        step: how many epochs, and what takes the place of alpha.
        checkpoint: where a killed job goes on.
        earlier: networks of the space that were judged before it was pruned, and what they reached (see `Judge`).

    Returns:
        One row per network of the space: architecture, score, accuracy_pct and cross_entropy where it was judged last;
        and how it came about.
    """
    space, learned = trainer.supernet.space, Learned()
    if earlier is not None:
        learned.note(earlier)
    if checkpoint and (state := checkpoint.load(trainer.device)):
        trainer.load(state)
        learned.load(state)
    # A fair step trains many networks: as many of their steps are taken as others take.
    per_step = networks_per_fair_step(space) if step.trains == "fair" else 1
    steps = max(1, round(step.epochs * trainer.steps_per_epoch / per_step))
    while (left := steps - trainer.network_steps // per_step) > 0:
        said = f"ranking, epoch {len(trainer.losses) + 1} of {math.ceil(steps / trainer.steps_per_epoch)}"
        trainer.epoch(second_paths(step.trains, space, judge, learned), said, left)
        if step.trains in ("front", "alpha"):
            _judge_some(trainer, judge, step, learned)
        if checkpoint and checkpoint.due:
            checkpoint.save(trainer.state() | learned.state())
    return _score(trainer, judge, step, learned), learned


def second_paths(trains: str, space: Space, judge: Judge, learned: Learned) -> Paths:
    """The paths that an epoch of step 2 trains."""
    if trains == "fair":
        return fair_paths(space)
    if trains == "alpha":
        return best_path(space, learned.alphas[-1] if learned.alphas else learned.fit(space, judge))
    if trains == "front" and len(learned.judged):
        front = learned.judged["architecture"][front_mask(judge.losses(learned.judged))].tolist()
        return lambda generator: [front[int(generator.integers(len(front)))]]
    return uniform_path(space)


def _judge_some(trainer: SupernetTrainer, judge: Judge, step: SecondStep, learned: Learned) -> None:
    """Judge random networks, and fit alpha to the ranks of all that were judged."""
    start = time.perf_counter()
    generator = np.random.default_rng(derive_seed(trainer.task.seed, "judge", len(trainer.losses)))
    space = trainer.supernet.space
    drawn = [space.draw(generator) for _ in range(step.judged)]
    learned.note(judge(trainer, list(dict.fromkeys(drawn))))
    if step.trains == "alpha":
        learned.alphas.append(learned.fit(space, judge))
    trainer.seconds += time.perf_counter() - start


def _score(trainer: SupernetTrainer, judge: Judge, step: SecondStep, learned: Learned) -> pd.DataFrame:
    """All networks of the space, or the best of a large one; without alpha, the score is the negative Pareto rank."""
    space = trainer.supernet.space
    start = time.perf_counter()
    latest = learned.judged
    names = list(filter(space.connected, _scored_networks(space, learned)))
    if step.judges_all:
        latest = judge(trainer, names)
    if step.trains == "alpha":
        # Its score needs nobody judged at the end, so the time of that does not count.
        by_alpha = scores(space, learned.alphas[-1], names)
        return pd.DataFrame({"architecture": names, "score": by_alpha}).merge(latest, on="architecture", how="left")
    trainer.seconds += time.perf_counter() - start
    scored = latest.assign(score=-pareto_ranks(judge.losses(latest)).astype(np.float64))
    return pd.DataFrame({"architecture": names}).merge(scored, on="architecture", how="left")


def _scored_networks(space: Space, learned: Learned) -> Iterable[str]:
    if space.size <= MOST:
        return space.networks()
    return dict.fromkeys([*best_networks(space, learned.alphas[-1], MOST), *learned.judged["architecture"]])


def best_path(space: Space, alpha: Numbers) -> Paths:
    """The path of largest alpha; a random one of those that tie."""
    tied = best_values(space, alpha)

    def draw(generator: np.random.Generator) -> Sequence[str]:
        choice = {name: values[int(generator.integers(len(values)))] for name, values in tied.items()}
        return [space.build(choice)]

    return draw


def best_values(space: Space, alpha: Numbers) -> dict[str, list[int | str]]:
    """For each choice its values of largest alpha: all that tie."""
    scored = dict(zip(values_of(space), alpha, strict=True))
    best = {}
    for name, values in space.choices.items():
        bar = max(scored[name, value] for value in values) - TIE
        best[name] = [value for value in values if scored[name, value] >= bar]
    return best


def scores(space: Space, alpha: Numbers, networks: Sequence[str]) -> Numbers:
    """P_s of networks: high where the Pareto rank is low.

    Args:
        space: of the networks.
        alpha: (values of all choices,).
        networks: ids.
    """
    return np.asarray(membership(space, networks) @ alpha, dtype=np.float64)


def prune(supernet: Supernet, networks: Sequence[str], losses: Numbers, kept: int) -> Supernet:
    """Step 3: drop the values that no good network uses.

    Args:
        supernet: not modified.
        networks: n that were judged.
        losses: (n, 2) of them.
        kept: how many of the first two ranks are good, chosen by hypervolume.

    Returns:
        A smaller supernet, with a copy of its weights.
    """
    first_two = np.flatnonzero(pareto_ranks(losses) < 2)
    chosen = first_two[choose_by_hypervolume(losses[first_two], kept)]
    return keep_used(supernet, [networks[row] for row in chosen])


def keep_used(supernet: Supernet, networks: Sequence[str]) -> Supernet:
    """A smaller supernet, with a copy of its weights, without the values that none of these networks has.

    A network without operations that lead nowhere may have none of an edge's values: any of them will do there.
    """
    used = [supernet.space.parse(name) for name in networks]
    choices = {
        name: [value for value in values if any(own[name] == value for own in used)] or list(values[:1])
        for name, values in supernet.space.choices.items()
    }
    return supernet.shrunk(replace(supernet.space, choices=choices))


def alpha_rows(space: Space, alphas: Sequence[Numbers]) -> pd.DataFrame:
    """Alpha after each epoch: columns epoch, choice, value, alpha."""
    rows = [
        (epoch, choice, str(value), float(score))
        for epoch, alpha in enumerate(alphas, start=1)
        for (choice, value), score in zip(values_of(space), alpha, strict=True)
    ]
    return pd.DataFrame(rows, columns=["epoch", "choice", "value", "alpha"])
