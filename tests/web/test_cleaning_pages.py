"""Pages of cleaning: a rule is written, tried, kept, switched on and put back; a value is reviewed."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from common import clock
from events import selectors as log
from quality import selectors, services
from quality.figures.models import QualityAlert
from tests.web.conftest import Shop, _send, signed_in, text_of

pytestmark = pytest.mark.django_db


def _call(number: int, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Paid", "userId": "customer-1", "messageId": f"pay-{number}",
            "properties": properties}  # fmt: skip


def test_a_rule_is_tried_kept_switched_on_and_put_back(shop: Shop) -> None:
    steward = signed_in("steward")
    _send(shop.source, [_call(1, total="1.234,50"), _call(2, total="x")])
    new = reverse("web:new_cleaning_rule") + "?kind=number"
    form = {"name": "Totals", "scope": "properties", "path": "/total", "event": "Paid", "then": "flag",
            "set_decimal": ",", "source_id": str(shop.source)}  # fmt: skip
    tried = text_of(steward.post(new, {**form, "do": "try"}))
    assert "2 events were looked at, 2 of them are touched" in tried
    assert "1.234,50 1234.5 corrected" in tried
    assert "must itself pass" in text_of(steward.post(new, {**form, "then": "replace", "do": "keep"}))
    assert steward.post(new, {**form, "path": "total", "do": "try"}).status_code == 422
    kept = steward.post(new, {**form, "do": "keep"})
    page = kept.url
    assert "draft" in text_of(steward.get(page))
    steward.post(page, {"do": "on"})
    _send(shop.source, [_call(3, total="2,5")])
    shown = text_of(steward.get(page))
    assert "2,5 → 2.5" in shown
    assert "decimal comma" in shown
    steward.post(page, {**form, "do": "keep", "then": "quarantine"})
    assert "put the item into the quarantine" in text_of(steward.get(page))
    steward.post(page, {"do": "put_back", "version": "1"})
    steward.post(page, {"do": "up"})
    first = selectors.rules(now=clock.now(), sources={})[0]
    assert (first.definition.name, first.version, first.definition.then) == ("Totals", 3, "flag")
    assert "1 corrected" in text_of(steward.get(reverse("web:cleaning")))
    assert steward.post(page, {"do": "delete"}).url == reverse("web:cleaning")
    assert steward.get(page).status_code == 404


def test_a_rule_over_several_properties_is_written_tried_and_shown_as_it_was_said(shop: Shop) -> None:
    steward = signed_in("steward")
    assert "Reckoned of others" in text_of(steward.get(reverse("web:cleaning")))
    _send(shop.source, [_call(1, total=10, quantity=2, price=4, land="DE"), _call(2, total=10, quantity=2, price=4)])
    new = reverse("web:new_cleaning_rule") + "?kind=arithmetic"
    form = {"name": "Totals", "scope": "properties", "path": "/total", "event": "Paid", "then": "quarantine",
            "set_operation": "product", "set_of": "/quantity\n/price", "set_within": "0.01", "set_differs": "rule",
            "when_path": "/land", "when_relation": "is", "when_values": "DE\nAT",
            "source_id": str(shop.source)}  # fmt: skip
    assert "2 events were looked at, 1 of them are touched: 1 quarantined" in text_of(
        steward.post(new, {**form, "do": "try"})
    )
    wrong = steward.post(new, {**form, "when_values": "", "do": "keep"})
    assert (wrong.status_code, "Name the values, one a line." in text_of(wrong)) == (422, True)
    page = steward.post(new, {**form, "do": "keep"}).url
    shown = steward.get(page)
    assert "equals /quantity × /price, within 0.01 where /land is DE, AT" in text_of(shown)
    assert "/quantity\n/price</textarea>" in shown.content.decode()
    assert "DE\nAT</textarea>" in shown.content.decode()


def test_lists_and_rates_are_kept_and_what_is_wrong_is_said(shop: Shop) -> None:
    steward, page = signed_in("steward"), reverse("web:references")
    wrong = steward.post(page, {"do": "rates", "file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")})
    assert (wrong.status_code, "The first column is Date" in text_of(wrong)) == (422, True)
    steward.post(page, {"do": "rates", "file": SimpleUploadedFile("h.csv", b"Date,USD\n2026-01-05,1.1\n")})
    steward.post(page, {"do": "list", "slug": "tills", "name": "Tills", "values": "a\nb"})
    shown = text_of(steward.get(page))
    assert "1 currencies on 1 days" in shown
    assert "tills" in shown
    assert "north" in steward.get(page + "?list=shops").content.decode()


def test_a_value_is_corrected_and_its_item_goes_on(shop: Shop) -> None:
    steward, page = signed_in("steward"), reverse("web:value_review")
    shown = steward.get(page)
    assert "/properties/age" in text_of(shown)
    assert "anna@example.org" not in shown.content.decode()
    settle = reverse("web:settle_value", args=[shop.review])
    steward.post(settle, {"verdict": "corrected", "value": "7000"})
    assert "does not pass the rule either" in text_of(steward.get(page))
    steward.post(settle, {"verdict": "corrected", "value": "70"})
    _send(shop.source, [_call(9)])
    joined = next(one for one in log.stream_events() if one.name == "Joined")
    assert joined.properties["age"] == 70
    assert "corrected: 70" in text_of(steward.get(page))


def test_figures_are_shown_with_their_table_and_alerts_are_acknowledged(shop: Shop) -> None:
    row = QualityAlert.objects.create(
        kind="volume_drop", source_id=shop.source, name="Joined", day=clock.now().date(), told="3 events on Tuesday.",
        opened_at=clock.now(),
    )  # fmt: skip
    steward, page = signed_in("steward"), reverse("web:quality")
    shown = text_of(steward.get(page))
    assert "3 events on Tuesday." in shown
    assert "Show as table" in shown
    assert "1 alert over data quality" in text_of(steward.get(reverse("web:home")))
    one = text_of(steward.get(f"{page}?event=Order%20Completed&source={shop.source}"))
    assert "/revenue" in one
    steward.post(reverse("web:acknowledge_alert", args=[row.pk]))
    assert "3 events on Tuesday." not in text_of(steward.get(page))


def test_blocks_are_kept_and_the_months_report_is_shown(shop: Shop) -> None:
    steward, page = signed_in("steward"), reverse("web:source_plan", args=[shop.source])
    wanted = {"do": "block", "email": "mask", "phone": "allow", "card": "drop", "ip": "allow"}
    assert steward.post(page, wanted).status_code == 302
    assert selectors.block_of(shop.source)["card"] == "drop"
    assert steward.post(page, {**wanted, "email": "burn"}).status_code == 422
    _send(shop.source, [_call(21, note="ana@example.org")])
    assert "personal email" in text_of(steward.get(page))
    reports = reverse("web:plan_reports")
    assert "No report yet" in text_of(steward.get(reports))
    services.write_reports(now=clock.now())
    assert "No report yet" in text_of(steward.get(reports))
    services.write_reports(now=clock.now() + timedelta(days=32))
    assert "Order Completed" in text_of(steward.get(reports))
