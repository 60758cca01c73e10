"""Pickles, walked opcode by opcode without loading anything: what they import, and whether they are whole.

The walk keeps stack and memo as an unpickler does: a name reaches ``STACK_GLOBAL`` over any detour through the memo,
and a text is told from a pickle without a magic number. joblib writes the bytes of arrays between the opcodes; the
walk goes past them as joblib's reader does.
"""

from __future__ import annotations

import io
import math
import pickletools
import re

from modelpack.weights.content import DEPTH, Content, Damaged, Stream, inside
from modelpack.weights.opcodes import KEPT, OPAQUE, OPERATIONS, Machine, Made, Value

_NEST = 64 << 20
"""Bytes up to which a string of bytes that begins as a pickle does is walked too."""
_DTYPE = re.compile(r"[<>|=]?([a-zA-Z])([0-9]{1,9})")
_ARRAYS = ("joblib.numpy_pickle:NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle:NumpyArrayWrapper")
_SIZES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_BYTES = {"BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_BEGINS_ESCAPED = (b"\\x80\\x0", b"\x80")


def begins(data: bytes) -> bool:
    """Tell whether bytes begin as pickles of protocol 2 and later do."""
    return len(data) >= 2 and data[0] == 0x80 and 2 <= data[1] <= 5


def walk(stream: Stream, content: Content, depth: int = 0) -> None:
    """Go through one pickle up to and with its STOP.

    Raises:
        Damaged: it is none, or not whole. What it would have imported before that is in ``content`` all the same.
    """
    walker = _Walker(stream, content, depth)
    try:
        walker.run()
    finally:
        content.imports |= walker.machine.imports
        content.versions.update(walker.machine.versions)


def is_pickle(stream: Stream) -> bool:
    """Tell whether bytes without a magic number are one: an unpickler gets to their end, or calls something."""
    walker = _Walker(stream, Content(), 0)
    try:
        walker.run()
    except Damaged:
        return walker.machine.called
    return walker.count > 2 and (walker.machine.called or not stream.left)


class _Walker:
    """Feeds a machine from a stream."""

    def __init__(self, stream: Stream, content: Content, depth: int) -> None:
        self.stream = stream
        self.content = content
        self.depth = depth
        self.machine = Machine()
        self.count = 0
        """Opcodes so far."""

    def run(self) -> None:
        if self.depth > DEPTH:
            raise Damaged("pickles lie too deep in each other")
        take, machine = self.stream.take, self.machine
        while True:
            code = take(1)
            if code not in OPERATIONS:
                raise Damaged(f"byte {self.stream.position - 1} is no opcode of a pickle: 0x{code.hex()}")
            name, length, handle = OPERATIONS[code]
            argument = self.argument(name, length)
            self.count += 1
            if name == "STOP":
                machine.pop()
                return
            state = machine.stack[-1] if name == "BUILD" and machine.stack else None
            if argument is None:
                machine.push(OPAQUE)
                continue
            handle(machine, argument)
            if name == "BUILD":
                self.array(machine.stack[-1], state)

    def argument(self, name: str, length: int) -> bytes | None:
        """Read what follows an opcode; None for a long string, of which only a pickle in it is looked at."""
        if length >= 0:
            return self.stream.take(length) if length else b""
        if length == pickletools.UP_TO_NEWLINE:
            line = self.stream.line()
            if name == "STRING" and line[1:].startswith(_BEGINS_ESCAPED):
                text = line[1:-1].decode("latin-1")
                self.nested_bytes(text.encode("latin-1").decode("unicode_escape").encode("latin-1", "replace"))
            return line + b"\n" + self.stream.line() if name in ("GLOBAL", "INST") else line
        size = int.from_bytes(self.stream.take(_SIZES[length]), "little")
        if size > KEPT:
            self.long(size)
            return None
        data = self.stream.take(size)
        if name in _BYTES and begins(data):
            self.nested_bytes(data)
        return data

    def long(self, size: int) -> None:
        """Go past a long string, and walk the pickle that it may be."""
        if size > _NEST or not begins(self.stream.peek(2)):
            self.stream.skip(size)
            return
        with inside(self.stream, size) as inner:
            self.nested(inner)

    def nested_bytes(self, data: bytes) -> None:
        self.nested(Stream(io.BufferedReader(io.BytesIO(data)), len(data)))

    def nested(self, stream: Stream) -> None:
        try:
            walk(stream, self.content, self.depth + 1)
        except Damaged:
            # Bytes that only begin as a pickle does; the names found on the way stay.
            return

    def array(self, made: Value, state: Value) -> None:
        """Go past the bytes that joblib writes after an array's description."""
        if not isinstance(made, Made) or made.maker not in _ARRAYS:
            return
        found = state if isinstance(state, dict) else {}
        shape, dtype = found.get("shape"), found.get("dtype")
        args = dtype.args if isinstance(dtype, Made) and isinstance(dtype.args, tuple) else ()
        kind = _DTYPE.fullmatch(args[0]) if args and isinstance(args[0], str) else None
        sizes = isinstance(shape, tuple) and all(isinstance(item, int) and 0 <= item < 1 << 48 for item in shape)
        if kind is None or not sizes or not isinstance(shape, tuple) or len(shape) > 64:
            raise Damaged("an array of joblib's in a form that is not known")
        if kind[1] == "O":
            walk(self.stream, self.content, self.depth + 1)
            return
        if isinstance(found.get("numpy_array_alignment_bytes"), int):
            self.stream.skip(self.stream.take(1)[0])
        self.stream.skip(math.prod(shape) * int(kind[2]) * (4 if kind[1] == "U" else 1))
