"""Runs over the whole base: RFM and groups as traits that segments use, killed and repeated, one at a time."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp.pipeline.follow import follow_moves
from common import clock, jobs, pg
from identity import selectors as identity
from insights import runs, selectors, services
from insights.contracts import BadClustering, BadFeature, NotPossible
from insights.models import Model, Run
from segments import selectors as segments
from segments import services as segment_services
from tests.connectors.killing import kill_worker, wait_until
from tests.insights.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def work() -> int:
    return services.run_waiting(now=clock.now(), after=follow_moves)


def traits(profile: int) -> dict[str, Any]:
    view = identity.profile_view(profile)
    assert view is not None
    return dict(view.traits)


@pytest.fixture
def customers(sender: Sender) -> Sender:
    """Sixty customers of three kinds, and somebody who never bought."""
    calls = []
    for number in range(60):
        orders, days, revenue = ((12, 3, 90), (4, 60, 40), (1, 200, 15))[number % 3]
        for order in range(orders):
            at = clock.now() - timedelta(days=days + order * 7 + number % 7)
            calls.append(sender.order(f"u{number}", at.isoformat(), revenue + number / 3, order_id=f"{number}-{order}"))
    sender.send(*calls, sender.identify("looker"))
    return sender


def ask(kind: str = "rfm", **more: Any) -> int:
    return services.request_run(kind=kind, by="ann", now=clock.now(), **more).id


def test_rfm_gives_segments_that_rules_can_use_and_a_heat_map_that_adds_up(customers: Sender) -> None:
    champions = segment_services.create_segment(
        name="Champions", slug="champions", rule={"trait": "rfm_segment", "is": "eq", "value": "Champions"}, by="ann",
        now=clock.now(),
    )  # fmt: skip
    recent = segment_services.create_segment(
        name="Recent", slug="recent", rule={"trait": "rfm_recency", "is": "gte", "value": 4}, by="ann", now=clock.now()
    )
    ask()
    assert work() == 1
    found = selectors.rfm()
    assert found is not None
    assert found.people == 60
    assert sum(cell.people for cell in found.cells) == 60
    assert sum(row.people for row in found.segments) == 60
    best = traits(customers.profile("u0"))
    assert (best["rfm_segment"], best["rfm_recency"] >= 4, best["rfm_frequency"]) == ("Champions", True, 5)
    assert set(segments.members(champions.id)) == {
        customers.profile(f"u{n}") for n in range(60)
        if traits(customers.profile(f"u{n}"))["rfm_segment"] == "Champions"
    }  # fmt: skip
    assert segments.members(recent.id)
    assert "rfm_segment" not in traits(customers.profile("looker"))
    row = next(one for one in identity.provenance(customers.profile("u0")) if one.key == "rfm_segment")
    assert row.computation == found.run_id


def test_rfm_of_a_closed_day_is_the_same_whenever_it_is_asked_for(customers: Sender) -> None:
    services.keep_setting({"history_sources": [customers.source]}, by="ann", now=clock.now())
    closed = clock.now() - timedelta(days=30)
    ask(as_of=closed)
    work()
    first = Run.objects.get().figures
    customers.send(customers.order("u1", clock.now().isoformat(), 500))
    ask(as_of=closed)
    work()
    assert Run.objects.order_by("-pk")[0].figures == first
    with pytest.raises(NotPossible, match="as_of"):
        ask(as_of=clock.now() + timedelta(days=1))


def test_groups_are_found_told_in_words_named_and_used_in_rules(customers: Sender) -> None:
    services.keep_clustering(slug="main", name="Customers", spec={"groups": 3}, by="ann", now=clock.now())
    ask("clusters", slug="main")
    assert work() == 1
    found = selectors.clustering("main")
    assert found is not None
    assert found.model is not None
    assert [one.people for one in found.model.clusters] == [20, 20, 20]
    best = traits(customers.profile("u0"))[found.trait]
    top = next(one for one in found.model.clusters if one.id == best)
    assert "often" in top.words.lower()
    assert "recently" in top.words.lower()
    services.name_cluster(slug="main", cluster_id=best, name="Regulars", by="ann", now=clock.now())
    with pytest.raises(BadClustering, match="no group c9"):
        services.name_cluster(slug="main", cluster_id="c9", name="x", by="ann", now=clock.now())
    segment = segment_services.create_segment(
        name="Regulars", slug="regulars", rule={"trait": found.trait, "is": "eq", "value": best}, by="ann",
        now=clock.now(),
    )  # fmt: skip
    assert len(segments.members(segment.id)) == 20
    # Again, with more people: ids and names stay.
    customers.send(*[customers.order(f"new{n}", clock.now().isoformat(), 20 + n, order_id=f"n{n}") for n in range(3)])
    ask("clusters", slug="main")
    work()
    again = selectors.clustering("main")
    assert again is not None
    assert again.model is not None
    assert again.model.version == 2
    assert next(one for one in again.model.clusters if one.id == best).name == "Regulars"
    assert traits(customers.profile("u0"))[found.trait] == best
    services.delete_clustering(slug="main", by="ann", now=clock.now(), after=follow_moves)
    assert found.trait not in traits(customers.profile("u0"))
    assert segments.members(segment.id) == []


def test_merged_people_are_scored_as_one_by_the_next_run_and_apart_again_after_unmerging(customers: Sender) -> None:
    from identity import services as identity_services

    customers.send({"type": "identify", "anonymousId": "b", "traits": {"email": "b@example.org"}})
    for number in range(12):
        at = (clock.now() - timedelta(days=number)).isoformat()
        customers.send({
            "type": "track", "event": "Order Completed", "anonymousId": "b", "timestamp": at,
            "properties": {"revenue": 300, "order_id": f"b{number}"},
        })  # fmt: skip
    ask()
    work()
    weak, strong = customers.profile("u2"), customers.profile("b@example.org")
    apart = (traits(weak)["rfm_frequency"], traits(strong)["rfm_frequency"])
    assert apart == (1, 5)
    merged = identity_services.merge(weak, strong, by="ann", reason="", now=clock.now(), after=follow_moves)
    ask()
    work()
    assert traits(identity.current_ids([weak])[weak])["rfm_frequency"] == 5
    identity_services.undo_decision(merged.decision_id or 0, by="ann", now=clock.now(), after=follow_moves)
    ask()
    work()
    assert (traits(weak)["rfm_frequency"], traits(strong)["rfm_frequency"]) == apart


def test_several_currencies_are_refused_with_what_to_do(customers: Sender) -> None:
    for currency in ("EUR", "usd"):
        customers.send(customers.order("u1", clock.now().isoformat(), 5, currency=currency))
    ask()
    work()
    row = Run.objects.get()
    assert (row.state, "EUR, USD" in row.error) == ("failed", True)


def test_a_base_without_orders_says_what_to_do(sender: Sender) -> None:
    sender.send(sender.identify("u1"))
    ask()
    work()
    assert "Say what an order is" in Run.objects.get().error


def test_a_run_that_is_cut_off_is_done_again_with_the_very_model(
    customers: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    services.keep_clustering(slug="main", name="", spec={"groups": 3}, by="ann", now=clock.now())
    ask("clusters", slug="main")

    def dies(*_: Any) -> None:
        import psycopg

        raise psycopg.OperationalError("the server went away")

    services.run_waiting(now=clock.now(), after=dies)
    assert Run.objects.get().state == "waiting"
    stored = bytes(Model.objects.get().body)
    found = selectors.clustering("main")
    assert found is not None
    assert found.model is None
    assert work() == 1
    assert bytes(Model.objects.get().body) == stored
    assert Model.objects.get().live


_KILLED = """
from cdp.pipeline.follow import follow_moves
from insights import services as insights, writing
writing._AT_ONCE = 1
rest = resting(0.1, steps=20)
def slowly(*given):
    follow_moves(*given)
    rest()
insights.run_waiting(now=clock.now(), after=slowly)
"""


def _scored() -> int:
    row = pg.raw().execute("select count(*) from identity_claim where key = 'rfm_segment'").fetchone()
    return int(row[0]) if row else 0


def test_a_worker_that_is_killed_in_the_middle_of_writing_loses_nothing_and_the_next_ends_it(customers: Sender) -> None:
    ask()
    kill_worker(_KILLED, when=lambda: _scored() > 2)
    assert 0 < _scored() < 60
    assert Run.objects.get().state == "waiting"
    assert selectors.rfm() is None
    # The lock went with the worker's session, as soon as the server has seen its end.
    wait_until(lambda: work() == 1)
    found = selectors.rfm()
    assert found is not None
    assert (_scored(), found.people) == (60, 60)


def test_a_tampered_model_gives_nobody_a_group(customers: Sender) -> None:
    services.keep_clustering(slug="main", name="", spec={"groups": 3}, by="ann", now=clock.now())
    ask("clusters", slug="main")
    services.run_waiting(now=clock.now(), after=_cut)
    row = Model.objects.get()
    Model.objects.update(body=bytes(row.body).replace(b"c1", b"c9", 1))
    work()
    assert "SHA-256" in Run.objects.get().error
    assert "cluster_main" not in traits(customers.profile("u0"))


def _cut(*_: Any) -> None:
    import psycopg

    raise psycopg.OperationalError("the server went away")


def test_a_second_worker_passes_over_what_one_is_doing(customers: Sender) -> None:
    ask()
    with closing(pg.connect(autocommit=True)) as other:
        assert pg.try_lock(other, runs._LOCK, 0)
        assert work() == 0
    assert work() == 1


def test_what_waits_is_not_asked_for_twice_and_a_run_can_be_stopped(customers: Sender) -> None:
    first = ask()
    assert ask() == first
    jobs.cancel(Run.objects.get().job_id or 0)
    work()
    assert Run.objects.get().state == "cancelled"
    assert "rfm_segment" not in traits(customers.profile("u0"))


def test_the_clock_asks_for_what_is_due(customers: Sender) -> None:
    now = clock.now()
    assert services.plan_runs(now=now) == 0
    services.keep_clustering(slug="weekly", name="", spec={"groups": 3}, by="ann", now=now, every_days=7)
    services.keep_clustering(slug="never", name="", spec={"groups": 3}, by="ann", now=now)
    ask()
    assert services.plan_runs(now=now) == 1
    work()
    assert services.plan_runs(now=now + timedelta(hours=23)) == 0
    assert services.plan_runs(now=now + timedelta(hours=25)) == 1
    work()
    assert services.plan_runs(now=now + timedelta(days=8)) == 2


def test_a_feature_that_groups_are_made_by_is_not_removed(customers: Sender) -> None:
    services.declare_feature(name="views", measure="count", event="Viewed", by="ann", now=clock.now())
    spec = {"features": ["views", "monetary"]}
    services.keep_clustering(slug="main", name="Customers", spec=spec, by="ann", now=clock.now())
    with pytest.raises(BadFeature, match="used by Customers"):
        services.remove_feature(name="views", by="ann", now=clock.now())
    services.declare_feature(name="page", measure="latest", event="Viewed", property="p", by="ann", now=clock.now())
    with pytest.raises(BadClustering, match="is text"):
        services.keep_clustering(
            slug="x", name="", spec={"features": ["page", "monetary"]}, by="ann", now=clock.now()
        )  # fmt: skip
    services.delete_clustering(slug="main", by="ann", now=clock.now(), after=follow_moves)
    services.remove_feature(name="views", by="ann", now=clock.now())
    assert "views" not in selectors.features()
