"""The stack machine that pickles are programs of, with values that stand for what they would make."""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable, Sequence
from typing import Any

from modelpack.weights.content import Damaged

KEPT = 256
"""Bytes of a text, and items of a tuple or a mapping, that are kept: names and version stamps are short."""
PROTOCOL = 5
"""The highest that is known."""
_MOST = 1 << 20
"""Values that may wait on the stack; the standard library's picklers leave at most a thousand a level there."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.<>]*")
_SHORT = 24
_STAMPS = {"_sklearn_version": "scikit-learn"}
_RECONSTRUCTORS = ("copyreg:_reconstructor", "copy_reg:_reconstructor")
UNKNOWN = "?:?"
"""Stands for a name that is worked out while the pickle is loaded."""


class Opaque:
    """Any value that does not matter here."""


OPAQUE = Opaque()


class Global(str):
    """``module:name``, as an opcode names it."""

    __slots__ = ()


class Made:
    """An object that the pickle makes by calling something."""

    __slots__ = ("args", "maker")

    def __init__(self, maker: Value, args: Value) -> None:
        self.maker = maker
        self.args = args


Value = Any
"""``Opaque``, ``Global``, ``Made``, a short text, a number, a short tuple, or the first items of a mapping by text."""


class Machine:
    """The stack and the memo of an unpickler."""

    def __init__(self) -> None:
        self.stack: list[Value] = []
        self.imports: set[str] = set()
        self.versions: dict[str, str] = {}
        self.called = False
        """Something named was called: loading it runs code, whatever comes after."""
        self._marks: list[int] = []
        self._memo: dict[int, Value] = {}
        self._numbered: set[int] | None = None
        """Numbers in the memo, once one of them was chosen by the pickle; before, they are those below ``_count``."""
        self._count = 0

    def push(self, value: Value) -> None:
        """Put a value on the stack.

        Raises:
            Damaged: there are more values than any pickler leaves there.
        """
        self.stack.append(value)
        if len(self.stack) > _MOST:
            raise Damaged("a pickle with more values on its stack than any pickler leaves there")

    def pop(self) -> Value:
        """Take the last value.

        Raises:
            Damaged: there is none.
        """
        self._last()
        return self.stack.pop()

    def _last(self) -> Value:
        stack, marks = self.stack, self._marks
        if not stack or (marks and len(stack) <= marks[-1]):
            raise Damaged("a pickle that takes from an empty stack")
        return stack[-1]

    def mark(self) -> None:
        """Begin a list of items."""
        self._marks.append(len(self.stack))
        if len(self._marks) > _MOST:
            raise Damaged("a pickle with more marks than any pickler makes")

    def to_mark(self) -> list[Value]:
        """Take all items since the last mark.

        Raises:
            Damaged: there is no mark.
        """
        if not self._marks:
            raise Damaged("a pickle that looks for a mark that is not there")
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def drop(self) -> None:
        """Take the last value or mark."""
        if self._marks and len(self.stack) == self._marks[-1]:
            self._marks.pop()
        else:
            self.pop()

    def put(self, number: int | None) -> None:
        """Remember the last value, under the next number when the pickle chose none."""
        value = self._last()
        if number is None and self._numbered is None:
            number = self._count
            self._count += 1
        else:
            if self._numbered is None:
                self._numbered = set(range(self._count))
            number = len(self._numbered) if number is None else number
            self._numbered.add(number)
        # Most of a large pickle's memo is never asked for; names may be.
        if value is not OPAQUE and _is_kept(value):
            self._memo[number] = value
        elif number in self._memo:
            del self._memo[number]

    def get(self, number: int) -> None:
        """Put a remembered value on the stack.

        Raises:
            Damaged: there is none of that number.
        """
        known = 0 <= number < self._count if self._numbered is None else number in self._numbered
        if not known:
            raise Damaged("a pickle that asks its memo for what is not in it")
        self.push(self._memo.get(number, OPAQUE))

    def name(self, module: Value, name: Value) -> Global:
        """Put what an import gives on the stack."""
        known = isinstance(module, str) and isinstance(name, str)
        found = Global(f"{module}:{name}" if known else UNKNOWN)
        self.imports.add(str(found))
        self.push(found)
        return found

    def call(self, maker: Value, args: Value) -> None:
        """Put what a call gives on the stack."""
        self.called = self.called or isinstance(maker, Global)
        if maker in _RECONSTRUCTORS and isinstance(args, tuple) and args:
            maker = args[0]
        self.push(Made(maker, args))

    def fill(self, target: Value, items: Sequence[Value]) -> None:
        """Keep what a mapping has under texts, look for version stamps, and put it on the stack again."""
        for key, value in zip(items[::2], items[1::2], strict=False):
            if not isinstance(key, str):
                continue
            if key in _STAMPS and isinstance(value, str):
                self.versions.setdefault(_STAMPS[key], value)
            if isinstance(target, dict) and len(target) < KEPT:
                target[key] = value
        self.push(target)


def _is_kept(value: Value) -> bool:
    if isinstance(value, Global):
        return True
    if isinstance(value, str):
        return len(value) <= _SHORT or _NAME.fullmatch(value) is not None
    if isinstance(value, tuple):
        return len(value) <= 8 and all(isinstance(item, int) for item in value)
    return isinstance(value, int) or (isinstance(value, Made) and value.maker == "numpy:dtype")


Handler = Callable[[Machine, bytes], object]


def _decode(data: bytes) -> Value:
    return data.decode("utf-8", "replace")


def _unquote(data: bytes) -> Value:
    data = data.strip()
    if len(data) < 2 or data[:1] not in (b"'", b'"') or data[-1:] != data[:1]:
        raise Damaged("a text of a pickle without quotes")
    return _decode(data[1:-1])


def _decimal(data: bytes) -> int:
    try:
        return int(data[:KEPT].rstrip(b"L") or b"0")
    except ValueError as error:
        raise Damaged("a number of a pickle that is none") from error


def _number(data: bytes) -> Value:
    try:
        float(data[:KEPT])
    except ValueError as error:
        raise Damaged("a number of a pickle that is none") from error
    return OPAQUE


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _proto(_: Machine, data: bytes) -> None:
    if data[0] > PROTOCOL:
        raise Damaged(f"a pickle of a protocol that is not known: {data[0]}")


def _global(machine: Machine, data: bytes) -> Global:
    module, _, name = data.partition(b"\n")
    return machine.name(_decode(module), _decode(name))


def _stack_global(machine: Machine, _: bytes) -> None:
    name, module = machine.pop(), machine.pop()
    machine.name(module, name)


def _extension(machine: Machine, _: bytes) -> None:
    machine.name("copyreg", "_inverted_registry")


def _reduce(machine: Machine, _: bytes) -> None:
    args, maker = machine.pop(), machine.pop()
    machine.call(maker, args)


def _new_with_names(machine: Machine, _: bytes) -> None:
    machine.pop()
    _reduce(machine, b"")


def _inst(machine: Machine, data: bytes) -> None:
    args = tuple(machine.to_mark())
    maker = _global(machine, data)
    machine.pop()
    machine.call(maker, args)


def _obj(machine: Machine, _: bytes) -> None:
    items = machine.to_mark()
    if not items:
        raise Damaged("a pickle that makes an object of no class")
    machine.call(items[0], tuple(items[1:]))


def _build(machine: Machine, _: bytes) -> None:
    machine.pop()
    made = machine.pop()
    # An object's own __setstate__ runs, as in a call.
    machine.called = machine.called or isinstance(made, Made)
    machine.push(made)


def _setitem(machine: Machine, _: bytes) -> None:
    value, key, target = machine.pop(), machine.pop(), machine.pop()
    machine.fill(target, (key, value))


def _setitems(machine: Machine, _: bytes) -> None:
    items = machine.to_mark()
    machine.fill(machine.pop(), items)


def _tuple(machine: Machine, _: bytes) -> None:
    items = machine.to_mark()
    machine.push(tuple(items) if len(items) <= KEPT else OPAQUE)


def _tuple_of(count: int) -> Handler:
    def handle(machine: Machine, _: bytes) -> None:
        items = [machine.pop() for _ in range(count)]
        machine.push(tuple(reversed(items)))

    return handle


def _collect(machine: Machine, _: bytes) -> None:
    machine.to_mark()
    machine.push(OPAQUE)


def _append(machine: Machine, _: bytes) -> None:
    machine.pop()
    machine.push(machine.pop())


def _appends(machine: Machine, _: bytes) -> None:
    machine.to_mark()
    machine.push(machine.pop())


def _persistent(machine: Machine, _: bytes) -> None:
    machine.pop()
    machine.push(OPAQUE)


def _dup(machine: Machine, _: bytes) -> None:
    value = machine.pop()
    machine.push(value)
    machine.push(value)


def _pushing(make: Callable[[bytes], Value]) -> Handler:
    return lambda machine, data: machine.push(make(data))


def _handlers() -> dict[str, Handler]:
    """Give what each opcode does, by the name that the standard library has for it."""
    opaque = _pushing(lambda _: OPAQUE)
    nothing: Handler = lambda _machine, _data: None  # noqa: E731 - one of many
    found: dict[str, Handler] = {
        "PROTO": _proto,
        "MARK": lambda machine, _: machine.mark(),
        "POP": lambda machine, _: machine.drop(),
        "POP_MARK": lambda machine, _: machine.to_mark(),
        "DUP": _dup,
        "GLOBAL": _global,
        "STACK_GLOBAL": _stack_global,
        "INST": _inst,
        "OBJ": _obj,
        "REDUCE": _reduce,
        "NEWOBJ": _reduce,
        "NEWOBJ_EX": _new_with_names,
        "BUILD": _build,
        "EMPTY_DICT": lambda machine, _: machine.push({}),
        "DICT": lambda machine, _: machine.fill({}, machine.to_mark()),
        "SETITEM": _setitem,
        "SETITEMS": _setitems,
        "EMPTY_TUPLE": lambda machine, _: machine.push(()),
        "TUPLE": _tuple,
        "APPEND": _append,
        "BINPERSID": _persistent,
        "MEMOIZE": lambda machine, _: machine.put(None),
        "PUT": lambda machine, data: machine.put(_decimal(data)),
        "GET": lambda machine, data: machine.get(_decimal(data)),
        "INT": _pushing(_decimal),
        "LONG": _pushing(_decimal),
        "FLOAT": _pushing(_number),
        "STRING": _pushing(_unquote),
        "UNICODE": _pushing(_decode),
        "BININT": _pushing(_signed),
        "LONG1": _pushing(_signed),
    }
    found |= dict.fromkeys(("APPENDS", "ADDITEMS"), _appends)
    found |= dict.fromkeys(("LIST", "FROZENSET"), _collect)
    found |= dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension)
    found |= dict.fromkeys(("FRAME", "READONLY_BUFFER", "STOP"), nothing)
    found |= {f"TUPLE{count}": _tuple_of(count) for count in (1, 2, 3)}
    found |= dict.fromkeys(("BINPUT", "LONG_BINPUT"), lambda machine, data: machine.put(_unsigned(data)))
    found |= dict.fromkeys(("BINGET", "LONG_BINGET"), lambda machine, data: machine.get(_unsigned(data)))
    found |= dict.fromkeys(("BININT1", "BININT2"), _pushing(_unsigned))
    texts = ("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
    found |= dict.fromkeys(texts, _pushing(_decode))
    # All others put one value on the stack: constants, empty lists and sets, bytes, objects kept elsewhere.
    return {operation.name: found.get(operation.name, opaque) for operation in pickletools.opcodes}


OPERATIONS: dict[bytes, tuple[str, int, Handler]] = {
    operation.code.encode("latin-1"): (operation.name, operation.arg.n if operation.arg else 0, handler)
    for operation, handler in zip(pickletools.opcodes, _handlers().values(), strict=True)
}
"""By opcode: its name, the length of its argument as ``pickletools`` gives it, and what it does."""
