"""Statements that run while this thread computes: the database works on what comes next, Python on what it answered.

One connection takes one statement at a time, so there is one thread beside, and what it is asked is done in that order.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import psycopg

Cursor = psycopg.Cursor[Any]
Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


class Beside(NamedTuple):
    """A cursor and the thread that uses it. Whoever computes must not use its connection until all is answered."""

    cursor: Cursor
    thread: ThreadPoolExecutor

    def ask(
        self, work: Callable[Concatenate[Cursor, Asked], Answer], *args: Asked.args, **more: Asked.kwargs
    ) -> Future[Answer]:
        """Let the database do this after what it was asked before."""
        return self.thread.submit(work, self.cursor, *args, **more)


@contextmanager
def beside(cursor: Cursor) -> Iterator[Beside]:
    """Until the end of the block; it ends when everything is done, also what nobody waited for."""
    with ThreadPoolExecutor(1) as thread:
        yield Beside(cursor, thread)
