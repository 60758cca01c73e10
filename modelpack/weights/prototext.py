"""The text form of Protocol Buffers, as far as ``config.pbtxt`` uses it, read without a schema.

Own code, since the library wants the compiled schema of Triton's messages, which no package index has by itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from modelpack.weights.content import Damaged

Scalar = str
Message = Mapping[str, Sequence["Scalar | Message"]]
"""Values by field name, in order; texts without their quotes, all else as it is spelled."""

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*)
      | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<word>[-+]?[A-Za-z0-9_.][A-Za-z0-9_.+]*)
      | (?P<mark>[{}<>\[\]:;,])""",
    re.VERBOSE,
)
_DEPTH = 50


def parse(text: str) -> Message:
    """Read a message.

    Raises:
        Damaged: it is none; says the line.
    """
    return _Reader(_tokens(text)).message("", 0)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def _tokens(text: str) -> list[_Token]:
    found, place, line = [], 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise Damaged(f"line {line}: {text[place]!r} has no meaning here")
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup or "", match[0], line))
        line += match[0].count("\n")
        place = match.end()
    return [*found, _Token("end", "the end", line)]


@dataclass(slots=True)
class _Reader:
    tokens: list[_Token]
    place: int = field(default=0)

    def next(self) -> _Token:
        token = self.tokens[self.place]
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def peek(self) -> str:
        token = self.tokens[self.place]
        return token.text if token.kind == "mark" else token.kind

    def message(self, closing: str, depth: int) -> Message:
        """Read fields up to what closes them; the end when that is empty."""
        if depth > _DEPTH:
            raise Damaged("messages lie too deep in each other")
        fields: dict[str, list[Scalar | Message]] = {}
        while True:
            token = self.next()
            if token.text == closing or (not closing and token.kind == "end"):
                return fields
            if token.kind != "word":
                raise Damaged(f"line {token.line}: expected a field's name, found {token.text}")
            values = fields.setdefault(token.text, [])
            if self.peek() == ":":
                self.next()
            elif self.peek() not in ("{", "<", "["):
                raise Damaged(f"line {token.line}: {token.text} has no value")
            values += self.values(depth)
            if self.peek() in (",", ";"):
                self.next()

    def values(self, depth: int) -> list[Scalar | Message]:
        if self.peek() != "[":
            return [self.value(depth)]
        self.next()
        found: list[Scalar | Message] = []
        while self.peek() != "]":
            found.append(self.value(depth))
            if self.peek() == ",":
                self.next()
            elif self.peek() != "]":
                token = self.next()
                raise Damaged(f"line {token.line}: expected , or ] in a list, found {token.text}")
        self.next()
        return found

    def value(self, depth: int) -> Scalar | Message:
        token = self.next()
        if token.text in ("{", "<") and token.kind == "mark":
            return self.message("}" if token.text == "{" else ">", depth + 1)
        if token.kind == "word":
            return token.text
        if token.kind != "text":
            raise Damaged(f"line {token.line}: expected a value, found {token.text}")
        text = _unquoted(token)
        while self.peek() == "text":
            text += _unquoted(self.next())
        return text


def _unquoted(token: _Token) -> str:
    try:
        return str(ast.literal_eval(token.text))
    except (ValueError, SyntaxError) as error:
        raise Damaged(f"line {token.line}: a text that cannot be read: {token.text}") from error
