"""Optuna's samplers of several objectives as search strategies: NSGA-II and the multi-objective Parzen estimator.

Import this module only where it is used: Optuna takes a second to import.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import TrialState

from workflow_lib.search.proposers import DrawingStrategy
from workflow_lib.spaces.space import Configuration, Space

optuna.logging.set_verbosity(optuna.logging.WARNING)  # it logs every trial


class OptunaSearch(DrawingStrategy):
    """A search strategy that wraps a sampler of Optuna.

    Args:
        space: the search space.
        sampler: the sampler.
        costs: name of a network -> its other losses, which are known before training.

    Source: Optuna 5 (Akiba et al. 2019). A network is proposed once; if a sampler draws it again, it receives its
        losses again.
    """

    def __init__(self, space: Space, sampler: BaseSampler, costs: Mapping[str, NDArray[np.float64]]) -> None:
        super().__init__(space, seed=0)  # the sampler draws
        self._costs = costs
        objectives = 1 + len(next(iter(costs.values())))
        self._study = optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)
        # Positions of values, because Optuna warns about values that it cannot store.
        self._distributions: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.CategoricalDistribution(range(len(values)))
            for name, values in space.choices.items()
        }
        self._trials: dict[str, optuna.Trial] = {}

    def _draw(self) -> Configuration:
        trial = self._study.ask(self._distributions)
        drawn = {name: values[trial.params[name]] for name, values in self._space.choices.items()}
        network = self._space.build(drawn)
        if network in self._rewards:
            self._tell(trial, network)
        elif network in self._drawn or not self._space.allows(network):
            self._study.tell(trial, state=TrialState.FAIL)  # its losses are not known
        else:
            self._trials[network] = trial
        return drawn

    def _draw_again(self, network: str, configuration: Configuration) -> None:
        """Do nothing: `_draw` has passed the losses on."""

    def _learn(self, rewards: Mapping[str, float]) -> None:
        for network in rewards:
            self._tell(self._trials[network], network)

    def _tell(self, trial: optuna.Trial, network: str) -> None:
        self._study.tell(trial, [-self._rewards[network], *self._costs[network].tolist()])


def nsga2(seed: int, population: int) -> BaseSampler:
    """Make the sampler of NSGA-II (Deb et al. 2002).

    Args:
        seed: seed of the draws.
        population: networks per generation.
    """
    return NSGAIISampler(seed=seed, population_size=population)


def motpe(seed: int, first: int) -> BaseSampler:
    """Make the multi-objective tree-structured Parzen estimator (Ozaki et al. 2022), with joint densities of choices.

    Args:
        seed: seed of the draws.
        first: number of networks drawn at random before the densities are estimated.
    """
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        options: dict[str, Any] = {"multivariate": True, "constant_liar": True}
        return TPESampler(seed=seed, n_startup_trials=first, **options)
