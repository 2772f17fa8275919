"""Ways to choose which networks to train: propose some, be told how good they are, propose again."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.spaces.space import Configuration, Space

Numbers = NDArray[np.float64]


class FixedList:
    """Proposes the networks of a list, whatever it is told: `grid` and `random` are lists, and so is a filter's front.

    Args:
        networks: ids, in the order in which they are wanted.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._left: Iterator[str] = iter(dict.fromkeys(networks))

    def propose(self, count: int) -> list[str]:
        """The next ones."""
        return list(islice(self._left, count))

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Nothing depends on it."""


def grid(space: Space) -> FixedList:
    """Propose every network, in the space's order."""
    return FixedList(space.networks())


def random(space: Space, seed: int) -> FixedList:
    """Propose every network, in random order."""
    networks = space.networks()
    return FixedList([networks[place] for place in np.random.default_rng(seed).permutation(len(networks))])


class RandomlyFilled:
    """A strategy whose rounds are filled with random networks, where nothing new comes to its mind.

    Args:
        strategy: proposes first, and is told of its own networks alone.
        space: the others are drawn from.
        seed: of their order.
    """

    def __init__(self, strategy: Strategy, space: Space, seed: int) -> None:
        self._strategy, self._own = strategy, set[str]()
        self._others, self._proposed = random(space, seed), set[str]()

    def propose(self, count: int) -> list[str]:
        """Its proposals, and random ones up to `count`."""
        found = [network for network in self._strategy.propose(count) if network not in self._proposed]
        self._own |= set(found)
        self._proposed |= set(found)
        while len(found) < count and (more := self._others.propose(1)):
            found += [network for network in more if network not in self._proposed]
            self._proposed |= set(more)
        return found

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Tell the strategy."""
        self._strategy.tell({network: reward for network, reward in rewards.items() if network in self._own})


def front_filter(networks: Sequence[str], proxies: Numbers, least: int = 1) -> FixedList:
    """Propose only networks that are on the front of what is known before training: the others are never trained.

    Args:
        networks: ids.
        proxies: (n, m) losses known before training: latency or its inverse throughput beside utilization (the
            strategy `filter`), or beside multiply-adds (`flops`), negated where more is better.
        least: networks that are wanted: as many fronts are taken, one behind the other, as hold that many.

    Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 4.3.
    """
    rank = pareto_ranks(proxies)
    last = np.sort(rank)[min(least, len(rank)) - 1]
    order = np.lexsort((proxies[:, 0], rank))
    return FixedList([networks[place] for place in order if rank[place] <= last])


class DrawingStrategy(ABC):
    """A strategy that draws configurations, and proposes each network once; it ends when no new one comes for long.

    Args:
        space: what it draws from.
        seed: of the draws.
    """

    _TRIES = 200

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._generator = np.random.default_rng(seed)
        self._drawn: dict[str, Configuration] = {}
        self._rewards: dict[str, float] = {}
        self._ended = False

    def propose(self, count: int) -> list[str]:
        """Draw until there are enough new ones, or none comes for long."""
        found: list[str] = []
        tries = 0
        while len(found) < count and not self._ended:
            configuration = self._draw()
            if configuration is None:
                break
            network = self._space.build(configuration)
            tries += 1
            if network in self._rewards:
                self._draw_again(network, configuration)
            elif network not in self._drawn:
                self._drawn[network] = configuration
                found.append(network)
                tries = 0
            self._ended = tries >= self._TRIES
        return found

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Learn from them."""
        self._rewards |= rewards
        self._learn(rewards)

    @abstractmethod
    def _draw(self) -> Configuration | None:
        """The next one; None: it cannot say before it is told rewards."""

    @abstractmethod
    def _draw_again(self, network: str, configuration: Configuration) -> None:
        """Note that a network was drawn whose reward is known."""

    @abstractmethod
    def _learn(self, rewards: Mapping[str, float]) -> None:
        """Learn from rewards, which are already among those that are known."""


class Reinforce(DrawingStrategy):
    """A policy that draws each choice by itself, moved towards what was rewarded.

    Args:
        space: what it draws from.
        seed: of the draws.
        learning_rate: of the policy's logits, per unit of reward above its running mean, in deviations of the rewards.

    Source: Williams 1992; as in Kosaian and Phanishayee, section 4.3, with rewards by `constrained_reward`. Networks
        are proposed once: a draw of a known one is told its reward again, as a controller would be.
    """

    def __init__(self, space: Space, seed: int, learning_rate: float = 0.15) -> None:
        super().__init__(space, seed)
        self._rate = learning_rate
        self._logits = {name: np.zeros(len(values)) for name, values in space.choices.items()}

    def _draw(self) -> Configuration:
        return {
            name: values[self._generator.choice(len(values), p=_softmax(self._logits[name]))]
            for name, values in self._space.choices.items()
        }

    def _draw_again(self, network: str, configuration: Configuration) -> None:
        self._move(configuration, self._rewards[network])

    def _learn(self, rewards: Mapping[str, float]) -> None:
        for network, reward in rewards.items():
            self._move(self._drawn[network], reward)

    def _move(self, configuration: Configuration, reward: float) -> None:
        known = np.array(list(self._rewards.values()))
        advantage = (reward - known.mean()) / (known.std() or 1.0)
        for name, values in self._space.choices.items():
            gradient = -_softmax(self._logits[name])
            gradient[list(values).index(configuration[name])] += 1
            self._logits[name] += self._rate * advantage * gradient


class RegularizedEvolution(DrawingStrategy):
    """Aging evolution: the best of a few of the living has a child with one choice changed, and the oldest dies.

    Args:
        space: what it searches.
        seed: of its draws.
        population: networks that live; random ones until there are as many.
        tournament: of them are looked at to find a parent.

    Source: Real et al. 2019. Networks are proposed once: a child that is known is born again without being proposed.
    """

    def __init__(self, space: Space, seed: int, population: int = 50, tournament: int = 10) -> None:
        super().__init__(space, seed)
        self._population, self._tournament = population, tournament
        self._living: deque[str] = deque(maxlen=population)

    def _draw(self) -> Configuration | None:
        if len(self._drawn) < self._population:
            return self._space.sample(self._generator)
        return self._child() if self._living else None

    def _child(self) -> Configuration:
        rivals = self._generator.choice(len(self._living), min(self._tournament, len(self._living)), replace=False)
        parent = max((self._living[place] for place in rivals), key=self._rewards.__getitem__)
        name = list(self._space.choices)[self._generator.integers(len(self._space.choices))]
        others = [value for value in self._space.choices[name] if value != self._drawn[parent][name]]
        if not others:
            return self._drawn[parent]
        return {**self._drawn[parent], name: others[self._generator.integers(len(others))]}

    def _draw_again(self, network: str, configuration: Configuration) -> None:
        self._living.append(network)

    def _learn(self, rewards: Mapping[str, float]) -> None:
        self._living.extend(rewards)


def _softmax(logits: Numbers) -> Numbers:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), dtype=np.float64)


def constrained_reward(accuracy_pct: Numbers, cost: Numbers, target: float, weight: float) -> Numbers:
    """Accuracy, times what a cost above or below its target takes or gives: one number for strategies that want one.

    Args:
        accuracy_pct: (n,) percent.
        cost: (n,) such as latency, lower is better.
        target: the cost, in its unit, that changes nothing (G_T).
        weight: exponent of target / cost (w); 0 leaves the cost out.

    Source: Kosaian and Phanishayee, equation 3, which is that of Tan et al. 2019 (MnasNet).
    """
    return np.asarray(accuracy_pct * (target / cost) ** weight, dtype=np.float64)
