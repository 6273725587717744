"""Texts as Arrow holds them, made of their bytes. pyarrow makes arrays and constants of Python's own objects, too, but
loads pandas at the first of them: 45 MB, and half a second of every process that reads a file. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa


def text_array(texts: Sequence[str]) -> Any:
    """Raises TypeError when one is no text, and UnicodeEncodeError when one holds half surrogates."""
    whole = "".join(texts)
    if whole.isascii():
        parts: Sequence[str | bytes] = texts
        data = whole.encode()
    else:
        parts = encoded = [one.encode() for one in texts]
        data = b"".join(encoded)
    ends = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum(np.fromiter(map(len, parts), dtype=np.int32, count=len(texts)), out=ends[1:])
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends), pa.py_buffer(data))


@lru_cache(4_096)
def constant(text: str) -> Any:
    """A text as an argument of Arrow's functions."""
    return text_array([text])[0]


def as_numpy(array: Any) -> Any:
    """An array of numbers or truth values, none of them null; read only."""
    if pa.types.is_boolean(array.type):
        return np.from_dlpack(array.cast(pa.uint8())).view(np.bool_)
    return np.from_dlpack(array)


def places(chosen: Any) -> Any:
    """Where truth values of numpy hold, as an argument of Arrow's functions."""
    found = np.flatnonzero(chosen).astype(np.int32)
    return pa.Int32Array.from_buffers(pa.int32(), len(found), [None, pa.py_buffer(found)])
