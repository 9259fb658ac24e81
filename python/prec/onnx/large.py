# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Weights that stay in their file: found in the bytes of a model, read when they are needed.

An ONNX file is a protobuf message, ModelProto.graph.initializer.raw_data: what is long there
is left out of the bytes that are parsed, and known by its place in the file instead.
"""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prec.frontend import FrontendError

from .types import onnx

if TYPE_CHECKING:
    from numpy.typing import DTypeLike
    from onnx import ModelProto, TensorProto

LEAST = 1 << 10  # bytes of a weight that stays in its file
GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # field numbers in ModelProto, GraphProto, TensorProto
# Fields that hold a tensor's elements in another form, or say that they are elsewhere.
OTHER_DATA = (3, 4, 5, 6, 7, 10, 11, 13, 14)
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # protobuf's ways to write a field

_P = onnx.TensorProto
KINDS = {
    _P.FLOAT: "<f4", _P.DOUBLE: "<f8", _P.FLOAT16: "<f2", _P.BOOL: "?", _P.INT8: "<i1",
    _P.UINT8: "<u1", _P.INT16: "<i2", _P.UINT16: "<u2", _P.INT32: "<i4", _P.UINT32: "<u4",
    _P.INT64: "<i8", _P.UINT64: "<u8",
}  # fmt: skip


@dataclass(frozen=True)
class FileArray:
    """An array that is read from its file whenever NumPy asks for it."""

    path: str
    offset: int
    dtype: np.dtype
    shape: tuple

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        try:
            array = np.fromfile(self.path, self.dtype, self.size, offset=self.offset)
        except OSError as error:
            raise FrontendError(f"cannot read '{self.path}': {error.strerror}") from None
        if array.size != self.size:
            raise FrontendError(f"'{self.path}' became shorter while it was read")
        array = array.reshape(self.shape)
        return array if dtype is None else array.astype(dtype)


class _Malformed(Exception):
    """Not what protobuf writes; its own parser is to say why."""


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _Malformed


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """(number, kind, where the field begins, where its content begins, where it ends)."""
    while at < end:
        start = at
        key, at = _varint(data, at, end)
        kind = key & 7
        if kind == VARINT:
            _, stop = _varint(data, at, end)
        elif kind == BYTES:
            length, at = _varint(data, at, end)
            stop = at + length
        elif kind in (FIXED64, FIXED32):
            stop = at + (8 if kind == FIXED64 else 4)
        else:
            raise _Malformed
        if stop > end:
            raise _Malformed
        yield key >> 3, kind, start, at, stop
        at = stop


def _message(number: int, content: bytes) -> bytes:
    """A field that holds these bytes."""
    text = bytearray()
    for value in (number << 3 | BYTES, len(content)):
        while value > 127:
            text.append(value & 127 | 128)
            value >>= 7
        text.append(value)
    return bytes(text) + content


def _without_data(data: bytes, start: int, end: int) -> tuple[bytes, tuple[int, int]] | None:
    """(an initializer's bytes without its raw data, where that lies), or None to keep it whole."""
    raw, rest = None, []
    for number, kind, begin, inside, stop in _fields(data, start, end):
        if number in OTHER_DATA or number == RAW_DATA and (raw or kind != BYTES):
            return None
        if number == RAW_DATA:
            raw = inside, stop
        else:
            rest.append(data[begin:stop])
    if raw is None or raw[1] - raw[0] < LEAST:
        return None
    return b"".join(rest), raw


def without_large_data(data: bytes) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """(the model's bytes without long raw data, {number of an initializer: where its data lies})."""
    try:
        fields = list(_fields(data, 0, len(data)))
        graphs = [f for f in fields if f[0] == GRAPH]
        if len(graphs) != 1 or graphs[0][1] != BYTES:
            return data, {}
        _, _, before, inside, after = graphs[0]
        graph, places, count = [], {}, 0
        for number, kind, begin, start, stop in _fields(data, inside, after):
            if number == INITIALIZER:
                made = _without_data(data, start, stop) if kind == BYTES else None
                if made:
                    graph.append(_message(INITIALIZER, made[0]))
                    places[count] = made[1]
                    count += 1
                    continue
                count += 1
            graph.append(data[begin:stop])
    except _Malformed:
        return data, {}
    if not places:
        return data, {}
    return b"".join([data[:before], _message(GRAPH, b"".join(graph)), data[after:]]), places


def array_at(tensor: TensorProto, path: str | Path, offset: int, length: int) -> FileArray | None:
    """The FileArray of an initializer, or None if its elements do not lie there as NumPy's would."""
    kind = KINDS.get(tensor.data_type)
    if kind is None or any(n < 0 for n in tensor.dims):
        return None
    array = FileArray(os.fspath(path), offset, np.dtype(kind), tuple(tensor.dims))
    return array if array.nbytes == length else None


def store(model: ModelProto, arrays: Mapping[str, FileArray], folder: str) -> str:
    """Writes the model with these initializers as external data, which onnxruntime maps; the path."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    with open(os.path.join(folder, "weights.bin"), "wb") as file:
        for tensor in made.graph.initializer:
            if tensor.name not in arrays:
                continue
            file.seek(-file.tell() % 4096, os.SEEK_CUR)
            array = arrays[tensor.name]
            entries = {"location": "weights.bin", "offset": file.tell(), "length": array.nbytes}
            np.asarray(array).tofile(file)
            tensor.data_location = _P.EXTERNAL
            for key, value in entries.items():
                tensor.external_data.add(key=key, value=str(value))
    path = os.path.join(folder, "model.onnx")
    with open(path, "wb") as file:
        file.write(made.SerializeToString())
    return path
