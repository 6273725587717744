"""Embedded servers of a benchmark's own, in a data folder that is thrown away, and their processor time."""

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

Result = TypeVar("Result")


def isolated(work: Callable[..., Result], *arguments: Any) -> Result:
    """Run `work` in a new process: Django can be pointed at one database only, and memory is that work's alone."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


@contextmanager
def fresh_services() -> Iterator[Path]:
    """Start PostgreSQL and Valkey in a new folder, migrate, and remove all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="cdp-bench-", dir=os.environ.get("CDP_BENCH_DIR")))
    folder.chmod(0o755)
    try:
        with kept_services(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_services(folder: Path) -> Iterator[Path]:
    """The same in a folder that stays, for a base that is dear to make and measured more than once."""
    os.environ["CDP_DATA_DIR"] = str(folder)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
    from cdp.runner import services

    stop: Callable[[], None] = services.ensure(folder)
    try:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield folder
    finally:
        stop()


def postgres_cpu() -> float:
    """Seconds of processor time that the benchmark's PostgreSQL has used so far, ended children included."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "postgres" not in process.name():
                continue
            times = process.cpu_times()
            total += times.user + times.system
            if process.children():
                total += times.children_user + times.children_system
        except psutil.Error:
            continue
    return total
