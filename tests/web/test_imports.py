"""A file on its pages: uploaded, mapped, counted, taken in."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from common import clock
from connectors import selectors, services
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)

CONTENT = b"Customer ID;E-Mail;Amount\n1;ana@example.com;12,50\n2;ben@example.com;-3\n"


@pytest.fixture
def steward(shop: Shop) -> Client:
    return signed_in("steward")


def uploaded(client: Client, shop: Shop, content: bytes = CONTENT) -> str:
    file = SimpleUploadedFile("people.csv", content)
    answer = client.post(reverse("web:source_imports", args=[shop.source]), {"file": file})
    assert answer.status_code == 302
    return str(answer["Location"])


def form(do: str, **more: str) -> dict[str, Any]:
    return {
        "do": do, "rows": "identify", "event": "", "c-0-to": "identifiers.user_id", "c-0-as": "text",
        "c-1-to": "identifiers.email", "c-1-as": "text", "c-2-to": "traits.amount", "c-2-as": "number,",
        "c-2-least": "0", **more,
    }  # fmt: skip


def test_a_file_is_uploaded_counted_and_taken_in(steward: Client, shop: Shop) -> None:
    where = uploaded(steward, shop)
    draft = steward.get(where)
    assert 'value="identifiers.email"' in draft.content.decode()
    assert "ana@example.com" not in draft.content.decode(), "nobody knows yet which cells are personal"
    steward.post(where, form("check"))
    services.run_imports(now=clock.now())
    told = text_of(steward.get(where))
    assert "Come in 2" in told
    assert "Amount: below the range 1" in told
    steward.post(where, form("run"))
    services.run_imports(now=clock.now())
    assert "came in" in text_of(steward.get(where))
    listed = text_of(steward.get(reverse("web:source_imports", args=[shop.source])))
    assert "people.csv" in listed


def test_what_is_wrong_with_a_mapping_is_told_and_what_was_typed_stays(steward: Client, shop: Shop) -> None:
    where = uploaded(steward, shop)
    page = steward.post(where, form("check", **{"c-2-to": "somewhere", "c-2-least": "x"}))
    assert page.status_code == 422
    assert "Amount: x is no number." in text_of(page)
    page = steward.post(where, form("check", **{"c-2-to": "somewhere"}))
    assert "is no place" in text_of(page)
    assert 'value="somewhere"' in page.content.decode()


def test_a_row_is_given_one_more_item_and_it_is_left_out_again(steward: Client, shop: Shop) -> None:
    where = uploaded(steward, shop)
    page = steward.post(where, form("add_item"))
    assert page.status_code == 200
    more = {"2-rows": "track", "2-event": "Sale", "2-c-0-to": "identifiers.user_id", "2-c-2-to": "properties.amount"}
    assert 'name="2-c-0-to" value="identifiers.user_id"' in page.content.decode(), "it is of the same person"
    assert 'name="2-rows"' not in steward.post(where, form("drop_item_2", **more)).content.decode()
    assert "Item 2: event: name the event" in text_of(steward.post(where, form("check", **{**more, "2-event": ""})))
    assert steward.post(where, form("check", **more)).status_code == 302
    services.run_imports(now=clock.now())
    told = text_of(steward.get(where))
    assert "As Sale 2" in told
    assert "As identify 2" in told
    assert "traits.amount, properties.amount" in told


def test_a_file_is_read_differently(steward: Client, shop: Shop) -> None:
    where = uploaded(steward, shop)
    steward.post(where, {"do": "layout", "encoding": "utf-8", "delimiter": ","})
    assert "1 columns" in text_of(steward.get(where))
    page = steward.post(where, {"do": "layout", "encoding": "no-such", "delimiter": ","})
    assert page.status_code == 422


def test_a_file_that_is_none_is_refused(steward: Client, shop: Shop) -> None:
    answer = steward.post(
        reverse("web:source_imports", args=[shop.source]), {"file": SimpleUploadedFile("x.bin", b"\x7fELF\0\0")}
    )
    assert answer.status_code == 422
    assert "no CSV" in text_of(answer)


def test_problems_with_cells_are_given_only_while_personal_data_is_shown(steward: Client, shop: Shop) -> None:
    where = reverse("web:import_problems", args=[shop.file])
    assert steward.get(where)["Location"].startswith(reverse("web:unmask"))
    steward.post(reverse("web:unmask"), {"reason": "Looking at an import", "next": "/"})
    assert b"not as many cells" in b"".join(steward.get(where).streaming_content)
    assert signed_in("marketer").get(where).status_code == 403
    assert selectors.one_import(shop.file).state == "draft"  # type: ignore[union-attr]
