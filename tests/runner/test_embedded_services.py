"""The servers that every other test relies on."""

import pytest
from django.core.cache import cache
from django.db import connection

from cdp.runner.postgres import memory_settings


@pytest.mark.parametrize(("gigabytes", "shared"), [(1, 160), (8, 512), (24, 1536), (256, 2048)])
def test_the_embedded_postgres_takes_a_sixteenth_of_the_memory_within_bounds(gigabytes: int, shared: int) -> None:
    assert memory_settings(gigabytes << 30)[0] == shared


@pytest.mark.django_db
def test_the_embedded_postgres_is_18_with_utf8_and_checksums() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('server_version_num')::int / 10000, current_setting('server_encoding')")
        assert cursor.fetchone() == (18, "UTF8")
        cursor.execute("select current_setting('data_checksums'), lower('É')")
        assert cursor.fetchone() == ("on", "é")


def test_the_cache_keeps_a_value_in_the_embedded_valkey() -> None:
    cache.set("probe", {"a": 1}, timeout=5)
    assert cache.get("probe") == {"a": 1}
