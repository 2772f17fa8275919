"""The candidates that a strategy chooses from, with their known costs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pandas as pd

from workflow_lib.core.candidate import KEYS, NETWORK_KEYS, TRAINED, Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.export.network_tables import NETWORKS_RESULT
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.network_costs import network_costs
from workflow_lib.search.shared_accuracy import shared_accuracies
from workflow_lib.search.supernet_tables import RANKINGS_RESULT
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.spaces.space import Configuration, Space
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT


@dataclass(frozen=True)
class SearchedCandidates:
    """The candidates that a strategy chooses from.

    Attributes:
        space: the space of candidates.
        known: rows of `known_candidates`; of a space that is too large to enumerate, some random ones.
        objectives: objectives of the search: the accuracy, and columns of `known`.
        budgets: column of `known` -> maximum values, within each of which the best candidate is wanted; empty: the
            whole front is wanted.
        describe: function from names to rows like `known`, in a space that is too large to enumerate; None: `known`
            has all candidates. It leaves out those that are not within a budget.
    """

    space: Space
    known: pd.DataFrame
    objectives: Sequence[Objective]
    budgets: Mapping[str, Sequence[float]]
    describe: Callable[[Sequence[str]], pd.DataFrame] | None = None

    def including(self, names: Iterable[str]) -> "SearchedCandidates":
        """Return these candidates with some others of the space, whose costs become known."""
        missing = list(dict.fromkeys(names).keys() - set(self.known["candidate"])) if self.describe else []
        if not missing or not self.describe:
            return self
        return replace(self, known=pd.concat([self.known, self.describe(sorted(missing))], ignore_index=True))


def grid_candidates(
    grid: GridConfig,
    limits: Mapping[str, float],
    budgets: Mapping[str, Sequence[float]],
    objectives: Sequence[Objective],
    tables: Mapping[str, pd.DataFrame],
) -> SearchedCandidates:
    """Return the candidates of a grid.

    Args:
        grid: the grid.
        limits: `search.limits`.
        budgets: `search.budgets`.
        objectives: objectives of the front.
        tables: result name -> table: NETWORKS and LATENCIES, UTILIZATIONS if measured, and RANKING if a
            supernet was trained.

    Raises:
        UserError: if no candidate is within the limits, or within the largest budgets.
    """
    utilizations = tables.get(UTILIZATIONS_RESULT.name)
    costs = network_costs(tables[NETWORKS_RESULT.name], tables[LATENCIES_RESULT.name], utilizations)
    if RANKINGS_RESULT.name in tables:
        shared = shared_accuracies(tables[RANKINGS_RESULT.name])
        costs = costs.merge(shared, on=["channels", "architecture"], how="left")
    space = candidate_space(grid)
    space, known = within_limits(space, known_candidates(space, costs), limits)
    if budgets:
        space, known = within_a_budget(space, known, budgets, "search.budgets")
    return SearchedCandidates(space, known, objectives, budgets)


def candidate_space(grid: GridConfig, networks: Space | None = None) -> Space:
    """Return the space of all candidates: channel set, batch size, recipe, and the architecture's choices.

    The recipe is a choice only if there are several.

    Args:
        grid: the grid.
        networks: the space of networks; None: that of the grid.
    """
    networks, recipes = networks or grid.networks, grid.recipe_names
    chosen: dict[str, list[Any]] = {"channels": list(grid.channel_sets), "batch": grid.batch_sizes}
    if len(recipes) > 1:
        chosen["recipe"] = recipes

    def build(values: Configuration) -> str:
        network = networks.build({name: values[name] for name in networks.choices})
        recipe = str(values.get("recipe", recipes[0]))
        return str(Candidate(str(values["channels"]), int(values["batch"]), network, recipe))

    def parse(name: str) -> Configuration:
        candidate = Candidate.parse(name)._asdict()
        return {**{choice: candidate[choice] for choice in chosen}, **networks.parse(candidate["architecture"])}

    def allows(name: str) -> bool:
        return networks.allows(Candidate.parse(name).architecture)

    space = Space({**chosen, **networks.choices}, build, parse)
    if networks.allowed is None:
        return space
    return replace(space, allowed=frozenset(filter(allows, space.networks())))


def training_settings(grid: GridConfig) -> pd.DataFrame:
    """Tabulate the combinations of batch size and recipe: columns batch, recipe and precision, which is fp32."""
    settings = pd.DataFrame(product(grid.batch_sizes, grid.recipe_names), columns=["batch", "recipe"])
    return settings.assign(precision=TRAINED)


def split(names: list[str]) -> pd.DataFrame:
    """Split names of candidates into the columns KEYS."""
    return pd.DataFrame(map(Candidate.parse, names), columns=KEYS).astype({"batch": "int64"})


def names_of(rows: pd.DataFrame | None) -> list[str]:
    """Return the names of candidates from the columns KEYS; none without a table."""
    return [] if rows is None else [str(Candidate(*key)) for key in rows[KEYS].itertuples(index=False)]


def mean_accuracies(scores: pd.DataFrame, folds: int) -> pd.DataFrame:
    """Return the mean accuracy of each candidate that has all folds: columns KEYS and mean.

    Args:
        scores: rows of FOLD_SCORES.
        folds: number of folds that each candidate must have.
    """
    means = scores.groupby(KEYS)["accuracy_pct"].agg(["mean", "count"]).reset_index()
    return means[means["count"] == folds].drop(columns="count")


def known_candidates(space: Space, costs: pd.DataFrame) -> pd.DataFrame:
    """Tabulate all candidates of a space with the costs of their networks.

    Args:
        space: the space of candidates.
        costs: one row per network and precision; a search compares networks as they are trained.

    Returns:
        One row per candidate, in the order of the space: columns candidate, KEYS, and those of `costs`.
    """
    names = space.networks()
    return split(names).assign(candidate=names).merge(costs, on=NETWORK_KEYS, how="left")


def within_limits(space: Space, known: pd.DataFrame, limits: Mapping[str, float]) -> tuple[Space, pd.DataFrame]:
    """Keep the candidates whose costs are within the limits.

    Args:
        space: the space of candidates.
        known: rows of `known_candidates`.
        limits: column of `known` -> maximum value.

    Returns:
        The space, in which only these candidates are allowed, and their rows.

    Raises:
        UserError: if there are none.
    """
    if not limits:
        return space, known
    within = known[(known[list(limits)] <= list(limits.values())).all(axis=1)]
    if within.empty:
        message = f"no candidate is within all limits; {_lowest(known, limits)}"
        raise UserError(message, "config: search.limits", "raise them")
    return _keep(space, known, within)


def within_a_budget(
    space: Space, known: pd.DataFrame, budgets: Mapping[str, Sequence[float]], key: str
) -> tuple[Space, pd.DataFrame]:
    """Keep the candidates that are within at least one budget.

    Args:
        space: the space of candidates.
        known: rows of `known_candidates`.
        budgets: column of `known` -> maximum values.
        key: configuration key of the budgets, for error messages.

    Returns:
        The space, in which only these candidates are allowed, and their rows.

    Raises:
        UserError: if a budget has none.
    """
    for name, values in budgets.items():
        if min(values) < known[name].min():
            raise UserError(
                f"no candidate is within the budget of {min(values):g}; {_lowest(known, [name])}",
                f"config: {key}.{name}",
                "raise it",
            )
    within = known[(known[list(budgets)] <= [max(values) for values in budgets.values()]).any(axis=1)]
    return _keep(space, known, within)


def _lowest(known: pd.DataFrame, names: Iterable[str]) -> str:
    return "the lowest " + ", ".join(f"{name} is {known[name].min():g}" for name in names)


def _keep(space: Space, known: pd.DataFrame, rows: pd.DataFrame) -> tuple[Space, pd.DataFrame]:
    if len(rows) == len(known):
        return space, known
    return replace(space, allowed=frozenset(rows["candidate"])), rows.reset_index(drop=True)
