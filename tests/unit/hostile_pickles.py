"""Pickles that a reader of forests must refuse, and the tools to make them."""

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor

BOMB_BYTES = 10 * 10**9


def forest(trees: int = 3, features: int = 3, **options: Any) -> RandomForestRegressor:
    generator = np.random.default_rng(0)
    rows = generator.random((40, features))
    return RandomForestRegressor(trees, random_state=0, **options).fit(rows, rows.sum(axis=1))


class Runs:
    """Pickles to a call: unpickling it runs the call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.reduced: tuple[Any, ...] = function, arguments

    def __reduce__(self) -> Any:
        return self.reduced


class _Changed:
    """A tree's pickle with other arguments or state."""

    def __init__(self, tree: Any, change: Callable[[list[Any], dict[str, Any]], None]) -> None:
        self.tree, self.change = tree, change

    def __reduce__(self) -> Any:
        name, arguments, state = self.tree.__reduce__()
        listed = list(arguments)
        self.change(listed, state)
        return name, tuple(listed), state


def changed_tree(change: Callable[[list[Any], dict[str, Any]], None]) -> bytes:
    """A forest whose first tree has other arguments or state."""
    model = forest()
    model.estimators_[0].tree_ = _Changed(model.estimators_[0].tree_, change)
    return pickle.dumps(model)


def changed_nodes(field: str, node: int, value: float) -> bytes:
    """A forest in which one field of one node has another value; node -1 is a leaf."""

    def change(_: list[Any], state: dict[str, Any]) -> None:
        state["nodes"] = state["nodes"].copy()
        state["nodes"][field][node] = value

    return changed_tree(change)


def changed_state(**values: Any) -> bytes:
    return changed_tree(lambda _, state: state.update(values))


def changed_forest(**values: Any) -> bytes:
    model = forest()
    for name, value in values.items():
        setattr(model, name, value)
    return pickle.dumps(model)


def changed_values(change: Callable[[Any], Any]) -> bytes:
    return changed_tree(lambda _, state: state.update(values=change(state["values"])))


def _nodes_of_float32() -> bytes:
    def change(_: list[Any], state: dict[str, Any]) -> None:
        state["nodes"] = state["nodes"].astype([(name, "f4") for name in state["nodes"].dtype.names])

    return changed_tree(change)


def _without_field(name: str) -> bytes:
    def change(_: list[Any], state: dict[str, Any]) -> None:
        state["nodes"] = state["nodes"][[field for field in state["nodes"].dtype.names if field != name]].copy()

    return changed_tree(change)


def _large_array() -> Any:
    """An array whose shape is far larger than its bytes."""
    build, arguments, _ = np.zeros(1).__reduce__()
    runs = Runs(build, *arguments)
    runs.reduced = (*runs.reduced, (1, (BOMB_BYTES // 8, 1, 1), np.dtype(float), False, bytes(8)))
    return runs


def nested(depth: int) -> bytes:
    return b"\x80\x04)" + b"\x85" * depth + b"."


def laughs() -> bytes:
    """Ten tuples in each of ten tuples, and so on, twenty times: 10^20 in 500 bytes, because they are shared."""
    levels = b"".join((b"h" + bytes([number])) * 9 + b"t\x94" for number in range(20))
    return b"\x80\x04" + b"(" * 20 + b")\x94" + levels + b"."


def shared_array() -> bytes:
    """Many trees that are one object: each would be unfolded anew."""
    model = forest(trees=1)
    model.estimators_ = [model.estimators_[0]] * 5000
    return pickle.dumps(model)


def hostile(marker: Path) -> dict[str, tuple[bytes, str]]:
    """Name -> (pickle, part of the message); those that run something would create `marker`."""
    command = f"touch {marker}"
    python = f"open({str(marker)!r}, 'w')"
    genuine = pickle.dumps(forest())
    objects = np.array([Runs(os.system, command)], dtype=object)
    short = b"\x80\x04"
    return {
        "os.system": (pickle.dumps(Runs(os.system, command)), "posix.system"),
        "os.system, protocol 2": (pickle.dumps(Runs(os.system, command), 2), "posix.system"),
        "os.system, protocol 0": (pickle.dumps(Runs(os.system, command), 0), "protocol 2 or later"),
        "builtins.eval": (pickle.dumps(Runs(eval, python)), "builtins.eval"),
        "nested reduce": (changed_forest(n_jobs=Runs(eval, python)), "builtins.eval"),
        "reduce of a reduce": (
            b"\x80\x02cnumpy\ndtype\n)R)R.", "calls something that is not a name",
        ),
        "reduce in a tree": (changed_state(nodes=Runs(os.system, command)), "posix.system"),
        "object array in a tree": (changed_state(values=objects), "posix.system"),
        "object array of numbers": (changed_state(values=np.array([[[1]]], dtype=object)), "array of type 'O8'"),
        "object array beside the trees": (changed_forest(oob=np.array([1], dtype=object)), "array of type 'O8'"),
        "structured array with objects": (
            changed_state(nodes=np.zeros(1, dtype=[("left_child", "i8"), ("feature", object)])), "array of type 'O8'",
        ),
        "text array": (changed_state(values=np.array(["x"])), "array of type 'U1'"),
        "truncated": (genuine[: len(genuine) // 2], "more bytes, but"),
        "without its end": (genuine[:-1], "more bytes, but"),
        "goes on": (genuine + b"x", "continues after its end"),
        "10 GB of bytes": (short + b"\x8e" + struct.pack("<Q", BOMB_BYTES) + b"x", "claims 10000000000 more bytes"),
        "10 GB of text": (short + b"\x8d" + struct.pack("<Q", BOMB_BYTES) + b"x", "claims 10000000000 more bytes"),
        "a 10 GB frame": (short + b"\x95" + struct.pack("<Q", BOMB_BYTES) + b"N.", "claims 10000000000 more bytes"),
        "a 10 GB array": (changed_state(values=_large_array()), "shape (1250000000, 1, 1) and 8 bytes each in 8 bytes"),
        "values of another tree": (changed_values(lambda values: values[:1]), "arrays of shapes (53,) and (1, 1, 1)"),
        "a million tuples in each other": (nested(10**6), "a tuple in place of a RandomForestRegressor"),
        "too many operations": (short + b"}" * 2_000_010 + b".", "more than 2000000 operations"),
        "a memo index of 4 billion": (short + b"Nr" + struct.pack("<I", 2**32 - 1) + b"j\0\0\0\0.", "recalls value 0"),
        "a billion laughs": (laughs(), "a tuple in place of a RandomForestRegressor"),
        "one tree 5000 times": (shared_array(), "nodes in a file of"),
        "a tuple as key": (short + b"})NsK\x01.", "keys are not text"),
        "state of a name": (b"\x80\x02cnumpy\ndtype\n}b.", "not a call"),
        "state of a list": (short + b"]}b.", "not a call"),
        "state twice": (b"\x80\x02cnumpy\ndtype\n)R}b}b.", "twice"),
        "persistent id": (short + b"Nq\x00Q.", "operation BINPERSID"),
        "extension registry": (short + b"\x82\x01.", "operation EXT1"),
        "old instance": (b"\x80\x02(ios\nsystem\n.", "operation INST"),
        "an attribute of a class": (
            b"\x80\x02csklearn.ensemble._forest\nRandomForestRegressor.fit\n.", "RandomForestRegressor.fit",
        ),
        "a name that is no text": (short + b"NN\x93.", "not text"),
        "nothing on the stack": (short + b"0.", "operation POP"),
        "two objects": (short + b"NN.", "does not end with one object"),
        "an open mark": (short + b"(N.", "does not end with one object"),
        "empty": (b"", "at byte 0 it claims 1 more bytes, but 0 remain"),
        "text": (b"not a pickle at all", "unknown"),
        "compressed": (b"\x1f\x8b\x08\x00abc", "unknown"),
        "another estimator": (pickle.dumps(forest().estimators_[0]), "DecisionTreeRegressor in place of"),
        "a name alone": (pickle.dumps(RandomForestRegressor), "a Name in place of"),
        "no trees": (changed_forest(estimators_=[]), "0 trees"),
        "not fitted": (pickle.dumps(RandomForestRegressor()), "no list 'estimators_'"),
        "trees of different features": (
            changed_forest(estimators_=[*forest().estimators_, *forest(features=2).estimators_]), "different numbers",
        ),
        "two outputs": (changed_tree(lambda arguments, _: arguments.__setitem__(2, 2)), "2 outputs"),
        "no features": (changed_tree(lambda arguments, _: arguments.__setitem__(0, 0)), "different numbers"),
        "huge node count": (changed_state(node_count=2**62), "nodes in a file of"),
        "negative node count": (changed_state(node_count=-1), "a tree of -1 nodes"),
        "node count as text": (changed_state(node_count="1"), "no int 'node_count'"),
        "nodes as numbers": (changed_state(nodes=np.zeros(63)), "with arrays of shapes"),
        "nodes of float32": (_nodes_of_float32(), "'left_child' of numbers of kind 'i'"),
        "nodes without thresholds": (_without_field("threshold"), "without a field 'threshold'"),
        "values as integers": (changed_values(lambda values: values.astype(int)), "values that are not"),
        "child out of range": (changed_nodes("right_child", 0, 10**6), "child or a feature out of range"),
        "child before the first": (changed_nodes("left_child", 0, -2), "child or a feature out of range"),
        "half a leaf": (changed_nodes("left_child", 0, -1), "child or a feature out of range"),
        "a circle": (changed_nodes("left_child", 1, 0), "not two later nodes"),
        "its own child": (changed_nodes("left_child", 1, 1), "not two later nodes"),
        "feature out of range": (changed_nodes("feature", 0, 3), "outside 0 to 2"),
        "feature out of 16 bits": (changed_nodes("feature", 0, 65536), "child or a feature out of range"),
        "negative feature": (changed_nodes("feature", 0, -1), "outside 0 to 2"),
        "NaN as threshold": (changed_nodes("threshold", 0, np.nan), "not finite"),
        "infinite threshold": (changed_nodes("threshold", 0, np.inf), "not finite"),
        "NaN as value": (changed_values(lambda values: values * np.nan), "not finite"),
    }  # fmt: skip
