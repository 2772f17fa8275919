"""The strategy `surrogate` in the space of DARTS, which is too large to enumerate."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import config

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.search.cell_candidates import cell_candidates
from workflow_lib.search.derivation import cost_rows
from workflow_lib.search.proposal_rounds import make_strategy, strategy_input
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.searched_candidates import SearchedCandidates
from workflow_lib.search.strategy_declaration import Strategy
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.networks import parse

WORTH = {"skip": 0.0, "max": 0.5, "avg": 0.2, "sep3": 3.0, "sep5": 2.0, "dil3": 1.0, "dil5": 1.5}
"""What an operation adds to the accuracy."""


def candidates(*budgets: float) -> SearchedCandidates:
    cells = {"space": "darts", "budgets": {"parameters": list(budgets)}, "width": 4}
    whole = config({"search.strategy": "surrogate", "cell_search": cells})
    space, parts = CELL_SPACES["darts"], []
    for name, bands in whole.grid.channel_sets.items():
        for quantity in ("parameters", "multiply_adds"):
            counted = space.count(quantity, whole.cell_search.skeletons["trained"], len(bands), 2, 48)
            parts.append(cost_rows(space, counted).assign(channels=name, quantity=quantity, skeleton="trained"))
    prices = pd.concat(parts, ignore_index=True)
    return cell_candidates(whole.grid, whole.cell_search, whole.budget_columns, whole.front.objectives, prices, 7)


def accuracy(name: str) -> float:
    network: Any = parse(Candidate.parse(name).architecture).choices
    worth = sum(WORTH[operation] for operation in network.operations)
    # A source of its own counts as well, so that edges matter.
    return 60 + worth / 2 + 0.2 * len({tail for _, tail in network.normal.steps})


def strategy(searched: SearchedCandidates, seed: int) -> Strategy:
    search = SearchConfig.model_validate({"strategy": "surrogate", "candidates": 40})
    return make_strategy(strategy_input(search, searched, seed, 5))


def run(searched: SearchedCandidates, seed: int, rounds: int = 5) -> list[str]:
    proposer, names = strategy(searched, seed), list[str]()
    for _ in range(rounds):
        names += (new := proposer.propose(8))
        proposer.tell({name: accuracy(name) for name in new})
    return names


def best_within(searched: SearchedCandidates, names: list[str]) -> list[float]:
    known = searched.including(names).known.set_index("candidate").loc[names]
    scores = np.array(list(map(accuracy, names)))
    return [scores[known["parameters"] <= budget].max() for budget in searched.budgets["parameters"]]


def test_random_candidates_are_within_a_budget_and_any_other_can_be_described() -> None:
    searched = candidates(6000, 8000)
    known = searched.known
    assert known["parameters"].max() <= 8000
    assert (known["parameters"] <= 6000).sum() > 100
    for row in known.sample(10, random_state=0).itertuples():
        assert row.parameters == parse(str(row.architecture)).costs(int(str(row.channels)), 2, 48).parameters
    outside = searched.space.neighbours(known["candidate"].iloc[0])
    more = searched.including(outside).known
    assert len(known) < len(more) <= len(known) + len(outside)
    assert more["parameters"].max() <= 8000


def test_local_search_finds_better_cells_than_as_many_random_ones_and_is_reproducible() -> None:
    searched = candidates(6000, 8000)
    found = [run(searched, seed) for seed in range(2)]
    assert all(len(set(names)) == 40 for names in found)
    assert run(searched, seed=0, rounds=2) == found[0][:16]
    mine = np.mean([best_within(searched, names) for names in found], axis=0)
    drawn = searched.known["candidate"].tolist()
    order = np.random.default_rng(0)
    others = [[drawn[row] for row in order.permutation(len(drawn))[:40]] for _ in range(20)]
    random = np.mean([best_within(searched, names) for names in others], axis=0)
    assert all(len(set(names) - set(drawn)) > 10 for names in found), "those that local search added"
    assert (mine > random + 0.4).all()


def test_a_budget_without_networks_is_refused() -> None:
    with pytest.raises(UserError, match=r"no network is within parameters 10; raise it: the lowest is [1-9]"):
        candidates(10)
