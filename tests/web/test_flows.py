"""What people come to do, from the form to the database and back."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from cdp.web.throttle import PER_ACCOUNT
from common.access import find_token
from common.models import ApiToken, AuditEntry, User
from connectors import selectors as connectors
from events import selectors as log
from identity import selectors as identity
from segments import selectors as segments
from tests.web.conftest import PASSWORD, Shop, signed_in, text_of


def test_signing_in_goes_where_one_wanted_to_be(shop: Shop) -> None:
    client = Client()
    wanted = client.get("/profiles/")["Location"]
    answer = client.post(wanted, {"email": "Steward@example.org", "password": PASSWORD, "next": "/profiles/"})
    assert (answer.status_code, answer["Location"]) == (302, "/profiles/")
    client.post(reverse("web:sign_out"))
    assert client.get("/profiles/").status_code == 302


def test_a_wrong_password_and_an_unknown_address_get_the_same_words(shop: Shop) -> None:
    answers = [
        Client().post("/login/", {"email": email, "password": "wrong"})
        for email in ("steward@example.org", "nobody@example.org")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert "do not fit together" in text_of(answers[0])
    assert text_of(answers[0]).replace("steward", "nobody") == text_of(answers[1])


def test_guessing_is_stopped_even_with_the_right_password_at_last(shop: Shop) -> None:
    client = Client()
    for _ in range(PER_ACCOUNT):
        client.post("/login/", {"email": "viewer@example.org", "password": "guess"})
    assert client.post("/login/", {"email": "viewer@example.org", "password": PASSWORD}).status_code == 422
    cache.clear()
    assert client.post("/login/", {"email": "viewer@example.org", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/"])
def test_signing_in_never_leads_to_another_host(shop: Shop, target: str) -> None:
    answer = Client().post("/login/", {"email": "viewer@example.org", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_merge_from_the_page_and_undo_from_the_toast(shop: Shop) -> None:
    client = signed_in("steward")
    page = client.get(reverse("web:merge"), {"a": str(shop.anna), "b": "ana.berg@example.net"})
    assert "Side by side" in text_of(page)

    form = {"a": str(shop.anna), "b": str(shop.ana), "reason": "Same person at the desk"}
    answer = client.post(reverse("web:merge"), form, follow=True)
    assert "Merged into profile" in text_of(answer)
    assert identity.find_profile("email", "ana.berg@example.net") == identity.find_profile("email", "anna@example.org")
    assert client.get(reverse("web:profile", args=[shop.ana]), follow=True).status_code == 200

    (decision,) = identity.decisions(kind="merge")
    undo = reverse("web:undo_decision", args=[decision.id])
    assert undo in answer.content.decode()
    client.post(undo)
    assert identity.find_profile("email", "ana.berg@example.net") == shop.ana
    assert "undone" in text_of(client.get(reverse("web:profile_history", args=[shop.ana])))


def test_a_merge_needs_a_reason(shop: Shop) -> None:
    answer = signed_in("steward").post(reverse("web:merge"), {"a": str(shop.anna), "b": str(shop.ana), "reason": ""})
    assert answer.status_code == 422
    assert identity.find_profile("email", "ana.berg@example.net") == shop.ana


def test_split_takes_the_chosen_identifiers_and_segments_follow(shop: Shop) -> None:
    assert segments.members(shop.segment) == [shop.anna]
    profile = identity.profile_view(shop.anna)
    assert profile is not None
    user_id = next(one.id for one in profile.identifiers if one.kind == "user_id")
    client = signed_in("steward")
    client.post(reverse("web:split", args=[shop.anna]), {"identifier": [str(user_id)], "reason": "Not hers"})
    left = identity.find_profile("user_id", "customer-1")
    assert left != identity.find_profile("email", "anna@example.org")
    assert segments.members(shop.segment) == [left], "the order hangs on the user id that went"


def test_a_steward_decides_a_pair_and_takes_it_back(shop: Shop) -> None:
    client = signed_in("steward")
    assert "Are these one person?" in text_of(client.get(reverse("web:review")))
    client.post(reverse("web:decide", args=[shop.pair]), {"verdict": "no_match"})
    assert identity.review_queue() == []
    (decision,) = identity.decisions(kind="review")
    client.post(reverse("web:undo_decision", args=[decision.id]))
    assert [pair.id for pair in identity.review_queue()] == [shop.pair]


def test_skipping_a_pair_leaves_it_in_the_queue(shop: Shop) -> None:
    client = signed_in("viewer")
    assert "No more pairs after the skipped ones" in text_of(
        client.get(reverse("web:review"), {"skip": str(shop.pair)})
    )


def test_the_profile_tells_where_a_trait_comes_from(shop: Shop) -> None:
    page = text_of(signed_in("viewer").get(reverse("web:profile", args=[shop.anna])))
    assert "Online shop" in page
    assert "latest" in page


def test_why_two_identifiers_are_one_person_is_told_in_words(shop: Shop) -> None:
    a, b = identity.identifier_ids(shop.anna)[:2]
    page = signed_in("viewer").get(reverse("web:profile_identities", args=[shop.anna]), {"a": a, "b": b})
    assert "Why are these two one person?" in text_of(page)
    assert "One event carried both" in text_of(page)


def test_why_not_in_a_segment_names_the_condition_that_fails(shop: Shop) -> None:
    page = signed_in("viewer").get(reverse("web:profile_segments", args=[shop.ana]), {"why": shop.segment})
    assert "does not fit the rule" in text_of(page)
    assert "needs at least 1" in text_of(page)


def test_a_new_source_comes_with_a_key_and_snippets(shop: Shop) -> None:
    client = signed_in("steward")
    page = client.post(reverse("web:new_source"), {"name": "App", "kind": "mobile"}, follow=True)
    source = next(one for one in connectors.sources() if one.name == "App")
    assert page.content.decode().count(source.write_key) >= 5


def test_a_key_is_rotated_only_when_the_name_is_typed(shop: Shop) -> None:
    client = signed_in("admin")
    key = next(one.write_key for one in connectors.sources() if one.id == shop.source)
    rotate = reverse("web:rotate_key", args=[shop.source])
    client.post(rotate, {"typed": "something else"})
    assert key in [one.write_key for one in connectors.sources()]
    client.post(rotate, {"typed": "Online shop"})
    assert key not in [one.write_key for one in connectors.sources()]


def test_the_live_stream_shows_and_filters_what_came(shop: Shop) -> None:
    client = signed_in("viewer")
    where = reverse("web:source_live", args=[shop.source])
    assert "Order Completed" in text_of(client.get(where))
    rows = text_of(client.get(where, {"name": "cart"}, headers={"HX-Request": "true"}))
    assert "Cart Abandoned" in rows
    assert "Order Completed" not in rows


def test_a_replay_that_would_be_refused_again_stays_in_quarantine(shop: Shop) -> None:
    client = signed_in("steward")
    form = {"item": str(shop.quarantined), "do": "replay"}
    page = client.post(reverse("web:settle_quarantine"), form, follow=True)
    assert "would be refused again" in text_of(page)
    # The other one waits for a person's review.
    assert log.quarantine_size() == 2
    client.post(reverse("web:settle_quarantine"), {**form, "do": "discard"})
    assert log.quarantine_size() == 1


def test_a_destination_is_made_tested_paused_and_resumed(shop: Shop) -> None:
    client = signed_in("admin")
    where = f"{reverse('web:new_destination')}?kind=webhook"
    page = client.post(where, {"name": "Own system", "s-url": "https://hooks.example.org/cdp"})
    assert "not shown again" in text_of(page)
    made = next(one for one in connectors.destinations() if one.name == "Own system")
    steer = reverse("web:steer_destination", args=[made.id])
    client.post(steer, {"do": "pause"})
    assert connectors.destination(made.id).state == "paused"  # type: ignore[union-attr]
    client.post(steer, {"do": "resume"})
    assert connectors.destination(made.id).state == "active"  # type: ignore[union-attr]


def test_settings_that_cannot_work_are_told_beside_their_field(shop: Shop) -> None:
    where = f"{reverse('web:new_destination')}?kind=webhook"
    page = signed_in("admin").post(where, {"name": "", "s-url": ""})
    assert page.status_code == 422
    assert "Please correct" in text_of(page)


def test_a_sync_is_made_paused_and_its_runs_are_shown(shop: Shop) -> None:
    client = signed_in("steward")
    page = client.get(reverse("web:sync", args=[shop.sync]))
    assert "done 1 1 1 0 0 0" in text_of(page), "planned, sent, taken, rejected, retried, waiting"
    client.post(reverse("web:steer_sync", args=[shop.sync]), {"do": "pause"})
    assert connectors.sync(shop.sync).state == "paused"  # type: ignore[union-attr]
    form = {"name": "Again", "segment": shop.segment, "action": connectors.sync(shop.sync).action}  # type: ignore[union-attr]
    client.post(reverse("web:new_sync", args=[shop.destination]), {**form, "identifier_kind": "email"})
    assert "Again" in [one.name for one in connectors.syncs()]


def test_a_segment_that_is_sent_somewhere_cannot_be_ended(shop: Shop) -> None:
    client = signed_in("marketer")
    page = client.post(
        reverse("web:steer_segment", args=[shop.segment]), {"do": "archive", "typed": "Buyers"}, follow=True
    )
    assert "still sends this segment" in text_of(page)
    assert segments.segment(shop.segment).archived_at is None  # type: ignore[union-attr]


def test_an_admin_adds_people_and_gives_them_a_role(shop: Shop) -> None:
    client = signed_in("admin")
    form = {"email": "New@example.org", "name": "New", "role": "marketer", "password": "a long enough phrase"}
    client.post(reverse("web:people"), form)
    assert User.objects.get(email="new@example.org").role == "marketer"
    weak = client.post(reverse("web:people"), {**form, "email": "weak@example.org", "password": "password12"})
    assert weak.status_code == 422
    mine = User.objects.get(email="admin@example.org").pk
    client.post(reverse("web:change_person", args=[mine]), {"role": "viewer"})
    assert User.objects.get(pk=mine).role == "admin", "nobody lowers themselves"


def test_a_token_is_shown_once_works_and_is_revoked_by_name(shop: Shop) -> None:
    client = signed_in("admin")
    page = client.post(reverse("web:tokens"), {"name": "Channel", "scopes": ["segments:read"]})
    text = next(word for word in text_of(page).split() if word.startswith("cdp_live_") and not word.endswith("…"))
    assert find_token(text) is not None
    assert text not in client.get(reverse("web:tokens")).content.decode()
    token = ApiToken.objects.get(name="Channel")
    client.post(reverse("web:revoke_token", args=[token.pk]), {"typed": "Channel"})
    assert find_token(text) is None


def test_the_audit_log_shows_stewards_all_and_others_their_own(shop: Shop) -> None:
    signed_in("steward").post(reverse("web:decide", args=[shop.pair]), {"verdict": "unsure"})
    assert "identity.review" in {entry.action for entry in AuditEntry.objects.all()}
    assert "steward@example.org" in text_of(signed_in("admin").get(reverse("web:activity")))
    assert "Nothing has been done yet" in text_of(signed_in("viewer").get(reverse("web:activity")))


def test_an_admin_verifies_the_chain(shop: Shop) -> None:
    page = signed_in("admin").post(reverse("web:verify_audit"), follow=True)
    assert "The audit log is whole" in text_of(page)


def test_a_job_shows_how_far_it_is(shop: Shop) -> None:
    page = text_of(signed_in("viewer").get(reverse("web:job", args=[shop.job])))
    assert "4 of 10" in page
    signed_in("steward").post(reverse("web:cancel_job", args=[shop.job]))
    assert "stopping" in text_of(signed_in("viewer").get(reverse("web:job", args=[shop.job])))


def test_search_finds_people_segments_and_pages(shop: Shop) -> None:
    client = signed_in("viewer")
    found = client.get(reverse("web:search"), {"q": "anna@example.org"}, headers={"HX-Request": "true"})
    assert reverse("web:profile", args=[shop.anna]) in found.content.decode()
    assert "Buyers" in text_of(client.get(reverse("web:search"), {"q": "buy"}))
    assert "API tokens" not in text_of(client.get(reverse("web:search"), {"q": "token"}))
    assert "API tokens" in text_of(signed_in("admin").get(reverse("web:search"), {"q": "token"}))


def test_theme_and_time_zone_are_ones_own(shop: Shop) -> None:
    client = signed_in("viewer")
    client.post(reverse("web:appearance"), {"theme": "dark", "next": "/jobs/"})
    assert 'data-bs-theme="dark"' in client.get("/jobs/").content.decode()
    form = {"theme": "light", "time_zone": "Asia/Tokyo", "name": "V", "shortcuts": "on"}
    client.post(reverse("web:appearance"), form)
    assert "JST" in text_of(client.get(reverse("web:profile_identities", args=[shop.anna])))


def test_home_counts_people_and_says_what_waits(shop: Shop) -> None:
    page = text_of(signed_in("viewer").get("/"))
    assert "1 pairs to review" in page or "1 pair to review" in page
    assert "2 items" in page


def test_what_is_not_there_is_a_calm_page(shop: Shop) -> None:
    client = signed_in("viewer")
    for where in (
        "/profiles/999999/",
        "/segments/999/",
        "/sources/999/",
        "/destinations/999/",
        "/syncs/999/",
        "/jobs/999/",
    ):
        page = client.get(where)
        assert page.status_code == 404, where
        assert "There is no such" in text_of(page)
