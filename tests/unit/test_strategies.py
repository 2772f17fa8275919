"""Search strategies: one contract for all of them, and what each adds to it."""

from collections.abc import Callable

import numpy as np
import pytest
from examples import digits
from optuna.samplers import BaseSampler

from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.optuna_search import OptunaSearch, motpe, nsga2
from workflow_lib.search.pareto_local_search import ParetoLocalSearch
from workflow_lib.search.proposers import (
    FixedList,
    RegularizedEvolution,
    Reinforce,
    WithRandomFill,
    constrained_reward,
    front_filter,
    grid,
    random,
)
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.space import Space

SMALL = Space(
    {"a": [1, 2, 3], "b": [1, 2], "c": ["x", "y", "z"]},
    lambda values: "".join(map(str, values.values())),
    lambda text: {"a": int(text[0]), "b": int(text[1]), "c": text[2]},
)
CROSS = cross.space()


def nni(kind: str) -> Callable[[Space, int], Strategy]:
    def make(space: Space, seed: int) -> Strategy:
        pytest.importorskip("nni", reason="the optional extra 'nni' is not installed")
        from workflow_lib.search.nni_tuners import Tuner

        return Tuner(space, kind, seed, population=8)  # type: ignore[arg-type]

    return make


def costs(space: Space) -> dict[str, np.ndarray]:
    """A second loss, by name."""
    return {name: np.array([float(sum(map(ord, name)) % 17)]) for name in space.networks()}


def sampled(sampler: Callable[[int, int], BaseSampler]) -> Callable[[Space, int], Strategy]:
    return lambda space, seed: OptunaSearch(space, sampler(seed, 8), costs(space))


def filtered(space: Space, seed: int) -> Strategy:
    networks = space.networks()
    return front_filter(networks, np.random.default_rng(seed).random((len(networks), 2)))


STRATEGIES: dict[str, Callable[[Space, int], Strategy]] = {
    "grid": lambda space, seed: grid(space),
    "random": random,
    "filter": filtered,
    "reinforce": Reinforce,
    "filled": lambda space, seed: WithRandomFill(Reinforce(space, seed), space, seed),
    "regularized": lambda space, seed: RegularizedEvolution(space, seed, population=8, tournament=3),
    "evolution": nni("evolution"),
    "tpe": nni("tpe"),
    "nsga2": sampled(nsga2),
    "motpe": sampled(motpe),
    "pareto_local_search": lambda space, seed: ParetoLocalSearch(space, seed, 8, costs(space)),
}


def reward(network: str) -> float:
    """Some reward that depends on the network alone."""
    return sum(map(ord, network)) % 97


def history(strategy: Strategy, rounds: int = 6, count: int = 5) -> list[list[str]]:
    proposals = []
    for _ in range(rounds):
        proposals.append(strategy.propose(count))
        strategy.tell({network: reward(network) for network in proposals[-1]})
    return proposals


@pytest.mark.parametrize("space", [SMALL, CROSS], ids=["small", "CROSS"])
@pytest.mark.parametrize("name", STRATEGIES)
class TestContract:
    def test_it_proposes_networks_of_the_space_and_none_twice(self, name: str, space: Space) -> None:
        proposed = [network for some in history(STRATEGIES[name](space, 3)) for network in some]
        assert proposed
        assert len(set(proposed)) == len(proposed)
        assert set(proposed) <= set(space.networks())

    def test_it_proposes_no_more_than_it_is_asked_for(self, name: str, space: Space) -> None:
        strategy = STRATEGIES[name](space, 3)
        assert strategy.propose(0) == []
        assert all(len(some) <= 4 for some in history(strategy, count=4))

    def test_the_same_seed_and_rewards_give_the_same_proposals(self, name: str, space: Space) -> None:
        first = history(STRATEGIES[name](space, 3))
        np.random.default_rng(0).random()
        assert history(STRATEGIES[name](space, 3)) == first

    def test_it_comes_to_an_end(self, name: str, space: Space) -> None:
        strategy = STRATEGIES[name](space, 3)
        for _ in range(len(space.networks()) + 1):
            some = strategy.propose(8)
            strategy.tell({network: reward(network) for network in some})
            if not some:
                break
        assert strategy.propose(8) == []

    def test_it_takes_rewards_of_a_part_at_a_time(self, name: str, space: Space) -> None:
        strategy = STRATEGIES[name](space, 3)
        first, second = strategy.propose(3), strategy.propose(3)
        for some in (second, first):
            strategy.tell({network: reward(network) for network in some})
        assert not set(strategy.propose(3)) & {*first, *second}


@pytest.mark.parametrize("name", ["random", "reinforce", "regularized", "evolution", "tpe"])
def test_another_seed_proposes_otherwise(name: str) -> None:
    assert history(STRATEGIES[name](CROSS, 1)) != history(STRATEGIES[name](CROSS, 2))


@pytest.mark.parametrize("name", ["reinforce", "regularized", "evolution", "tpe"])
def test_those_that_learn_are_better_than_random_on_an_easy_problem(name: str) -> None:
    space = digits(6)

    def best(strategy: Strategy) -> float:
        found = []
        for _ in range(15):
            some = strategy.propose(10)
            rewards = {network: float(sum(map(int, network))) for network in some}
            strategy.tell(rewards)
            found += rewards.values()
        return float(np.mean(sorted(found)[-20:]))

    seeds = range(3)
    learned = np.mean([best(STRATEGIES[name](space, seed)) for seed in seeds])
    assert learned > np.mean([best(random(space, seed)) for seed in seeds]) + 0.5


def test_the_grid_is_the_space_in_its_order() -> None:
    assert grid(CROSS).propose(1000) == [str(network) for network in cross.architectures()]


def test_the_filter_is_the_front_of_its_proxies() -> None:
    proxies = np.random.default_rng(0).random((50, 2))
    names = [str(place) for place in range(50)]
    ordered, ranks = list(map(int, front_filter(names, proxies).propose(50))), pareto_ranks(proxies)
    assert sorted(ordered) == list(range(50))
    assert ranks[ordered].tolist() == sorted(ranks)
    front = np.flatnonzero(ranks == 0)
    ends = {int(front[proxies[front, column].argmin()]) for column in range(2)}
    assert set(ordered[:2]) == ends, "the ends of a front are the least crowded"


def test_rounds_are_filled_until_the_space_is_empty() -> None:
    strategy = WithRandomFill(Reinforce(CROSS, 0, learning_rate=5), CROSS, 0)
    trained = [network for some in history(strategy, rounds=36, count=5) for network in some]
    assert len(set(trained)) == len(trained) == len(CROSS.networks()) == 180
    assert strategy.propose(1) == []


def test_a_list_names_each_once() -> None:
    assert FixedList(["a", "b", "a"]).propose(5) == ["a", "b"]


def test_a_list_loses_none_between_rounds() -> None:
    strategy = FixedList("abcdefg")
    assert [strategy.propose(3) for _ in range(4)] == [list("abc"), list("def"), ["g"], []]


def test_the_reward_takes_from_who_misses_the_target() -> None:
    rewards = constrained_reward(np.array([90.0, 90.0, 90.0]), np.array([10.0, 5.0, 20.0]), 10.0, 0.07)
    assert rewards[0] == 90
    assert rewards[2] < 90 < rewards[1]
    assert constrained_reward(np.array([90.0]), np.array([3.0]), 10.0, 0.0)[0] == 90
