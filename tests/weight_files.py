"""Tiny files of weights, byte by byte, so that each can be wrong in one place."""

from __future__ import annotations

import json
import struct


def safetensors(tensors, size):
    """Give a file of tensors: name -> (dtype, shape, begin, end), and the bytes of data."""
    header = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": [a, b]} for name, (dtype, shape, a, b) in tensors.items()
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


def gguf(texts, tensors, size):
    """Give a file of texts by key, and of tensors: name -> (type, shape, offset)."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(texts))
    for key, value in texts.items():
        out += _text(key) + struct.pack("<I", 8) + _text(value)
    for name, (kind, shape, offset) in tensors.items():
        out += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return out + (bytes(-len(out) % 32) + bytes(size) if size else b"")


def onnx(graph):
    """Give a model with this graph."""
    opset = message(8, varint(2 << 3) + varint(17))
    return varint(1 << 3) + varint(8) + message(2, b"test") + opset + message(7, graph)


def tensor(fields):
    """Give an initializer."""
    return message(5, fields)


def external(location, offset, length):
    """Give the fields of a tensor whose data lies in another file."""
    pairs = {"location": location, "offset": str(offset), "length": str(length)}
    fields = b"".join(message(13, message(1, key.encode()) + message(2, text.encode())) for key, text in pairs.items())
    return fields + varint(14 << 3) + varint(1)


def message(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _text(text):
    return struct.pack("<Q", len(text)) + text.encode()
