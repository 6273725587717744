"""Arrays as bytes, with a hash: nothing is unpickled, and what does not match is refused. Pure.

The form: a line of JSON with the name, type and shape of each array, then the arrays' bytes one after the other, little
endian.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.clusters.grouping import Tampered

Array = npt.NDArray[Any]
_TYPES = {"<f4", "<i4", "<i8", "|u1"}


def pack(arrays: Mapping[str, Array]) -> tuple[bytes, str]:
    """The bytes of named arrays, and their SHA-256."""
    plain = {name: np.ascontiguousarray(one) for name, one in arrays.items()}
    wrong = [name for name, one in plain.items() if one.dtype.str not in _TYPES]
    if wrong:
        raise TypeError(f"{wrong[0]} is {plain[wrong[0]].dtype}; kept are {', '.join(sorted(_TYPES))}")
    head = json.dumps([[name, one.dtype.str, list(one.shape)] for name, one in plain.items()])
    body = b"".join([head.encode(), b"\n", *(one.tobytes() for one in plain.values())])
    return body, hashlib.sha256(body).hexdigest()


def unpack(body: bytes, sha256: str) -> dict[str, Array]:
    """The arrays again, as views that cannot be written. Raises Tampered."""
    if hashlib.sha256(body).hexdigest() != sha256:
        raise Tampered("The stored factors are not those that were kept: their SHA-256 differs. Run it again.")
    head, found = body.index(b"\n"), {}
    start = head + 1
    for name, kind, shape in json.loads(body[:head]):
        if kind not in _TYPES:
            raise Tampered(f"The stored array {name} is of a type that is never kept. Run it again.")
        count = int(np.prod(shape, dtype=np.int64))
        found[name] = np.frombuffer(body, dtype=kind, count=count, offset=start).reshape(shape)
        start += count * np.dtype(kind).itemsize
    return found


def digest(*parts: bytes) -> bytes:
    """The SHA-256 of parts, each with its length before it."""
    summed = hashlib.sha256()
    for part in parts:
        summed.update(len(part).to_bytes(8, "little"))
        summed.update(part)
    return summed.digest()
