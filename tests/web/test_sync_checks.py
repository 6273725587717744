"""A sync is tried with one person from its page, its numbers add up, and a mapping is seen while it is written."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from common.models import AuditEntry
from connectors import selectors as connectors
from connectors import services
from connectors.contracts import KindView
from tests.web.conftest import Shop, signed_in, text_of


@pytest.fixture
def client(shop: Shop) -> Client:
    return signed_in("steward")


def test_what_would_be_sent_is_shown_for_a_person_found_by_identifier_or_id(shop: Shop, client: Client) -> None:
    page = reverse("web:test_sync", args=[shop.sync])
    for who in ("anna@example.org", "email:Anna@Example.org", "customer-1", str(shop.anna)):
        shown = client.post(page, {"who": who, "do": "look"})
        assert shown.status_code == 200, who
        assert "What would be sent" in text_of(shown)
        assert f"/profiles/{shop.anna}/" in shown.content.decode()
    assert not AuditEntry.objects.filter(action="sync.tested").exists()
    for who, told in (("nobody@example.org", "Nobody has this"), ("", "Say who")):
        refused = client.post(page, {"who": who, "do": "send"})
        assert (refused.status_code, told in text_of(refused)) == (422, True)


def test_a_person_who_is_no_member_is_sent_and_taken_off_again(shop: Shop, client: Client) -> None:
    sent = client.post(reverse("web:test_sync", args=[shop.sync]), {"who": str(shop.ana), "do": "send"})
    assert "The channel took it." in text_of(sent)
    assert "This person is no member, so a removal is planned" in text_of(sent)
    assert AuditEntry.objects.get(action="sync.tested").actor == "steward@example.org"
    (run, *_) = connectors.runs(sync_id=shop.sync)
    assert (run.kind, run.planned.total, run.delivered.total, run.waiting) == ("test", 2, 1, 1)
    assert "test of one person" in text_of(client.get(reverse("web:sync", args=[shop.sync])))


def test_personal_data_of_a_test_is_masked_until_it_is_opened(shop: Shop, client: Client) -> None:
    mapping = {"key": {"profile_id": {"@path": "profile.id"}}, "columns": {"all": {"@path": "profile.traits"}}}
    services.change_mapping(sync_id=shop.sync, mapping=mapping, by="admin@example.org")
    page, wanted = reverse("web:test_sync", args=[shop.sync]), {"who": str(shop.anna), "do": "look"}
    masked = client.post(page, wanted).content.decode()
    assert not [one for one in ("anna@example.org", "+493012345678", "Berg") if one in masked]
    assert "&quot;plan&quot;: &quot;pro&quot;" in masked
    client.post(reverse("web:unmask"), {"reason": "A customer asks", "next": page})
    assert "anna@example.org" in client.post(page, wanted).content.decode()


def test_a_preview_masks_an_identifier_under_any_name(shop: Shop, client: Client) -> None:
    page = reverse("web:edit_mapping", args=[shop.sync])
    columns = '{"whatever": {"@path": "profile.identifiers.phone.0"}}'
    seen = client.post(page, {"m-key": '{"id": "x"}', "m-columns": columns, "do": "preview"})
    assert "whatever" in text_of(seen)
    assert "+493012345678" not in seen.content.decode()


def test_only_the_preview_comes_back_while_somebody_writes(shop: Shop, client: Client) -> None:
    page = reverse("web:edit_mapping", args=[shop.sync])
    lines = {"m-key": '{"id": {"@path": "profile.id"}}', "m-columns": '{"a": "b"}', "do": "preview"}
    seen = client.post(page, lines, headers={"HX-Request": "true"})
    assert "<html" not in seen.content.decode()
    assert "&quot;a&quot;: &quot;b&quot;" in seen.content.decode()
    wrong = client.post(page, {**lines, "m-columns": '{"a": '}, headers={"HX-Request": "true"})
    assert "Columns: This is no JSON" in text_of(wrong)


def test_the_numbers_of_a_sync_add_up(shop: Shop, client: Client) -> None:
    page = client.get(reverse("web:sync_numbers", args=[shop.sync]))
    found = connectors.sync_numbers(shop.sync)
    assert found is not None
    assert (found.members, found.there, found.match_rate) == (1, 1, 1.0)
    assert "100.0 %" in text_of(page)
    assert "<html" not in client.get(page.request["PATH_INFO"], headers={"HX-Request": "true"}).content.decode()
    cells = [int(one) for one in re.findall(r'<td class="num">(\d+)</td>', page.content.decode())]
    assert sum(cells[:5]) == cells[5] == 1


@pytest.mark.parametrize("kind", connectors.destination_kinds(), ids=lambda one: one.slug)
def test_every_kind_of_destination_can_be_set_up_on_a_page(kind: KindView, shop: Shop, client: Client) -> None:
    page = client.get(f"{reverse('web:new_destination')}?kind={kind.slug}").content.decode()
    for name, spec in kind.settings.items():
        assert f'name="s-{name}"' in page
        assert spec.label in page
    wrong = client.post(f"{reverse('web:new_destination')}?kind={kind.slug}", {"name": ""})
    assert wrong.status_code == 422
