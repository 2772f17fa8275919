"""Safe reading of a pickle as a description of what it would build, without building or importing anything.

A pickle is a program: "push this text, import that name, call it". This module interprets the program on its own stack,
where a name remains a name and a call is only recorded, so a pickle cannot execute anything. It refuses names outside
an allow-list, operations that no estimator's pickle needs, and lengths beyond the end of the file; messages name them.
Limits bound time and memory: `pickletools` reads about a million operations per second.
"""

import pickletools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import IO, Any, Final

from workflow_lib.core.errors import UserError

MAX_BYTES: Final = 4 * 2**30
"""Largest pickle that is read. A forest of 550 unpruned trees over 25,000 samples takes about 1 GB."""

MAX_OPERATIONS: Final = 2_000_000
"""Largest number of operations; a forest needs about 130 per tree, whatever the size of the trees."""

_MAX_LINE: Final = 1000  # the names of protocols 2 and 3 are lines of text
_OLDEST_PROTOCOL: Final = 2


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a pickle would import; it is not imported.

    Attributes:
        path: module and name, joined by a dot.
    """

    path: str


@dataclass(slots=True, eq=False)
class Call:
    """An object that a pickle would build; nothing is called.

    Attributes:
        name: callable that would build it.
        arguments: arguments of the call.
        state: state that the object would receive afterwards; None if there is none.
    """

    name: Name
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True, slots=True)
class Description:
    """The content of a pickle.

    Attributes:
        root: the pickled object: plain values, tuples, lists, dictionaries with text keys, `Name` and `Call`.
        calls: all calls, including those that the root does not contain.
        size: size of the file in bytes. Values can be shared, so their total size can be far larger.
        operations: number of operations that were read.
    """

    root: Any
    calls: tuple[Call, ...]
    size: int
    operations: int


def read_pickle(file: IO[bytes], size: int, where: object, allowed: Collection[str]) -> Description:
    """Read a pickle of protocol 2 or later.

    Args:
        file: stream that contains only the pickle.
        size: size of the pickle in bytes.
        where: name of the source for messages.
        allowed: names that the pickle may contain: module and name, joined by a dot.

    Returns:
        The content. Values can be nested deeply or contain themselves, so do not compare, print or traverse them
        recursively.

    Raises:
        UserError: if the file is too large, not a pickle, or damaged, or has names or operations that are not allowed.
            The message names them.

    Source: the operations are those of CPython's pickletools; the file format has no other specification.
    """
    if size > MAX_BYTES:
        raise UserError(f"a pickle of {size} bytes; allowed are {MAX_BYTES}", where)
    machine = _Machine(frozenset(allowed))
    try:
        machine.run(_Source(file, size))
        if file.read(1):
            raise _RefusedError("it continues after its end")
    except (_RefusedError, ValueError) as error:  # pickletools raises ValueError, UnicodeDecodeError among them
        fix = "nothing in it was executed; import only random forests pickled by scikit-learn"
        raise UserError(f"refused, not a safe pickle of a forest: {str(error)[:200]}", where, fix) from None
    return Description(machine.stack[0], tuple(machine.calls), size, machine.operations)


class _RefusedError(Exception):
    """Reason why a pickle is refused; converted to a UserError that names the file."""


class _Source:
    """The part of a file's interface that pickletools needs; refuses lengths beyond the end of the file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._size, self._position = file, size, 0

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        self.expect(size)
        content = self._file.read(size)
        self._position += len(content)
        return content

    def expect(self, size: int) -> None:
        remaining = self._size - self._position
        if size > remaining:
            raise _RefusedError(f"at byte {self._position} it claims {size} more bytes, but {remaining} remain")

    def readline(self) -> bytes:
        line = self._file.readline(_MAX_LINE)
        self._position += len(line)
        return line


class _Machine:
    """The stack machine that interprets pickles, without the operations that execute code."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self.stack: list[Any] = []
        self.calls: list[Call] = []
        self.operations = 0
        self._outer_stacks: list[list[Any]] = []  # one per open mark
        self._memo: dict[int, Any] = {}
        self._allowed = allowed

    def run(self, source: _Source) -> None:
        """Interpret a pickle; afterwards the stack contains only the pickled object."""
        operations = pickletools.genops(source)  # type: ignore[arg-type]  # it needs only these three methods
        for count, (operation, argument, position) in enumerate(operations):
            self.operations = count + 1
            if count >= MAX_OPERATIONS:
                raise _RefusedError(f"it has more than {MAX_OPERATIONS} operations")
            if count == 0 and operation.name != "PROTO":
                raise _RefusedError(f"it is not a pickle of protocol {_OLDEST_PROTOCOL} or later")
            if operation.name in _CONSTANTS:
                self.stack.append(_CONSTANTS.get(operation.name, argument))
            elif operation.name in _LITERALS:
                self.stack.append(argument)
            elif operation.name in _OPERATIONS:
                _OPERATIONS[operation.name](self, argument)
            elif operation.name == "FRAME":
                source.expect(int(argument or 0))
            elif operation.name != "STOP":
                raise _RefusedError(f"operation {operation.name} at byte {position}, which no random forest needs")
        if len(self.stack) != 1 or self._outer_stacks:
            raise _RefusedError("it does not end with one object")

    def protocol(self, version: int) -> None:
        if version < _OLDEST_PROTOCOL:
            raise _RefusedError(f"protocol {version} is too old; the oldest supported one is {_OLDEST_PROTOCOL}")

    def pop(self) -> Any:
        if not self.stack:
            raise _RefusedError("it takes a value from an empty stack")
        return self.stack.pop()

    def top(self, kind: type) -> Any:
        if not self.stack or type(self.stack[-1]) is not kind:
            raise _RefusedError(f"it modifies something that is not a {kind.__name__.lower()}")
        return self.stack[-1]

    def mark(self, _: object) -> None:
        self._outer_stacks.append(self.stack)
        self.stack = []

    def pop_to_mark(self) -> list[Any]:
        if not self._outer_stacks:
            raise _RefusedError("it returns to a mark that was not set")
        items, self.stack = self.stack, self._outer_stacks.pop()
        return items

    def push_tuple(self, length: int) -> None:
        items = [self.pop() for _ in range(length)]
        self.stack.append(tuple(reversed(items)))

    def push_tuple_from_mark(self, _: object) -> None:
        items = self.pop_to_mark()  # first, because it changes the stack
        self.stack.append(tuple(items))

    def extend(self, items: list[Any]) -> None:
        self.top(list).extend(items)

    def update(self, items: list[Any]) -> None:
        target, keys = self.top(dict), items[::2]
        if len(items) % 2 or not all(type(key) is str for key in keys):
            # Hashing or comparing other keys runs code on them, such as a recursion into deeply nested tuples.
            raise _RefusedError("it has a dictionary whose keys are not text")
        target.update(zip(keys, items[1::2], strict=True))

    def store(self, index: int | None) -> None:
        if not self.stack:
            raise _RefusedError("it stores a value of an empty stack")
        self._memo[len(self._memo) if index is None else index] = self.stack[-1]

    def recall(self, index: int) -> None:
        if index not in self._memo:
            raise _RefusedError(f"it recalls value {index}, which was not stored")
        self.stack.append(self._memo[index])

    def name(self, path: str) -> None:
        if path not in self._allowed:
            raise _RefusedError(f"it names {path!r}, which no random forest contains")
        self.stack.append(Name(path))

    def name_from_stack(self, _: object) -> None:
        name, module = self.pop(), self.pop()
        if type(name) is not str or type(module) is not str:
            raise _RefusedError("it has a name that is not text")
        self.name(f"{module}.{name}")

    def call(self, _: object) -> None:
        arguments, name = self.pop(), self.pop()
        if type(arguments) is not tuple or type(name) is not Name:
            raise _RefusedError("it calls something that is not a name")
        self.calls.append(Call(name, arguments))
        self.stack.append(self.calls[-1])

    def set_state(self, _: object) -> None:
        state = self.pop()
        call = self.top(Call)
        if call.state is not None:
            raise _RefusedError(f"it sets the state of one {call.name.path} twice")
        call.state = state


_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NUMBERS: Final = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_TEXTS: Final = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_BYTES: Final = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_LITERALS: Final = _NUMBERS | _TEXTS | _BYTES
_OPERATIONS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "PROTO": _Machine.protocol,
    "MARK": _Machine.mark,
    "EMPTY_TUPLE": lambda machine, _: machine.push_tuple(0),
    "TUPLE1": lambda machine, _: machine.push_tuple(1),
    "TUPLE2": lambda machine, _: machine.push_tuple(2),
    "TUPLE3": lambda machine, _: machine.push_tuple(3),
    "TUPLE": _Machine.push_tuple_from_mark,
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "SETITEM": lambda machine, _: machine.update([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.update(machine.pop_to_mark()),
    "MEMOIZE": lambda machine, _: machine.store(None),
    "BINPUT": _Machine.store,
    "LONG_BINPUT": _Machine.store,
    "BINGET": _Machine.recall,
    "LONG_BINGET": _Machine.recall,
    "GLOBAL": lambda machine, argument: machine.name(argument.replace(" ", ".", 1)),
    "STACK_GLOBAL": _Machine.name_from_stack,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.set_state,
}
