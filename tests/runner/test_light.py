"""What every process holds in memory: libraries that only some work needs are loaded where that work is done."""

import subprocess
import sys

import pytest

HEAVY = (
    "sklearn", "scipy", "xgboost", "implicit", "pandas", "recordlinkage", "rapidfuzz", "duckdb", "aiohttp", "pyspark",
    "pyarrow", "boto3",
)  # fmt: skip


@pytest.mark.parametrize("entrance", ["cdp.tasks", "cdp.urls", "cdp.beat", "cdp.pipeline.run"])
def test_workers_and_web_servers_load_no_library_of_models_files_or_buckets(entrance: str) -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'cdp.settings'; import django; django.setup();"
        f"import {entrance}; print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("first", "loaded"), [("", "[]"), ("celeryd_init.send(sender='w');", "['cdp.tasks', 'connectors.tasks']")]
)
def test_the_clock_loads_no_task_and_a_worker_all_of_them(first: str, loaded: str) -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'cdp.settings'; from cdp.celery import app;"
        f"from celery.signals import celeryd_init; app.loader.init_worker(); {first} app.finalize();"
        "print(sorted({name.rpartition('.')[0] for name in app.tasks if not name.startswith('celery.')}))"
    )
    shown = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == loaded
