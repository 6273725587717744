"""The auditor: everything agrees on a healthy base, and each kind of damage is found and told."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from cdp import consistency
from common import clock
from tests.web.conftest import Shop, signed_in, text_of


def ask(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("audit_consistency", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def damage(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_healthy_base_agrees_everywhere(shop: Shop) -> None:
    code, told = ask("--format", "json")
    found = json.loads(told)
    assert (code, found["problems"]) == (0, [])
    (segment,) = found["segments"]
    assert {segment[name] for name in ("ui", "api", "export", "fold", "bits")} == {1}
    (sync,) = found["syncs"]
    assert (sync["members"], sync["acknowledged"], sync["settled"]) == (1, 1, True)
    assert "same" in ask()[1]


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("update segments_size set members = members + 1", "pages 2"),
        ("update segments_membership set bits = ''", "memberships 0"),
        ("update segments_change set entered = false", "ledger 0"),
        ("update connectors_sent set confirmed_hash = ''", "lacks 1"),
        ("update connectors_sent set profile_id = profile_id + 1000000", "has 1 too many"),
    ],
)
def test_damage_is_found_and_says_what_to_do(shop: Shop, statement: str, word: str) -> None:
    damage(statement)
    code, told = ask()
    assert code == 1
    assert word in told
    assert "Refresh" in told or "full comparison" in told


def test_rows_on_the_way_are_lag_and_no_difference(shop: Shop) -> None:
    damage("update connectors_sent set confirmed_hash = ''")
    damage("update connectors_delivery set state = 'pending', next_attempt_at = now()")
    code, told = ask()
    assert code == 0
    assert "lags" in told


def test_the_page_shows_the_last_look_and_asks_for_another(shop: Shop) -> None:
    page = reverse("web:consistency")
    client = signed_in("admin")
    assert "Not looked at yet" in text_of(client.get(page))
    assert "Everything agrees." in text_of(client.post(page, follow=True))
    damage("update segments_size set members = 7")
    consistency.audit_and_keep(now=clock.now())
    shown = text_of(client.get(page))
    assert "Not everything agrees" in shown
    assert "pages 7" in shown
