"""NNI's tuners as search strategies: evolution (Real et al. 2017) and the tree-structured Parzen estimator.

Import this module only where it is used: NNI (3.0, archived) takes seconds to import.
"""

import logging
import random
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from nni import NoMoreTrialError
from nni.algorithms.hpo.evolution_tuner import EvolutionTuner
from nni.algorithms.hpo.tpe_tuner import TpeTuner

from workflow_lib.spaces.space import Space

_TRIES = 200
logging.getLogger("nni").setLevel(logging.WARNING)  # NNI logs every trial to standard output


class Tuner:
    """A search strategy that wraps a tuner of NNI.

    Args:
        space: the search space.
        kind: evolution or tpe.
        seed: seed of the proposals.
        population: population size of evolution: networks drawn at random before it learns; more than in one round.

    Source: NNI 3.0. A repeated proposal is not proposed again; the tuner receives its reward again, if it is known.
        After many repeated proposals in a row, the strategy ends.
    """

    def __init__(self, space: Space, kind: Literal["evolution", "tpe"], seed: int, population: int = 32) -> None:
        self._space = space
        self._tuner: Any = (
            TpeTuner("maximize", seed=seed) if kind == "tpe" else EvolutionTuner("maximize", population_size=population)
        )
        # NNI's evolution uses Python's global generator; it runs with a separate state that other users cannot change.
        self._random = random.Random(seed)  # noqa: S311
        choices = {name: {"_type": "choice", "_value": list(values)} for name, values in space.choices.items()}
        self._tuner.update_search_space(choices)
        if kind == "evolution":
            self._restart_population(seed, population)
        self._trial, self._ended, self._evolves = 0, False, kind == "evolution"
        self._pending: dict[str, tuple[int, dict[str, Any]]] = {}
        self._rewards: dict[str, float] = {}

    def _restart_population(self, seed: int, population: int) -> None:
        """Draw the population again from the seed; NNI seeds it from the clock."""
        self._tuner.random_state = np.random.RandomState(seed)
        self._tuner.population = []
        for _ in range(population):
            self._tuner._random_generate_individual()

    def propose(self, count: int) -> list[str]:
        """Query the tuner until there are `count` new networks, or too many repeated ones in a row."""
        found: list[str] = []
        tries = 0
        while len(found) < count and not self._ended:
            number, self._trial, tries = self._trial, self._trial + 1, tries + 1
            if self._evolves and not self._tuner.population:
                break  # the whole population awaits rewards
            try:
                values = self._with_generator(lambda number=number: self._tuner.generate_parameters(number))
            except NoMoreTrialError:
                self._ended = True
                break
            network = self._space.build(values)
            if network in self._rewards:
                self._tuner.receive_trial_result(number, values, self._rewards[network])
            elif network in self._pending or not self._space.allows(network):
                self._with_generator(lambda number=number: self._tuner.trial_end(number, False))
            else:
                self._pending[network] = (number, values)
                found.append(network)
                tries = 0
            self._ended = tries >= _TRIES
        return found

    def _with_generator(self, draw: Any) -> Any:
        before = random.getstate()
        random.setstate(self._random.getstate())
        try:
            return draw()
        finally:
            self._random.setstate(random.getstate())
            random.setstate(before)

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Pass the rewards to the tuner."""
        for network, reward in rewards.items():
            number, values = self._pending.pop(network)
            self._rewards[network] = reward
            self._tuner.receive_trial_result(number, values, reward)
