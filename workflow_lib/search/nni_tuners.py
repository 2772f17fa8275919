"""NNI's tuners as search strategies: evolution (Real et al. 2017) and the tree-structured Parzen estimator.

Imported by who asks for them alone: NNI (3.0, archived) takes seconds to import.
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
_MIN_POPULATION = 32
logging.getLogger("nni").setLevel(logging.WARNING)  # it tells standard output of every trial


def population_size(round_candidates: int) -> int:
    """Networks that evolution keeps: NNI takes one out for each proposal, and many must be left.

    Args:
        round_candidates: proposals before it is told their rewards.
    """
    return max(_MIN_POPULATION, 4 * round_candidates)


class Tuner:
    """A tuner of NNI's.

    Args:
        space: what it searches.
        kind: evolution or tpe.
        seed: of its draws.
        population: networks that evolution keeps.

    Source: NNI 3.0. A proposal that was proposed before is told its reward again, if it is known, and not proposed; if
        none that is new comes for long, the strategy has no more.
    """

    def __init__(self, space: Space, kind: Literal["evolution", "tpe"], seed: int, population: int = 32) -> None:
        self._space = space
        self._tuner: Any = (
            TpeTuner("maximize", seed=seed) if kind == "tpe" else EvolutionTuner("maximize", population_size=population)
        )
        # NNI's evolution draws from Python's own generator, which nobody else's draws may move.
        self._random = random.Random(seed)  # noqa: S311
        choices = {name: {"_type": "choice", "_value": list(values)} for name, values in space.choices.items()}
        self._tuner.update_search_space(choices)
        if kind == "evolution":
            self._restart_population(seed, population)
        self._asked, self._ended, self._evolves = 0, False, kind == "evolution"
        self._waiting: dict[str, tuple[int, dict[str, Any]]] = {}
        self._rewards: dict[str, float] = {}

    def _restart_population(self, seed: int, population: int) -> None:
        """NNI seeds it from the clock."""
        self._tuner.random_state = np.random.RandomState(seed)
        self._tuner.population = []
        for _ in range(population):
            self._tuner._random_generate_individual()

    def propose(self, count: int) -> list[str]:
        """Ask until there are enough new ones, or none comes for long."""
        found: list[str] = []
        tries = 0
        while len(found) < count and not self._ended:
            number, self._asked, tries = self._asked, self._asked + 1, tries + 1
            if self._evolves and not self._tuner.population:
                break  # all of it waits for rewards
            try:
                values = self._in_own_sequence(lambda number=number: self._tuner.generate_parameters(number))
            except NoMoreTrialError:
                self._ended = True
                break
            network = self._space.build(values)
            if network in self._rewards:
                self._tuner.receive_trial_result(number, values, self._rewards[network])
            elif network in self._waiting:
                self._in_own_sequence(lambda number=number: self._tuner.trial_end(number, False))
            else:
                self._waiting[network] = (number, values)
                found.append(network)
                tries = 0
            self._ended = tries >= _TRIES
        return found

    def _in_own_sequence(self, draw: Any) -> Any:
        before = random.getstate()
        random.setstate(self._random.getstate())
        try:
            return draw()
        finally:
            self._random.setstate(random.getstate())
            random.setstate(before)

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Pass the rewards on."""
        for network, reward in rewards.items():
            number, values = self._waiting.pop(network)
            self._rewards[network] = reward
            self._tuner.receive_trial_result(number, values, reward)
