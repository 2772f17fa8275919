"""Ways to choose which networks to train: propose some, be told how good they are, propose again."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.spaces.space import Configuration, Space
from workflow_lib.pareto.dominance import front_mask, pareto_ranks

Numbers = NDArray[np.float64]


class Strategy(Protocol):
    """What every strategy does; the same seed and the same rewards give the same proposals."""

    def propose(self, count: int) -> list[str]:
        """Ids of networks to train next: at most `count`, none twice in its life; none when it has no more."""

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Say how good networks are that it proposed; more is better."""


class Listed:
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


def grid(space: Space) -> Listed:
    """Propose every network, in the space's order."""
    return Listed(space.networks())


def random(space: Space, seed: int) -> Listed:
    """Propose every network, in random order."""
    networks = space.networks()
    return Listed([networks[place] for place in np.random.default_rng(seed).permutation(len(networks))])


def front_filter(networks: Sequence[str], proxies: Numbers, least: int = 1) -> Listed:
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
    return Listed([networks[place] for place in order if rank[place] <= last])


class Reinforce:
    """A policy that draws each choice by itself, moved towards what was rewarded.

    Args:
        space: what it draws from.
        seed: of the draws.
        learning_rate: of the policy's logits, per unit of reward above its running mean, in deviations of the rewards.

    Source: Williams 1992; as in Kosaian and Phanishayee, section 4.3, with rewards by `constrained_reward`. Networks
        are proposed once: a draw of a known one is told its reward again, as a controller would be.
    """

    _TRIES = 200

    def __init__(self, space: Space, seed: int, learning_rate: float = 0.15) -> None:
        self._space, self._rate = space, learning_rate
        self._generator = np.random.default_rng(seed)
        self._logits = {name: np.zeros(len(values)) for name, values in space.choices.items()}
        self._drawn: dict[str, Configuration] = {}
        self._rewards: dict[str, float] = {}
        self._ended = False

    def propose(self, count: int) -> list[str]:
        """Draw from the policy until there are enough new ones, or none comes for long."""
        found: list[str] = []
        tries = 0
        while len(found) < count and not self._ended:
            configuration = {
                name: values[self._generator.choice(len(values), p=_softmax(self._logits[name]))]
                for name, values in self._space.choices.items()
            }
            network = self._space.build(configuration)
            tries += 1
            if network in self._rewards:
                self._learn(configuration, self._rewards[network])
            elif network not in self._drawn:
                self._drawn[network] = configuration
                found.append(network)
                tries = 0
            self._ended = tries >= self._TRIES
        return found

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Move the policy."""
        self._rewards |= rewards
        for network, reward in rewards.items():
            self._learn(self._drawn[network], reward)

    def _learn(self, configuration: Configuration, reward: float) -> None:
        known = np.array(list(self._rewards.values()))
        advantage = (reward - known.mean()) / (known.std() or 1.0)
        for name, values in self._space.choices.items():
            gradient = -_softmax(self._logits[name])
            gradient[list(values).index(configuration[name])] += 1
            self._logits[name] += self._rate * advantage * gradient


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


def found_front(losses: Numbers, trained: NDArray[np.int64]) -> tuple[float, NDArray[np.int64]]:
    """How much of the true front a strategy found.

    Args:
        losses: (n, m) of all networks, every objective minimised.
        trained: rows that it trained.

    Returns:
        Share of the distinct points of the true front that it trained, and the rows of the front that it found.
    """
    true = np.unique(losses[front_mask(losses)], axis=0)
    ours = trained[front_mask(losses[trained])]
    points = {tuple(point) for point in losses[ours]}
    return sum(tuple(point) in points for point in true) / len(true), ours
