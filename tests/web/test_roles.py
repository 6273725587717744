"""Every address of the pages, for every role: what may be opened, what may be done, and that nothing is forgotten."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cdp.web.urls import urlpatterns
from common.roles import CAPABILITIES, Role
from tests.web.conftest import Shop, signed_in

OPEN_TO_VISITORS = {"sign_in", "sign_out", "shop"}

# name: (who may GET, who may POST); None where the method does not exist.
WHO: dict[str, tuple[str | None, str | None]] = {
    "home": ("see", None),
    "unmask": ("unmask", "unmask"),
    "mask": (None, "see"),
    "search": ("see", None),
    "help": ("see", None),
    "profiles": ("see", None),
    "merge": ("steward_identity", "steward_identity"),
    "profile": ("see", None),
    "profile_identities": ("see", None),
    "profile_events": ("see", None),
    "profile_sessions": ("see", None),
    "profile_segments": ("see", None),
    "profile_scores": ("see", None),
    "profile_history": ("see", None),
    "split": (None, "steward_identity"),
    "undo_decision": (None, "steward_identity"),
    "review": ("see", None),
    "decide": (None, "steward_identity"),
    "linkage_model": ("see", None),
    "linkage_version": ("see", None),
    "train_linkage": (None, "steward_identity"),
    "switch_on_linkage": (None, "publish_policy"),
    "linkage_runs": ("see", None),
    "linkage_run": ("see", None),
    "roll_back_linkage": (None, "publish_policy"),
    "cluster": ("see", None),
    "part_cluster": (None, "steward_identity"),
    "why": ("see", None),
    "campaigns": ("see", None),
    "new_campaign": ("edit_campaigns", "edit_campaigns"),
    "campaign": ("see", None),
    "steer_campaign": (None, "edit_campaigns"),
    "campaign_people": ("see", None),
    "edit_campaign": ("see", "edit_campaigns"),
    "change_steps": (None, "edit_campaigns"),
    "campaign_step": ("edit_campaigns", "edit_campaigns"),
    "try_campaign": ("see", "see"),
    "profile_campaigns": ("see", None),
    "templates": ("see", None),
    "new_template": ("edit_campaigns", "edit_campaigns"),
    "template": ("see", "edit_campaigns"),
    "steer_template": (None, "edit_campaigns"),
    "try_template": ("see", "edit_campaigns"),
    "sent_messages": ("see", None),
    "sent_message": ("see", None),
    "steer_message": (None, "edit_campaigns"),
    "sending": ("see", "edit_campaigns"),
    "sending_channel": ("edit_connections", "edit_connections"),
    "steer_channel": (None, "edit_connections"),
    "profile_messages": ("see", None),
    "slots": ("see", None),
    "new_slot": ("edit_campaigns", "edit_campaigns"),
    "slot": ("see", "edit_campaigns"),
    "steer_slot": (None, "edit_campaigns"),
    "preview_slot": ("see", None),
    "bandits": ("see", "edit_campaigns"),
    "bandit": ("see", None),
    "steer_bandit": (None, "edit_campaigns"),
    "new_holdout": ("edit_campaigns", "edit_campaigns"),
    "experiments": ("see", None),
    "new_experiment": ("edit_campaigns", "edit_campaigns"),
    "experiment": ("see", None),
    "steer_experiment": (None, "edit_campaigns"),
    "segments": ("see", None),
    "segments_health": ("see", None),
    "static_lists": ("see", "edit_segments"),
    "static_list": ("see", "edit_segments"),
    "new_segment": ("edit_segments", "edit_segments"),
    "preview_segment": (None, "edit_segments"),
    "publication": ("see", None),
    "stop_publication": (None, "edit_segments"),
    "segment": ("see", None),
    "edit_segment": ("edit_segments", "edit_segments"),
    "segment_members": ("see", None),
    "segment_changes": ("see", None),
    "segment_versions": ("see", None),
    "segment_syncs": ("see", None),
    "segment_exports": ("see", "export"),
    "export_file": ("export", None),
    "steer_segment": (None, "edit_segments"),
    "rfm": ("see", None),
    "kpis": ("see", "edit_segments"),
    "kpi": ("see", None),
    "kpi_file": ("see", None),
    "keep_baseline": (None, "edit_segments"),
    "remove_baseline": (None, "edit_segments"),
    "annotate": (None, "edit_segments"),
    "remove_annotation": (None, "edit_segments"),
    "feature_files": ("see", "export"),
    "feature_file": ("export", None),
    "funnels": ("see", "edit_segments"),
    "remove_funnel": (None, "edit_segments"),
    "paths": ("see", None),
    "cohorts": ("see", None),
    "insights_run": ("see", None),
    "ask_rfm": (None, "edit_segments"),
    "groupings": ("see", "edit_segments"),
    "grouping": ("see", "edit_segments"),
    "grouping_run": ("see", None),
    "ask_grouping": (None, "edit_segments"),
    "delete_grouping": (None, "edit_segments"),
    "name_group": (None, "edit_segments"),
    "predictions": ("see", None),
    "new_prediction": ("edit_segments", "edit_segments"),
    "prediction": ("see", "edit_segments"),
    "prediction_run": ("see", None),
    "roll_back_prediction": (None, "edit_segments"),
    "delete_prediction": (None, "edit_segments"),
    "ask_prediction": (None, "edit_segments"),
    "model_card": ("see", None),
    "activate_version": (None, "edit_segments"),
    "features": ("see", "edit_segments"),
    "kept_feature": (None, "edit_segments"),
    "remove_feature": (None, "edit_segments"),
    "orders": ("see", "edit_segments"),
    "engagement": ("see", "edit_segments"),
    "lifetime": ("see", "edit_segments"),
    "recommendations": ("see", None),
    "try_recommendations": ("see", None),
    "catalogue": ("see", "edit_segments"),
    "remove_item": (None, "edit_segments"),
    "recommendation_rules": ("see", "edit_segments"),
    "profile_recommended": ("see", None),
    "sources": ("see", None),
    "new_source": ("edit_connections", "edit_connections"),
    "source": ("see", None),
    "source_imports": ("see", "edit_connections"),
    "import": ("see", "edit_connections"),
    "import_problems": ("edit_connections", None),
    "source_email": ("see", "edit_connections"),
    "source_webhook": ("see", "edit_connections"),
    "source_watch": ("see", "edit_connections"),
    "source_stream": ("see", "edit_connections"),
    "source_pull": ("see", "edit_connections"),
    "source_pull_mapping": ("edit_connections", "edit_connections"),
    "source_live": ("see", None),
    "switch_source": (None, "edit_connections"),
    "rotate_key": (None, "edit_connections"),
    "plan": ("see", None),
    "planned_event": ("see", "edit_connections"),
    "source_plan": ("see", "edit_connections"),
    "plan_reports": ("see", None),
    "quality": ("see", None),
    "acknowledge_alert": (None, "edit_connections"),
    "freshness_limits": ("see", "edit_connections"),
    "drop_limit": (None, "edit_connections"),
    "notices": ("see", "see"),
    "call_notices": (None, "edit_connections"),
    "drop_notices": (None, "see"),
    "send_digest_again": (None, "edit_connections"),
    "cleaning": ("see", None),
    "new_cleaning_rule": ("edit_connections", "edit_connections"),
    "cleaning_rule": ("see", "edit_connections"),
    "references": ("see", "edit_connections"),
    "value_review": ("see", None),
    "settle_value": (None, "replay_quarantine"),
    "quarantine": ("see", None),
    "settle_quarantine": (None, "replay_quarantine"),
    "replay_chosen": ("see", "replay_quarantine"),
    "quarantined_item": ("see", "replay_quarantine"),
    "quarantined_document": ("see", None),
    "replays": ("see", None),
    "replay_log": ("see", "replay_quarantine"),
    "replay": ("see", None),
    "stop_replay": (None, "replay_quarantine"),
    "retention": ("see", "administer"),
    "steer_retention": (None, "administer"),
    "destinations": ("see", None),
    "new_destination": ("edit_connections", "edit_connections"),
    "destination": ("see", None),
    "steer_destination": (None, "edit_connections"),
    "new_sync": ("edit_connections", "edit_connections"),
    "sync": ("see", None),
    "steer_sync": (None, "edit_connections"),
    "sync_numbers": ("see", None),
    "test_sync": ("edit_connections", "edit_connections"),
    "edit_mapping": ("edit_connections", "edit_connections"),
    "run": ("see", None),
    "settle_run": (None, "edit_connections"),
    "privacy": ("see", "erase"),
    "erase_person": ("erase", "erase"),
    "everything": ("erase", None),
    "erasure": ("see", None),
    "close_erasure": (None, "erase"),
    "receipt": ("erase", None),
    "suppression": ("see", "erase"),
    "purposes": ("see", None),
    "new_purpose": ("see", "record_consent"),
    "purpose": ("see", "record_consent"),
    "profile_consent": ("see", "record_consent"),
    "source_privacy": ("see", "edit_connections"),
    "jobs": ("see", None),
    "schedules": ("see", None),
    "schedule": ("see", "administer"),
    "job": ("see", None),
    "cancel_job": (None, "steward_identity"),
    "activity": ("see", None),
    "consistency": ("see", "edit_connections"),
    "verify_audit": (None, "administer"),
    "settings": ("see", None),
    "appearance": ("see", "see"),
    "people": ("administer", "administer"),
    "change_person": (None, "administer"),
    "tokens": ("administer", "administer"),
    "revoke_token": (None, "administer"),
}


def address(name: str, shop: Shop) -> str:
    """The address of a route, about the shop's own things."""
    given = {
        "profile_id": shop.anna, "segment_id": shop.segment, "source_id": shop.source, "pair_id": shop.pair,
        "destination_id": shop.destination, "sync_id": shop.sync, "run_id": shop.run, "job_id": shop.job,
        "experiment_id": shop.experiment, "campaign_id": shop.campaign, "step_key": "buys",
        "template_id": shop.template, "send_id": shop.sent, "channel": "email",
        "slot_id": shop.slot, "bandit_id": shop.bandit,
        "person_id": shop.viewer, "token_id": shop.token, "decision_id": 10_000,
        "slug": "regulars", "schedule": "refresh-segments", "version": shop.model, "linkage_run_id": shop.linkage_run,
        "export_id": shop.export, "import_id": shop.file,
        "item_id": shop.quarantined, "replay_id": shop.replay,
        "key": "newsletter",
        "publication_id": shop.publication, "erasure_id": shop.erasure,
        "rule_id": shop.rule, "review_id": shop.review,
        "alert_id": 10_000, "recipient_id": 10_000, "limit_id": 10_000, "digest_id": 10_000,
        "kind": "rfm", "cluster_id": "c1", "kpi": "revenue", "note_id": 10_000,
        "funnel_id": 10_000, "table_id": 10_000, "name": "views",
    }  # fmt: skip
    pattern = next(one for one in urlpatterns if one.name == name)
    wanted = pattern.pattern.converters
    return reverse(f"web:{name}", kwargs={key: given[key] for key in wanted})


def expected(role: str, capability: str | None) -> set[int]:
    if role not in CAPABILITIES[capability or "see"]:
        return {403}
    return {405} if capability is None else {200, 302, 404, 422}


def answer(client: Client, method: str, where: str) -> Any:
    return client.get(where) if method == "GET" else client.post(where, {"theme": "dark"})


def test_no_address_is_missing_in_the_table() -> None:
    assert {one.name for one in urlpatterns} == set(WHO) | OPEN_TO_VISITORS


@pytest.mark.parametrize("role", Role.values)
def test_each_role_opens_and_does_exactly_what_it_may(role: str, shop: Shop) -> None:
    client = signed_in(role)
    wrong = []
    for name, allowed in WHO.items():
        for method, capability in zip(("GET", "POST"), allowed, strict=True):
            # A method that does not exist is 405 for whoever may see the page, and 403 for others.
            needed = capability or next(one for one in allowed if one)
            status = answer(client, method, address(name, shop)).status_code
            right = expected(role, needed) if capability else {403, 405}
            if status not in right:
                wrong.append(f"{method} {name} as {role}: {status}, not one of {sorted(right)}")
    assert wrong == []


def test_visitors_are_sent_to_the_sign_in_page(shop: Shop) -> None:
    client = Client()
    for name in WHO:
        for method in ("GET", "POST"):
            response = answer(client, method, address(name, shop))
            assert (response.status_code, response.url.split("?")[0]) == (302, "/login/"), (method, name)


def test_a_post_without_the_csrf_token_does_nothing(shop: Shop) -> None:
    client = signed_in("admin", csrf=True)
    for name, (_, posts) in WHO.items():
        if posts:
            assert answer(client, "POST", address(name, shop)).status_code == 403, name


def test_somebody_who_may_not_sign_in_any_more_is_out_at_once(shop: Shop) -> None:
    client = signed_in("viewer")
    admin = signed_in("admin")
    admin.post(reverse("web:change_person", args=[shop.viewer]), {"role": "viewer", "active": "0"})
    assert client.get("/profiles/").status_code == 302
