"""Drawings of graphs: arrows lead down, and no two points share a place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_lib.report.plots.layered_layout import lay_out


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(0, 10_000))
def test_arrows_lead_down_through_every_layer_and_places_are_distinct(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    arrows = np.triu(random.random((count, count)) < 0.25, 1)
    order = random.permutation(count)
    layout = lay_out(arrows[np.ix_(order, order)])
    points = [tuple(place) for place in layout.places]
    for (tail, head), path in layout.paths.items():
        assert path[0] == tuple(layout.places[tail])
        assert path[-1] == tuple(layout.places[head])
        assert np.diff([level for _, level in path]).tolist() == [1] * (len(path) - 1)
        points += path[1:-1]
    assert len(set(points)) == len(points)
    assert len(layout.paths) == arrows.sum()


def test_a_chain_is_a_straight_line() -> None:
    layout = lay_out(np.eye(4, k=1, dtype=bool))
    assert layout.places.tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]


def test_two_chains_do_not_cross() -> None:
    arrows = np.zeros((4, 4), dtype=bool)
    arrows[0, 3] = arrows[1, 2] = True
    places = lay_out(arrows).places
    assert (places[0, 0] < places[1, 0]) == (places[3, 0] < places[2, 0])


def test_a_cycle_is_a_bug() -> None:
    with pytest.raises(ValueError, match="cycle"):
        lay_out(np.array([[False, True], [True, False]]))
