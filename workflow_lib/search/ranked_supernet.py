"""The rank-preserving supernet: fair training, then training of the best path while alpha learns the Pareto ranks.

Source: Pareto Rank-Preserving Supernetwork for HW-NAS, algorithm 1. Its three steps are `train_first`, `rank_subnets`
and `prune`; they can be repeated or replaced (`search.supernet_config.VARIANTS`).
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
    evaluate_with_shared_weights,
    fair_paths,
    networks_per_fair_step,
    train_supernet,
    uniform_path,
)

Numbers = NDArray[np.float64]
ALPHA_TIE = 1e-3  # alphas of a choice that differ by at most this tie, because the fit is not more exact
MAX_SCORED = 20_000  # maximum number of networks to score; smaller spaces are scored completely


@dataclass(frozen=True)
class Judge:
    """The evaluation of networks with the shared weights.

    Args:
        rows: (n,) validation rows, disjoint from the training rows of the supernet.
        labels: (n,) class numbers of these rows.
        measure: metric that is ranked together with the cost.
        cost: function from id to the second objective, minimised, such as latency from a lookup table.
    """

    rows: Rows
    labels: Labels
    measure: Literal["accuracy_pct", "cross_entropy"]
    cost: Callable[[str], float]

    def __call__(self, trainer: SupernetTrainer, networks: Sequence[str]) -> pd.DataFrame:
        """Evaluate networks: columns architecture, accuracy_pct, cross_entropy."""
        evaluations = evaluate_with_shared_weights(trainer.supernet, networks, trainer.task, self.rows, self.labels)
        table = pd.DataFrame(evaluations, columns=["accuracy_pct", "cross_entropy"])
        table.insert(0, "architecture", list(networks))
        return table

    def losses(self, evaluated: pd.DataFrame) -> Numbers:
        """Return the (n, 2) losses, error and cost, of n evaluated networks."""
        return error_and_latency(evaluated, self.measure, [self.cost(name) for name in evaluated["architecture"]])


@dataclass
class RankingProgress:
    """The state of step 2.

    Attributes:
        evaluated: evaluated networks, each once, with their latest results (see `Judge`).
        alphas: (k,) parameters after each epoch, in the order of `rank_preservation.values_of`.
    """

    evaluated: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"architecture": []}))
    alphas: list[Numbers] = field(default_factory=list)

    def note(self, new: pd.DataFrame) -> None:
        """Store the latest results of networks."""
        table = pd.concat([self.evaluated, new])
        self.evaluated = table.drop_duplicates("architecture", keep="last", ignore_index=True)

    def fit(self, space: Space, judge: Judge) -> Numbers:
        """Fit alpha to the Pareto ranks of all evaluated networks; zeros if there are none."""
        if self.evaluated.empty:
            return np.zeros(len(values_of(space)))
        ranks = pareto_ranks(judge.losses(self.evaluated))
        return fit_alpha(membership(space, self.evaluated["architecture"].tolist()), ranks)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"judged": self.evaluated.to_dict("list"), "alphas": [alpha.tolist() for alpha in self.alphas]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Resume from a state."""
        self.evaluated, self.alphas = pd.DataFrame(state["judged"]), [np.array(alpha) for alpha in state["alphas"]]


@dataclass(frozen=True)
class RankingSettings:
    """The settings of step 2.

    Args:
        epochs: number of epochs.
        trains: networks to train (`search.supernet_config.SupernetVariant.second`).
        judged: number of networks evaluated after each epoch if `trains` is front or alpha.
        evaluates_all: whether all networks of the space are evaluated at the end.
    """

    epochs: int
    trains: Literal["uniform", "fair", "front", "alpha"]
    judged: int
    evaluates_all: bool


def train_first(
    trainer: SupernetTrainer, first: Literal["uniform", "fair"], epochs: int, checkpoint: Checkpoint | None = None
) -> None:
    """Step 1: train all values of all choices equally.

    Args:
        trainer: trainer of the supernet.
        first: strict fairness, or one random path per step with the same number of network steps.
        epochs: number of epochs of strict fairness.
        checkpoint: checkpoint from which a killed training resumes.
    """
    space = trainer.supernet.space
    if first == "fair":
        train_supernet(trainer, epochs, fair_paths(space), "fair training, ", checkpoint)
    else:
        path_epochs = epochs * networks_per_fair_step(space)
        train_supernet(trainer, path_epochs, uniform_path(space), "training of random paths, ", checkpoint)


def rank_subnets(
    trainer: SupernetTrainer,
    judge: Judge,
    step: RankingSettings,
    checkpoint: Checkpoint | None = None,
    earlier: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, RankingProgress]:
    """Step 2: train the best path, evaluate networks with the shared weights, and score all by their Pareto ranks.

    In each epoch, the path of largest alpha is trained. Then random networks are evaluated and ranked together with all
    networks evaluated so far, and alpha is fitted to the ranks (`rank_preservation`).

    Args:
        trainer: trainer of the supernet, after step 1.
        judge: evaluation of networks.
        step: number of epochs, and the alternatives to alpha.
        checkpoint: checkpoint from which a killed job resumes.
        earlier: networks of the space that were evaluated before it was pruned, with their results (see `Judge`).

    Returns:
        One row per network of the space: architecture, score, and the latest accuracy_pct and cross_entropy; and the
        state of step 2.
    """
    space, progress = trainer.supernet.space, RankingProgress()
    if earlier is not None:
        progress.note(earlier)
    if checkpoint and (state := checkpoint.load(trainer.device)):
        trainer.load(state)
        progress.load(state)
    # A fair step trains many networks; the number of network steps is the same for all variants.
    per_step = networks_per_fair_step(space) if step.trains == "fair" else 1
    steps = max(1, round(step.epochs * trainer.steps_per_epoch / per_step))
    while (left := steps - trainer.network_steps // per_step) > 0:
        message = f"ranking, epoch {len(trainer.losses) + 1} of {math.ceil(steps / trainer.steps_per_epoch)}"
        trainer.epoch(second_paths(step.trains, space, judge, progress), message, left)
        if step.trains in ("front", "alpha"):
            _evaluate_sample(trainer, judge, step, progress)
        if checkpoint and checkpoint.due:
            checkpoint.save(trainer.state() | progress.state())
    return _score(trainer, judge, step, progress), progress


def second_paths(trains: str, space: Space, judge: Judge, progress: RankingProgress) -> Paths:
    """Return the paths that an epoch of step 2 trains.

    Args:
        trains: see `RankingSettings`.
        space: the space of the supernet.
        judge: evaluation of networks.
        progress: the state of step 2.
    """
    if trains == "fair":
        return fair_paths(space)
    if trains == "alpha":
        return best_path(space, progress.alphas[-1] if progress.alphas else progress.fit(space, judge))
    if trains == "front" and len(progress.evaluated):
        front = progress.evaluated["architecture"][front_mask(judge.losses(progress.evaluated))].tolist()
        return lambda generator: [front[int(generator.integers(len(front)))]]
    return uniform_path(space)


def _evaluate_sample(trainer: SupernetTrainer, judge: Judge, step: RankingSettings, progress: RankingProgress) -> None:
    """Evaluate random networks, and fit alpha to the ranks of all evaluated networks."""
    start = time.perf_counter()
    generator = np.random.default_rng(derive_seed(trainer.task.seed, "judge", len(trainer.losses)))
    space = trainer.supernet.space
    drawn = [space.draw(generator) for _ in range(step.judged)]
    progress.note(judge(trainer, list(dict.fromkeys(drawn))))
    if step.trains == "alpha":
        progress.alphas.append(progress.fit(space, judge))
    trainer.seconds += time.perf_counter() - start


def _score(trainer: SupernetTrainer, judge: Judge, step: RankingSettings, progress: RankingProgress) -> pd.DataFrame:
    """Score all networks of the space, or the best of a large one; without alpha, by the negative Pareto rank."""
    space = trainer.supernet.space
    start = time.perf_counter()
    latest = progress.evaluated
    names = list(filter(space.connected, _scored_networks(space, progress)))
    if step.evaluates_all:
        latest = judge(trainer, names)
    if step.trains == "alpha":
        # This score needs no evaluation at the end, so its time is not counted.
        by_alpha = scores(space, progress.alphas[-1], names)
        return pd.DataFrame({"architecture": names, "score": by_alpha}).merge(latest, on="architecture", how="left")
    trainer.seconds += time.perf_counter() - start
    scored = latest.assign(score=-pareto_ranks(judge.losses(latest)).astype(np.float64))
    return pd.DataFrame({"architecture": names}).merge(scored, on="architecture", how="left")


def _scored_networks(space: Space, progress: RankingProgress) -> Iterable[str]:
    if space.size <= MAX_SCORED:
        return space.networks()
    # Without alpha, nothing tells the best of a large space, so only networks that were evaluated can be scored.
    best = best_networks(space, progress.alphas[-1], MAX_SCORED) if progress.alphas else []
    return dict.fromkeys([*best, *progress.evaluated["architecture"]])


def best_path(space: Space, alpha: Numbers) -> Paths:
    """Draw the path of largest alpha, a random one of those that tie; `alpha` is a (k,) array."""
    tied = best_values(space, alpha)

    def draw(generator: np.random.Generator) -> Sequence[str]:
        choice = {name: values[int(generator.integers(len(values)))] for name, values in tied.items()}
        return [space.build(choice)]

    return draw


def best_values(space: Space, alpha: Numbers) -> dict[str, list[int | str]]:
    """Return the values of largest alpha of each choice, including ties; `alpha` is a (k,) array."""
    scored = dict(zip(values_of(space), alpha, strict=True))
    best = {}
    for name, values in space.choices.items():
        threshold = max(scored[name, value] for value in values) - ALPHA_TIE
        best[name] = [value for value in values if scored[name, value] >= threshold]
    return best


def scores(space: Space, alpha: Numbers, networks: Sequence[str]) -> Numbers:
    """Return the (n,) scores P_s of networks, which are high if the Pareto rank is low.

    Args:
        space: the space of the networks.
        alpha: (k,) parameters, in the order of `rank_preservation.values_of`.
        networks: n ids.
    """
    return np.asarray(membership(space, networks) @ alpha, dtype=np.float64)


def prune(supernet: Supernet, networks: Sequence[str], losses: Numbers, kept: int) -> Supernet:
    """Step 3: return a copy of a supernet without the values that no good network uses.

    Args:
        supernet: the supernet, which is not modified.
        networks: ids of n evaluated networks.
        losses: (n, 2) losses, minimised.
        kept: number of good networks, chosen from the first two ranks by hypervolume.
    """
    first_two = np.flatnonzero(pareto_ranks(losses) < 2)
    chosen = first_two[choose_by_hypervolume(losses[first_two], kept)]
    return keep_used(supernet, [networks[row] for row in chosen])


def keep_used(supernet: Supernet, networks: Sequence[str]) -> Supernet:
    """Return a smaller supernet, with a copy of the weights, that has only values used by these networks.

    Networks without dead operations may use no value of an edge; then the edge keeps its first value.
    """
    used = [supernet.space.parse(name) for name in networks]
    choices = {
        name: [value for value in values if any(chosen[name] == value for chosen in used)] or list(values[:1])
        for name, values in supernet.space.choices.items()
    }
    return supernet.subspace_supernet(replace(supernet.space, choices=choices))


def alpha_rows(space: Space, alphas: Sequence[Numbers]) -> pd.DataFrame:
    """Tabulate the (k,) alphas after each epoch: columns epoch, choice, value, alpha."""
    rows = [
        (epoch, choice, str(value), float(score))
        for epoch, alpha in enumerate(alphas, start=1)
        for (choice, value), score in zip(values_of(space), alpha, strict=True)
    ]
    return pd.DataFrame(rows, columns=["epoch", "choice", "value", "alpha"])
