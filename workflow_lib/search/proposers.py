"""Strategies that choose the networks to train: propose networks, receive their rewards, propose again."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import crowding_distances, pareto_ranks
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.spaces.space import Configuration, Space

Numbers = NDArray[np.float64]


class FixedList:
    """A strategy that proposes the networks of a list, regardless of rewards; used for `grid`, `random` and filters.

    Args:
        networks: ids, in the order in which they are proposed.

    >>> FixedList(["a", "b", "a", "c"]).propose(3)
    ['a', 'b', 'c']
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._remaining: Iterator[str] = iter(dict.fromkeys(networks))

    def propose(self, count: int) -> list[str]:
        """Propose the next networks of the list, at most `count`."""
        return list(islice(self._remaining, count))

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Ignore the rewards."""


def grid(space: Space) -> FixedList:
    """Propose every network, in the order of the space."""
    return FixedList(space.networks())


def random(space: Space, seed: int) -> FixedList:
    """Propose every network, in random order."""
    networks = space.networks()
    return FixedList([networks[row] for row in np.random.default_rng(seed).permutation(len(networks))])


class WithRandomFill:
    """A strategy whose rounds are filled with random networks if it proposes too few new ones.

    Args:
        strategy: the strategy, which proposes first and receives the rewards of its own proposals only.
        space: the space from which random networks are drawn.
        seed: seed of their order.
    """

    def __init__(self, strategy: Strategy, space: Space, seed: int) -> None:
        self._strategy, self._from_strategy = strategy, set[str]()
        self._random, self._proposed = random(space, seed), set[str]()

    def propose(self, count: int) -> list[str]:
        """Propose the new networks of the strategy, then random ones, `count` in total."""
        found = [network for network in self._strategy.propose(count) if network not in self._proposed]
        self._from_strategy |= set(found)
        self._proposed |= set(found)
        while len(found) < count and (more := self._random.propose(1)):
            found += [network for network in more if network not in self._proposed]
            self._proposed |= set(more)
        return found

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Pass the rewards of the strategy's own proposals to it."""
        self._strategy.tell({network: reward for network, reward in rewards.items() if network in self._from_strategy})


def front_filter(networks: Sequence[str], proxies: Numbers) -> FixedList:
    """Propose networks front by front of losses that are known before training; of a front, the least crowded first.

    Args:
        networks: n ids.
        proxies: (n, m) losses known before training, minimised: latency or negative throughput, together with negative
            utilization (strategy `filter`) or negative multiply-adds (`flops`).

    >>> front_filter(["a", "b", "c"], np.array([[2.0, 2.0], [1.0, 3.0], [3.0, 3.0]])).propose(3)
    ['b', 'a', 'c']

    Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 4.3;
        differs from it in: a budget ends the list within a front, by the crowding distance of Deb et al. 2002.
    """
    ranks = pareto_ranks(proxies)
    distances = np.zeros(len(networks))
    for rank in range(int(ranks.max()) + 1):
        distances[ranks == rank] = crowding_distances(proxies[ranks == rank])
    order = np.lexsort((proxies[:, 0], -distances, ranks))
    return FixedList([networks[row] for row in order])


class DrawingStrategy(ABC):
    """A strategy that draws configurations and proposes each network once; it ends after 200 repeated draws in a row.

    Args:
        space: the search space.
        seed: seed of the draws.
    """

    _TRIES = 200

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._generator = np.random.default_rng(seed)
        self._drawn: dict[str, Configuration] = {}
        self._rewards: dict[str, float] = {}
        self._ended = False

    def propose(self, count: int) -> list[str]:
        """Draw until there are `count` new networks, or too many repeated ones in a row."""
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
            elif network not in self._drawn and self._space.allows(network):
                self._drawn[network] = configuration
                found.append(network)
                tries = 0
            self._ended = tries >= self._TRIES
        return found

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Store the rewards and learn from them."""
        self._rewards |= rewards
        self._learn(rewards)

    @abstractmethod
    def _draw(self) -> Configuration | None:
        """Return the next configuration; None if rewards are needed first."""

    @abstractmethod
    def _draw_again(self, network: str, configuration: Configuration) -> None:
        """Handle the draw of a network whose reward is already known."""

    @abstractmethod
    def _learn(self, rewards: Mapping[str, float]) -> None:
        """Learn from new rewards, which are already stored."""


class Reinforce(DrawingStrategy):
    """REINFORCE: a policy that draws each choice independently and shifts towards rewarded values.

    Args:
        space: the search space.
        seed: seed of the draws.
        learning_rate: change of the policy's logits per standard deviation of the reward above its running mean.

    Source: Williams 1992; as in Kosaian and Phanishayee, section 4.3, with rewards by `constrained_reward`. Networks
        are proposed once; if a known network is drawn again, the policy learns from its reward again, as a controller
        would.
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
    """Aging evolution: the best of a random sample of the population is mutated in one choice, and the oldest dies.

    Args:
        space: the search space.
        seed: seed of the draws.
        population: population size; networks are random until it is reached.
        tournament: size of the sample from which the parent is selected.

    Source: Real et al. 2019. Networks are proposed once; a child that is already known joins the population without
        being proposed.
    """

    def __init__(self, space: Space, seed: int, population: int = 50, tournament: int = 10) -> None:
        super().__init__(space, seed)
        self._population, self._tournament = population, tournament
        self._members: deque[str] = deque(maxlen=population)

    def _draw(self) -> Configuration | None:
        if len(self._drawn) < self._population:
            return self._space.sample(self._generator)
        return self._child() if self._members else None

    def _child(self) -> Configuration:
        rivals = self._generator.choice(len(self._members), min(self._tournament, len(self._members)), replace=False)
        parent = max((self._members[index] for index in rivals), key=self._rewards.__getitem__)
        name = list(self._space.choices)[self._generator.integers(len(self._space.choices))]
        others = [value for value in self._space.choices[name] if value != self._drawn[parent][name]]
        if not others:
            return self._drawn[parent]
        return {**self._drawn[parent], name: others[self._generator.integers(len(others))]}

    def _draw_again(self, network: str, configuration: Configuration) -> None:
        self._members.append(network)

    def _learn(self, rewards: Mapping[str, float]) -> None:
        self._members.extend(rewards)


def _softmax(logits: Numbers) -> Numbers:
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum(), dtype=np.float64)


def constrained_reward(accuracy_pct: Numbers, cost: Numbers, target: float, weight: float) -> Numbers:
    """Combine accuracy and cost into one reward: accuracy x (target / cost) ^ weight.

    Args:
        accuracy_pct: (n,) accuracies (%), maximised.
        cost: (n,) costs such as latency, minimised.
        target: cost at which the reward equals the accuracy (G_T), in the unit of `cost`.
        weight: exponent of target / cost (w); 0 ignores the cost.

    Returns:
        (n,) rewards, maximised.

    >>> constrained_reward(np.array([80.0, 80.0]), np.array([10.0, 5.0]), target=10.0, weight=1.0)
    array([ 80., 160.])

    Source: Kosaian and Phanishayee, equation 3, which is that of Tan et al. 2019 (MnasNet).
    """
    return np.asarray(accuracy_pct * (target / cost) ** weight, dtype=np.float64)
