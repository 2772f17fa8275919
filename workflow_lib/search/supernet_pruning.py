"""Pruning of a supernet: the values of its choices that good networks do not need are removed (PRP, step 3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import moocore
import numpy as np
from numpy.typing import NDArray

from workflow_lib.models.shared_weights import Supernet
from workflow_lib.pareto.dominance import choose_by_hypervolume, pareto_ranks, unit_scaled
from workflow_lib.spaces.space import Space

Numbers = NDArray[np.float64]
Kept = Mapping[str, Sequence[int | str]]
"""Choice -> the values that remain."""

PruningName = Literal["networks", "values"]

_REFERENCE = 1.1
"""Reference point of the hypervolume in each objective, which is scaled to [0, 1]."""


def prune(supernet: Supernet, networks: Sequence[str], losses: Numbers, by: PruningName, kept: int) -> Supernet:
    """Return a copy of a supernet, with a copy of the weights, without values that good networks do not need.

    Args:
        supernet: the supernet, which is not modified.
        networks: ids of n evaluated networks.
        losses: (n, 2) losses, minimised.
        by: networks: values of the networks that add most to the hypervolume are kept; values: those values are kept
            that themselves add most.
        kept: number of networks to keep, if by networks.
    """
    if by == "networks":
        return keep_used(supernet, good_networks(networks, losses, kept))
    return _subspace(supernet, valuable_values(supernet.space, networks, losses))


def keep_used(supernet: Supernet, networks: Sequence[str]) -> Supernet:
    """Return a smaller supernet, with a copy of the weights, that has only values used by these networks.

    Networks without dead operations may use no value of an edge; then the edge keeps its first value.
    """
    space = supernet.space
    used = [space.parse(name) for name in networks]
    choices = {
        name: [value for value in values if any(chosen[name] == value for chosen in used)] or list(values[:1])
        for name, values in space.choices.items()
    }
    return _subspace(supernet, choices)


def _subspace(supernet: Supernet, choices: Kept) -> Supernet:
    return supernet.subspace_supernet(replace(supernet.space, choices=choices))


def good_networks(networks: Sequence[str], losses: Numbers, kept: int) -> list[str]:
    """Return the `kept` best networks of the first two ranks, chosen one by one by hypervolume improvement."""
    first_two = np.flatnonzero(pareto_ranks(losses) < 2)
    return [networks[row] for row in first_two[choose_by_hypervolume(losses[first_two], kept)]]


def valuable_values(space: Space, networks: Sequence[str], losses: Numbers) -> Kept:
    """Return, of each choice, the half of its values (rounded up) that adds most to the hypervolume.

    What a value adds is the hypervolume of all networks minus that of the networks without this value. Values that add
    nothing are ordered by the mean Pareto rank of their networks; those of no network come last.

    Args:
        space: choices and their values.
        networks: ids of n evaluated networks.
        losses: (n, 2) losses, minimised.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, equation 3, applied to each operation.
    """
    used = [space.parse(name) for name in networks]
    scaled, ranks = unit_scaled(losses), pareto_ranks(losses)
    total = _hypervolume(scaled)

    def worth(name: str) -> Callable[[int | str], tuple[float, float]]:
        def of(value: int | str) -> tuple[float, float]:
            has = np.array([chosen[name] == value for chosen in used])
            mean_rank = float(ranks[has].mean()) if has.any() else np.inf
            return total - _hypervolume(scaled[~has]), -mean_rank

        return of

    kept = {}
    for name, values in space.choices.items():
        best = sorted(values, key=worth(name), reverse=True)[: (len(values) + 1) // 2]
        kept[name] = [value for value in values if value in best]
    return kept


def _hypervolume(scaled: Numbers) -> float:
    reference: Any = np.full(scaled.shape[1], _REFERENCE)
    return float(moocore.hypervolume(scaled, ref=reference)) if len(scaled) else 0.0
