"""Personal data is masked until a steward gives a reason, and closes by itself."""

from datetime import timedelta

import pytest
from django.urls import reverse

from cdp.web.sight import SESSION_KEY, Sight
from common import clock
from common.models import AuditEntry
from tests.web.conftest import Shop, signed_in
from tests.web.test_roles import WHO, address

SECRETS = ("anna@example.org", "ana.berg@example.net", "+493012345678", "lost@example.org", ">Anna Berg<")
MASKED = Sight(may_open=False, open_until=None)


@pytest.mark.parametrize("role", ["viewer", "marketer", "steward", "admin"])
def test_no_page_shows_personal_data_unasked(role: str, shop: Shop) -> None:
    client = signed_in(role)
    extra = [f"{reverse('web:profiles')}?q=anna@example.org", f"{reverse('web:merge')}?a={shop.anna}&b={shop.ana}"]
    shown = [address(name, shop) for name, (gets, _) in WHO.items() if gets and name not in ("people", "activity")]
    for where in shown + extra[: 2 if role in ("steward", "admin") else 1]:
        body = client.get(where).content.decode()
        # What the person has typed comes back in the search field and in links to this same page.
        body = body.replace('value="anna@example.org"', "").replace("q=anna@example.org", "")
        assert not [secret for secret in SECRETS if secret in body], where


def test_a_steward_sees_personal_data_for_a_quarter_of_an_hour_after_a_reason(shop: Shop) -> None:
    client = signed_in("steward")
    profile = reverse("web:profile", args=[shop.anna])
    assert client.post(reverse("web:unmask"), {"reason": "", "next": profile}).status_code == 422
    assert "anna@example.org" not in client.get(profile).content.decode()

    client.post(reverse("web:unmask"), {"reason": "Customer asks what we hold", "next": profile})
    assert "anna@example.org" in client.get(profile).content.decode()
    entry = AuditEntry.objects.get(action="unmask")
    assert (entry.actor, entry.reason) == ("steward@example.org", "Customer asks what we hold")

    session = client.session
    session[SESSION_KEY] = (clock.now() - timedelta(seconds=1)).isoformat()
    session.save()
    assert "anna@example.org" not in client.get(profile).content.decode()


def test_masking_again_before_the_time_is_over(shop: Shop) -> None:
    client = signed_in("admin")
    client.post(reverse("web:unmask"), {"reason": "Looking at a complaint"})
    client.post(reverse("web:mask"))
    assert "anna@example.org" not in client.get(reverse("web:profile", args=[shop.anna])).content.decode()


def test_a_marketer_cannot_open_personal_data_by_any_address(shop: Shop) -> None:
    client = signed_in("marketer")
    assert client.post(reverse("web:unmask"), {"reason": "I would like to"}).status_code == 403
    session = client.session
    session[SESSION_KEY] = (clock.now() + timedelta(minutes=5)).isoformat()
    session.save()
    assert "anna@example.org" not in client.get(reverse("web:profile", args=[shop.anna])).content.decode()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"plan": "pro", "email": "a@b.org"}, {"plan": "pro", "email": "a•••@b.org"}),
        ({"address": {"city": "Bonn"}}, {"address": {"city": "B•••"}}),
        ({"note": "write to a@b.org soon"}, {"note": "write to a•••@b.org soon"}),
        ({"ids": [{"userId": "customer-1"}], "n": 3}, {"ids": [{"userId": "c•••"}], "n": 3}),
    ],
)
def test_json_is_masked_to_its_leaves(given: object, shown: object) -> None:
    assert MASKED.tree(given) == shown
