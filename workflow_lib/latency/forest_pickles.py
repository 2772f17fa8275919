"""Extraction of a random forest's trees from a scikit-learn pickle, without scikit-learn and without executing code."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.forests import MAX_FEATURES, Forest, check_forest, join_trees, make_tree
from workflow_lib.latency.pickles import Call, Description, read_pickle

_FOREST: Final = {f"sklearn.ensemble.{module}.RandomForestRegressor" for module in ("forest", "_forest")}
_ESTIMATOR: Final = {f"sklearn.tree.{module}.DecisionTreeRegressor" for module in ("tree", "_classes")}
_TREE: Final = {"sklearn.tree._tree.Tree"}
_DTYPE: Final = {"numpy.dtype"}
_ARRAY: Final = {f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")}
_BUFFER: Final = {f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")}
_BYTES: Final = {"_codecs.encode"}
# Names that occur in the pickle of a forest but outside its trees: array types, the out-of-bag score, random states.
_IGNORED: Final = {
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")),
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._mt19937.MT19937",
}
_ALLOWED: Final = frozenset(
    _FOREST | _ESTIMATOR | _TREE | _DTYPE | _ARRAY | _BUFFER | _BYTES | _IGNORED,
)

# Numbers of fixed size. Objects ("O8") are excluded: they are pickles within the pickle.
_SCALARS: Final = frozenset({"f8", "f4", "i8", "u8", "i4", "u4", "i2", "u1", "b1"})
_MAX_TREES: Final = 100_000
_MAX_FIELDS: Final = 32  # per node; it has 7 fields, 8 since scikit-learn 1.3
_SMALLEST_NODE_BYTES: Final = 56
_NO_CHILD: Final = -1


@dataclass(frozen=True)
class PickledForest:
    """A forest that was read from a pickle.

    Attributes:
        forest: the trees.
        sklearn_version: version of scikit-learn that wrote the pickle.
        operations: number of pickle operations that were read.
    """

    forest: Forest
    sklearn_version: str
    operations: int


def read_forest_pickle(path: Path) -> PickledForest:
    """Read the trees of a pickled `RandomForestRegressor`.

    Args:
        path: uncompressed pickle of protocol 2 or later, from scikit-learn 0.20 or later.

    Returns:
        The validated trees: every path from a root ends at a leaf of the same tree.

    Raises:
        UserError: if the file is not such a pickle, or contains anything else.
    """
    with path.open("rb") as file:
        return read_forest_stream(file, path.stat().st_size, path)


def read_forest_stream(file: IO[bytes], size: int, where: object) -> PickledForest:
    """Read the trees of a pickled `RandomForestRegressor` from a stream; see `read_forest_pickle`.

    Args:
        file: stream that contains only the pickle.
        size: size of the pickle in bytes.
        where: name of the source for messages.

    Returns:
        The validated trees.

    Raises:
        UserError: if the stream is not such a pickle, or contains anything else.

    Source: scikit-learn, sklearn/tree/_tree.pyx, Tree.__reduce__ and __getstate__; NumPy, ndarray.__reduce__ and
        dtype.__reduce__. The fields of a node differ between versions and are read from the pickle.
    """
    description = read_pickle(file, size, where, _ALLOWED)
    try:
        return _pickled_forest(description)
    except (_NotAForestError, ValueError, OverflowError) as error:  # NumPy raises the latter two for impossible arrays
        fix = "nothing in it was executed; import only random forests pickled by scikit-learn"
        raise UserError(f"refused, not a valid random forest: {str(error)[:200]}", where, fix) from None


class _NotAForestError(Exception):
    """Reason why a description is not a forest; converted to a UserError that names the file."""


def _pickled_forest(description: Description) -> PickledForest:
    checked: set[tuple[int, ...]] = set()
    for call in description.calls:
        # The description keeps all objects alive, so their ids are unique. Types with shared parts are checked only
        # once, because there may be hundreds of thousands of them.
        parts = (id(call.state), *map(id, call.arguments))
        if call.name.path in _DTYPE and parts not in checked:
            _dtype(call)  # also the types of ignored arrays: arrays of objects are refused everywhere
            checked.add(parts)
    state = _state(description.root, _FOREST)
    estimators = _value(state, "estimators_", list)
    if not 1 <= len(estimators) <= _MAX_TREES:
        raise _NotAForestError(f"{len(estimators)} trees (allowed: 1 to {_MAX_TREES})")
    calls = [_value(_state(estimator, _ESTIMATOR), "tree_", Call) for estimator in estimators]
    # Guards the memory: an array that is stored once could be referenced by every tree.
    counts = [_value(_state(call, _TREE), "node_count", int) for call in calls]
    if min(counts) < 1:
        raise _NotAForestError(f"a tree of {min(counts)} nodes")
    nodes = sum(counts)
    if nodes * _SMALLEST_NODE_BYTES > description.size:
        raise _NotAForestError(f"{nodes} nodes in a file of {description.size} bytes")
    trees = [_tree(call) for call in calls]
    forest = join_trees(trees)
    if problem := check_forest(forest):
        raise _NotAForestError(problem)
    # BaseEstimator writes the version; a forest without it is still valid.
    version = state.get("_sklearn_version")
    return PickledForest(forest, version[:20] if type(version) is str else "unknown", description.operations)


def _tree(call: Call) -> Forest:
    """Convert one tree to a forest that is not yet validated."""
    state = _state(call, _TREE)
    features, _, outputs = _arguments(call, int, Call, int)
    if outputs != 1:
        raise _NotAForestError(f"a tree with {outputs} outputs")
    count = _value(state, "node_count", int)
    nodes, values = _array(_value(state, "nodes", Call)), _array(_value(state, "values", Call))
    if nodes.shape != (count,) or values.shape != (count, 1, 1) or count < 1:
        raise _NotAForestError(f"a tree of {count} nodes with arrays of shapes {nodes.shape} and {values.shape}")
    left, right = _field(nodes, "left_child", "i"), _field(nodes, "right_child", "i")
    feature, threshold = _field(nodes, "feature", "i"), _field(nodes, "threshold", "f")
    links = np.stack([left, right])
    in_range = (links >= _NO_CHILD).all() and (links < count).all() and (np.diff(links == _NO_CHILD, axis=0) == 0).all()
    if not in_range or (np.abs(feature) > MAX_FEATURES).any():
        raise _NotAForestError("a node with a child or a feature out of range")
    if values.dtype.kind != "f":
        raise _NotAForestError("values that are not floating-point numbers")
    return make_tree((left, right), feature, threshold, values.reshape(count), features)


def _field(nodes: NDArray[Any], name: str, kind: str) -> NDArray[Any]:
    if nodes.dtype.names is None or name not in nodes.dtype.names or nodes.dtype[name].kind != kind:
        raise _NotAForestError(f"nodes without a field {name!r} of numbers of kind {kind!r}")
    field: NDArray[Any] = nodes[name].astype(np.int64 if kind == "i" else np.float64)
    return field


def _array(call: Call) -> NDArray[Any]:
    """Build an array of numbers from its type, its shape and its bytes."""
    if call.name.path in _BUFFER:  # protocol 5
        buffer, dtype_call, shape, order = _arguments(call, (bytes, bytearray, Call), Call, tuple, str)
        fortran = order == "F"
    elif call.name.path in _ARRAY and type(call.state) is tuple and len(call.state) == 5:
        _, shape, dtype_call, fortran, buffer = call.state
    else:
        raise _NotAForestError(f"{call.name.path} in place of an array")
    dtype, values = _dtype(dtype_call), _bytes(buffer)
    # Lengths are compared as Python integers, which cannot overflow.
    if type(shape) is not tuple or len(shape) > 3 or not all(type(size) is int and size >= 0 for size in shape):
        raise _NotAForestError("an array whose shape is not a tuple of at most three sizes")
    if math.prod(shape) * dtype.itemsize != len(values):
        raise _NotAForestError(f"an array of shape {shape} and {dtype.itemsize} bytes each in {len(values)} bytes")
    return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran is True else "C")


def _bytes(value: Any) -> bytes:
    if type(value) is Call and value.name.path in _BYTES:  # how protocol 2 stores bytes
        text, encoding = _arguments(value, str, str)
        if encoding != "latin1":
            raise _NotAForestError("bytes in an encoding other than latin1")
        return str(text).encode("latin1")
    if type(value) not in (bytes, bytearray):
        raise _NotAForestError("an array whose values are not bytes (an array of Python objects has a list)")
    return bytes(value)


def _dtype(call: Any, nested: bool = False) -> np.dtype[Any]:
    """Build the type of an array's elements: a number, or a record of numbers (not nested)."""
    if type(call) is not Call or call.name.path not in _DTYPE:
        raise _NotAForestError("an array without a type")
    code = call.arguments[0] if call.arguments else None
    if type(code) is not str or type(call.state) is not tuple or len(call.state) < 7:
        raise _NotAForestError("an array whose type is incomplete")
    _, order, _, names, fields, item_size, _ = call.state[:7]
    if code in _SCALARS and names is None and fields is None:
        if order not in ("<", ">", "|", "="):
            raise _NotAForestError("a number of unknown byte order")
        return np.dtype(code).newbyteorder(order)
    if nested or not code.startswith("V") or type(names) is not tuple or type(fields) is not dict:
        raise _NotAForestError(f"an array of type {code[:20]!r}, which is not numeric")
    if len(names) > _MAX_FIELDS or type(item_size) is not int:
        raise _NotAForestError(f"nodes of {len(names)} fields")
    descriptions = [_value(fields, name, tuple) for name in names]
    if not all(len(field) == 2 and type(field[1]) is int for field in descriptions):
        raise _NotAForestError("a node with a field at an unknown offset")
    formats, offsets = [_dtype(field[0], nested=True) for field in descriptions], [field[1] for field in descriptions]
    ends = [offset + number.itemsize for offset, number in zip(offsets, formats, strict=True)]
    if min(offsets, default=0) < 0 or max(ends, default=1) > item_size or item_size > _MAX_FIELDS * 8:
        raise _NotAForestError("a node whose fields exceed its size")
    return np.dtype({"names": list(names), "formats": formats, "offsets": offsets, "itemsize": item_size})


def _state(value: Any, names: Iterable[str]) -> dict[str, Any]:
    if type(value) is not Call or value.name.path not in names:
        found = value.name.path if type(value) is Call else f"a {type(value).__name__}"
        raise _NotAForestError(f"{found} in place of a {sorted(names)[0].rpartition('.')[2]}")
    if type(value.state) is not dict:
        raise _NotAForestError(f"a {value.name.path} without content")
    return value.state


def _value(values: dict[str, Any], key: Any, kind: type) -> Any:
    if type(key) is not str or type(values.get(key)) is not kind:
        raise _NotAForestError(f"no {kind.__name__.lower()} {str(key)[:40] if type(key) is str else ''!r}")
    return values[key]


def _arguments(call: Call, *kinds: type | tuple[type, ...]) -> tuple[Any, ...]:
    choices = [kind if isinstance(kind, tuple) else (kind,) for kind in kinds]
    if len(call.arguments) != len(kinds) or not all(map(_is_one_of, call.arguments, choices)):
        raise _NotAForestError(f"{call.name.path} with unexpected arguments")
    return call.arguments


def _is_one_of(value: Any, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds
