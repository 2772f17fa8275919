"""The rank-preserving supernet: fair training, then training of the best path while alpha learns the Pareto ranks.

Source: Pareto Rank-Preserving Supernetwork for HW-NAS, algorithm 1. Its three steps are `train_first`, `rank_subnets`
and `supernet_pruning.prune`; they can be repeated or replaced (`search.supernet_config.VARIANTS`).
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.dominance import front_mask, pareto_ranks
from workflow_lib.search.judged_networks import LEVELS, MEASURES, Judge, RankingProgress
from workflow_lib.search.rank_preservation import best_networks, membership, values_of
from workflow_lib.spaces.space import Space
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.supernet_paths import Paths, fair_paths, networks_per_fair_step, uniform_path
from workflow_lib.training.supernet_training import SupernetTrainer, train_supernet

Numbers = NDArray[np.float64]
_KEPT = ("architecture", *MEASURES, *LEVELS.values())
ALPHA_TIE = 1e-3  # alphas of a choice that differ by at most this tie, because the fit is not more exact
MAX_SCORED = 20_000  # maximum number of networks to score; smaller spaces are scored completely


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
    trainer: SupernetTrainer,
    first: Literal["uniform", "fair"],
    epochs: int,
    checkpoint: Checkpoint | None = None,
    extremes: Sequence[str] = (),
    distillation: bool = False,
) -> None:
    """Step 1: train all values of all choices equally.

    Args:
        trainer: trainer of the supernet.
        first: strict fairness, or one random path per step with the same number of network steps.
        epochs: number of epochs of strict fairness.
        checkpoint: checkpoint from which a killed training resumes.
        extremes: the largest and the smallest network, if each step of strict fairness also trains them.
        distillation: whether the others then learn the probabilities of the largest network instead of the classes.

    Source: sandwich rule and in-place distillation: Yu and Huang 2019 (universally slimmable networks).
    """
    space = trainer.supernet.space
    if first == "fair":
        teacher = extremes[0] if distillation else None
        train_supernet(trainer, epochs, fair_paths(space, extremes), "fair training, ", checkpoint, teacher)
    else:
        path_epochs = epochs * (networks_per_fair_step(space) + len(extremes))
        train_supernet(trainer, path_epochs, uniform_path(space), "training of random paths, ", checkpoint)


def rank_subnets(
    trainer: SupernetTrainer,
    judge: Judge,
    step: RankingSettings,
    checkpoint: Checkpoint | None = None,
    earlier: Sequence[str] = (),
) -> tuple[pd.DataFrame, RankingProgress]:
    """Step 2: train the best path, evaluate networks with the shared weights, and score all by their Pareto ranks.

    In each epoch, the path of largest alpha is trained. Then random networks are evaluated and ranked together with all
    networks evaluated so far, and alpha is fitted to the ranks (`rank_preservation`).

    Args:
        trainer: trainer of the supernet, after step 1.
        judge: evaluation of networks.
        step: number of epochs, and the alternatives to alpha.
        checkpoint: checkpoint from which a killed job resumes.
        earlier: networks of the space that were evaluated before it was pruned; they are evaluated again.

    Returns:
        One row per network of the space: architecture, score, and the latest accuracy_pct and cross_entropy; and the
        state of step 2.
    """
    space, progress = trainer.supernet.space, RankingProgress()
    if checkpoint and (state := checkpoint.load(trainer.device)):
        trainer.load(state)
        progress.load(state)
    elif earlier:
        # With the weights of now, because those of earlier epochs are not comparable.
        progress.note(judge(trainer, earlier))
    # A fair step trains many networks; the number of network steps is the same for all variants.
    per_step = networks_per_fair_step(space) if step.trains == "fair" else 1
    steps = max(1, round(step.epochs * trainer.steps_per_epoch / per_step))
    while (left := steps - trainer.network_steps // per_step) > 0:
        epochs = math.ceil(steps / trainer.steps_per_epoch)
        message = f"ranking, epoch {len(trainer.losses) + 1} of {epochs}"
        trainer.epoch(second_paths(step.trains, space, judge, progress), epochs, message, left)
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
        return lambda generator: ([front[int(generator.integers(len(front)))]] for _ in count())
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
        table = pd.DataFrame({"architecture": names, "score": by_alpha})
        return table.merge(latest[[name for name in _KEPT if name in latest]], on="architecture", how="left")
    trainer.seconds += time.perf_counter() - start
    ranks = pareto_ranks(judge.losses(latest)).astype(np.float64)
    scored = latest[[name for name in _KEPT if name in latest]].assign(score=-ranks)
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

    def steps(generator: np.random.Generator) -> Iterator[Sequence[str]]:
        while True:
            choice = {name: values[int(generator.integers(len(values)))] for name, values in tied.items()}
            yield [space.build(choice)]

    return steps


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


def alpha_rows(space: Space, alphas: Sequence[Numbers]) -> pd.DataFrame:
    """Tabulate the (k,) alphas after each epoch: columns epoch, choice, value, alpha."""
    rows = [
        (epoch, choice, str(value), float(score))
        for epoch, alpha in enumerate(alphas, start=1)
        for (choice, value), score in zip(values_of(space), alpha, strict=True)
    ]
    return pd.DataFrame(rows, columns=["epoch", "choice", "value", "alpha"])
