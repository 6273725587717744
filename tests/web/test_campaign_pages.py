"""The pages of campaigns: made from examples or from nothing, edited by forms, tried, started and stopped."""

import pytest
from django.test import Client

from campaigns import selectors
from campaigns.contracts import CampaignView
from campaigns.journeys.models import Instance
from campaigns.journeys.spec import OnEvent
from common import clock
from common.masking import mask
from identity import selectors as identity
from segments import selectors as segments
from tests.web.conftest import Shop, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def made(client: Client, **given: str) -> CampaignView:
    client.post("/campaigns/new/", given)
    return selectors.campaigns()[0]


def fresh(one: CampaignView) -> CampaignView:
    found = selectors.campaign(one.id)
    assert found is not None
    return found


def slug_of(shop: Shop) -> str:
    found = segments.segment(shop.segment)
    assert found is not None
    return found.slug


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_example_is_tried_started_paused_and_stopped(shop: Shop) -> None:
    client = signed_in("admin")
    found = selectors.campaign(shop.campaign)
    assert found is not None
    assert "Buys?" in page(client, f"/campaigns/{found.id}/")
    path = client.post(f"/campaigns/{found.id}/try/", {
        "traits": '{"plan": "pro"}', "events": "20 Order Completed", "person": "",
    }).content.decode()  # fmt: skip
    assert "reached the goal" in path
    late = client.post(f"/campaigns/{found.id}/try/", {"traits": "{}", "events": "", "person": str(shop.anna)})
    assert "asks for the message cart-reminder by email" in late.content.decode()
    for do, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        client.post(f"/campaigns/{found.id}/steer/", {"do": do})
        assert fresh(found).state == state


def test_steps_are_added_changed_moved_and_removed_by_forms_alone(shop: Shop) -> None:
    client = signed_in("marketer")
    one = made(client, name="Sale")
    for kind, after in (("wait", ""), ("trait", "wait-1"), ("branch", "trait-1"), ("exit", "branch-1")):
        answer = client.post(f"/campaigns/{one.id}/steps/", {"do": "add", "kind": kind, "after": after})
        assert client.get(answer.headers["Location"]).status_code == 200
    client.post(f"/campaigns/{one.id}/steps/wait-1/", {
        "name": "Rest", "amount": "2", "unit": "1440", "next": "trait-1",
    })  # fmt: skip
    client.post(f"/campaigns/{one.id}/steps/branch-1/", {
        "name": "", "what-0": "trait", "subject-0": "score", "is-0": "gte", "value-0": "0.5", "to-0": "exit-1",
        "what-1": "segment", "segment-1": slug_of(shop), "is-1": "eq", "to-1": "", "otherwise": "",
    })  # fmt: skip
    client.post(f"/campaigns/{one.id}/steps/", {"do": "rise", "step": "trait-1"})
    outline = selectors.outline(fresh(one).draft)
    assert [step["id"] for step in outline.steps] == ["trait-1", "wait-1", "branch-1", "exit-1"]
    assert outline.steps[1]["minutes"] == 2_880
    assert [case["when"] for case in outline.steps[2]["cases"]] == [
        {"trait": "score", "is": "gte", "value": 0.5}, {"segment": slug_of(shop)},
    ]  # fmt: skip
    client.post(f"/campaigns/{one.id}/steps/", {"do": "remove", "step": "wait-1"})
    assert dict(selectors.outline(fresh(one).draft).ways)["trait-1"] == (("next", "branch-1"),)
    shown = page(client, f"/campaigns/{one.id}/edit/")
    assert '<option value="Order Completed">' in shown
    name = segments.segment(shop.segment)
    assert name is not None
    assert f"in {name.name}" in shown
    assert "flow-box" in shown
    assert "score" in shown


def test_every_kind_of_step_can_be_kept_as_its_form_shows_it(shop: Shop) -> None:
    client = signed_in("marketer")
    one = made(client, name="All")
    kinds = ("send", "wait", "wait_event", "wait_window", "branch", "split", "experiment", "list", "trait", "webhook",
             "goal", "exit")  # fmt: skip
    for kind in kinds:
        where = client.post(f"/campaigns/{one.id}/steps/", {"do": "add", "kind": kind, "after": ""}).headers["Location"]
        before = fresh(one).draft
        form = client.get(where).context["form"]
        given = {name: bound.value() for name in form.fields if (bound := form[name]).value() is not None}
        answer = client.post(where, {name: f"{value:%H:%M}" if hasattr(value, "hour") else value
                                     for name, value in given.items()})  # fmt: skip
        assert answer.status_code == 302, (kind, answer.context["form"].errors)
        assert fresh(one).draft == before, kind


def test_a_marketer_asks_and_somebody_else_approves_a_large_broadcast(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.journeys.services.APPROVE_ABOVE", 0)
    marketer, admin = signed_in("marketer"), signed_in("admin")
    one = made(marketer, name="Big")
    marketer.post(f"/campaigns/{one.id}/steps/", {"do": "add", "kind": "exit", "after": ""})
    kept = marketer.post(f"/campaigns/{one.id}/edit/", {
        "name": "Big", "entry": "broadcast", "segment": slug_of(shop), "every": "once", "again": "never", "where": "",
        "again_minutes": "0", "goal_hours": "24", "holdout": "0", "message_class": "marketing", "priority": "0",
        "zone": "UTC",
    })  # fmt: skip
    assert kept.status_code == 302, kept.context["form"].errors
    assert "get it if it is started now" in page(marketer, f"/campaigns/{one.id}/")
    marketer.post(f"/campaigns/{one.id}/steer/", {"do": "start"})
    assert fresh(one).state == "draft"
    marketer.post(f"/campaigns/{one.id}/steer/", {"do": "approve"})
    assert fresh(one).state == "draft"
    admin.post(f"/campaigns/{one.id}/steer/", {"do": "approve"})
    assert fresh(one).state == "running"


def test_what_is_wrong_is_told_at_its_place(shop: Shop) -> None:
    client = signed_in("marketer")
    assert client.post("/campaigns/new/", {"name": " "}).status_code == 422
    one = made(client, name="Broken")
    assert "steps: Give 1 to 60 steps." in page(client, f"/campaigns/{one.id}/")
    answer = client.post(f"/campaigns/{one.id}/try/", {"person": "", "traits": "[]", "events": "soon"})
    assert answer.status_code == 422


def test_which_events_let_in_is_written_as_in_a_segments_rule(shop: Shop) -> None:
    client = signed_in("marketer")
    one = made(client, name="Large carts")
    given = {
        "name": "Large carts", "entry": "event", "event": "Cart Updated", "every": "once", "again": "never",
        "again_minutes": "0", "goal_hours": "24", "holdout": "0", "message_class": "marketing", "priority": "0",
        "zone": "UTC", "where": "total >= 50",
    }  # fmt: skip
    assert client.post(f"/campaigns/{one.id}/edit/", given).status_code == 302
    entry = fresh(one).draft.entry
    assert isinstance(entry, OnEvent)
    assert [(condition["property"], condition["value"]) for condition in entry.where] == [("total", 50)]
    assert "total &gt;= 50" in client.get(f"/campaigns/{one.id}/edit/").content.decode()
    for wrong in ("total >=", 'total = 1) >= 1 or count("y" where a = 1'):
        answer = client.post(f"/campaigns/{one.id}/edit/", {**given, "where": wrong})
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["where"])


def test_who_entered_is_told_by_name(shop: Shop) -> None:
    now = clock.now()
    Instance.objects.create(
        campaign_id=shop.campaign, version=1, person_id=identity.identifier_ids(shop.anna)[0], state="active",
        entered_at=now, arrived_at=now,
    )  # fmt: skip
    shown = page(signed_in("admin"), f"/campaigns/{shop.campaign}/people/")
    assert mask("name", "Anna Berg") in shown
    assert f">{shop.anna}</a>" not in shown
