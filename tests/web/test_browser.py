"""The pages in a real browser: nothing fails, nothing leaves the host, everybody can use them."""

import json
import re

import pytest
from playwright.sync_api import Page

from cdp.web.urls import urlpatterns
from identity import selectors as identity
from segments import selectors as segments
from tests.web.browser import Visitor
from tests.web.conftest import Shop
from tests.web.linkage_rows import HISTOGRAM
from tests.web.test_roles import WHO, address

pytestmark = pytest.mark.browser


# One leads on to another page, one is a file, some ask for a name; a run is a part of a page, and groups come from one.
_NO_PAGES = (
    "settings", "receipt", "planned_event", "new_cleaning_rule", "insights_run", "grouping_run", "grouping", "kpi_file",
    "prediction", "prediction_run", "model_card", "feature_file", "quarantined_document",
)  # fmt: skip


def _every_page(shop: Shop) -> list[str]:
    names = [one.name for one in urlpatterns if one.name in WHO and WHO[one.name][0] and one.name not in _NO_PAGES]
    first, second = identity.identifier_ids(shop.anna)[:2]
    return [
        *(address(str(name), shop) for name in names),
        f"/profiles/merge/?a={shop.anna}&b={shop.ana}", "/profiles/?q=nobody-of-that-name",
        f"/profiles/{shop.anna}/identities/?a={first}&b={second}", f"/profiles/{shop.ana}/segments/?why={shop.segment}",
        f"/identity/why/?a={shop.anna}&b={shop.ana}", f"/identity/clusters/{shop.anna}/?cut={first}-{second}",
        "/destinations/new/?kind=webhook", "/search/?q=anna", "/jobs/?state=failed",
        "/data/plan/event/?name=Order%20Completed", "/segments/?archived=1",
        "/data/cleaning/new/?kind=currency", "/data/references/?list=shops", "/data/quality/?event=Order%20Completed",
    ]  # fmt: skip


def test_every_page_is_whole_for_everybody_in_both_themes_wide_and_narrow(visitor: Visitor, shop: Shop) -> None:
    found = _look(visitor, "/login/")
    visitor.sign_in("admin")
    for where in _every_page(shop):
        found += _look(visitor, where)
    assert found == []


def _look(visitor: Visitor, where: str) -> list[str]:
    visitor.wrong.clear()
    visitor.open(where)
    return [f"{where} {one}" for one in visitor.barriers_in_every_view()] + [f"{where}: {one}" for one in visitor.wrong]


def test_what_is_seen_at_one_width_alone_is_looked_at_in_both_themes(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("admin")
    visitor.open("/segments/")
    # Heads of tables are seen at the wide one; dark words are no trouble on light paper.
    visitor.page.evaluate("document.querySelector('thead th').style.color = '#1a2230'")
    assert [one.split(":")[0] for one in visitor.barriers_in_every_view() if "color-contrast" in one] == ["dark 1280"]
    visitor.open("/segments/")
    visitor.page.evaluate("""() => {
        const told = document.createElement('p');
        told.textContent = 'Seen at the narrow one';
        told.className = 'd-sm-none';
        told.style.color = '#e8ecf2';
        document.querySelector('main').append(told);
    }""")
    assert [one.split(":")[0] for one in visitor.barriers_in_every_view() if "color-contrast" in one] == ["light 320"]


def test_a_part_that_is_on_every_page_is_looked_at_again_in_each_form_and_all_else_always(
    visitor: Visitor, shop: Shop
) -> None:
    visitor.sign_in("admin")
    for _ in range(2):
        visitor.open("/segments/")
        assert visitor.barriers_in_every_view() == []
    visitor.open("/segments/")
    visitor.page.evaluate("""() => {
        document.querySelector('header.top .search-open').style.color = '#7a8594';
        document.querySelector('h1').style.color = '#c0c8d0';
    }""")
    found = [one for one in visitor.barriers_in_every_view() if "light 1280: color-contrast" in one]
    assert len(found) == 1
    assert "h1" in found[0]
    assert "search-open" in found[0]


def test_a_rule_is_built_with_the_keyboard_alone(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("marketer")
    visitor.open("/segments/new/")
    page, keys = visitor.page, visitor.page.keyboard
    _type(page, {"name": "Loyal or lately", "r.0:trait": "plan", "r.0:value": "pro"})
    page.focus("button[value='add-group@r']")
    keys.press("Enter")
    page.wait_for_selector("[name='r.1.0:trait']")
    page.focus("button[value='remove@r.1.0']")
    keys.press("Enter")
    page.wait_for_selector("[name='r.1.0:trait']", state="detached")
    page.focus("button[value='add-event@r.1']")
    keys.press("Space")
    page.wait_for_selector("[name='r.1.0:event']")
    page.wait_for_function("document.activeElement.name === 'r.1.0:event'")
    keys.type("Order Completed")
    _type(page, {"r.1.0:length": "30"})
    page.wait_for_selector("#rule-preview .tile-value:text-is('1')")
    page.focus("[name=name]")
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/segments/\d+/$"))

    made = segments.segment("loyal-or-lately")
    assert made is not None
    assert made.rule == {
        "all": [
            {"trait": "plan", "is": "eq", "value": "pro"},
            {"any": [{"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": {"days": 30}}]},
        ]
    }
    assert visitor.wrong == []


def _type(page: Page, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        page.focus(f"[name='{name}']")
        page.keyboard.type(text)


def test_search_opens_with_the_keyboard_and_finds_a_person(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("viewer")
    page = visitor.page
    page.keyboard.press("Control+k")
    page.keyboard.type("anna@example.org")
    page.wait_for_selector(f"#search-results [href='/profiles/{shop.anna}/']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/profiles/{shop.anna}/")
    assert visitor.wrong == []


def test_a_pair_is_decided_with_one_key_and_taken_back_with_another(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("steward")
    visitor.open("/identity/review/")
    visitor.page.keyboard.press("1")
    visitor.page.wait_for_selector(".toast-line")
    visitor.page.wait_for_load_state()
    assert identity.review_queue() == []
    visitor.page.keyboard.press("u")
    visitor.page.wait_for_selector("text=Taken back.")
    assert [pair.id for pair in identity.review_queue()] == [shop.pair]


def test_the_menu_opens_on_a_narrow_screen_and_the_theme_is_kept(visitor: Visitor, shop: Shop) -> None:
    visitor.page.set_viewport_size({"width": 320, "height": 700})
    visitor.sign_in("viewer")
    page = visitor.page
    page.click(".rail-toggle")
    page.click("#rail >> text=Segments")
    page.wait_for_url("**/segments/")
    page.click("summary[aria-label^=Account]")
    page.click("button[aria-label=Dark]")
    page.wait_for_selector("html[data-bs-theme=dark]")
    assert page.url.endswith("/segments/")


def test_the_identity_graph_and_its_table_show_the_same_links(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("viewer")
    visitor.open(f"/profiles/{shop.anna}/identities/")
    visitor.page.wait_for_selector("#identity-graph canvas")
    data = json.loads(visitor.page.inner_text("#identity-graph-data") or "null") or visitor.page.evaluate(
        "JSON.parse(document.getElementById('identity-graph-data').textContent)"
    )
    assert len(data["edges"]) == len(identity.links_of(shop.anna))
    assert visitor.wrong == []


def test_a_moved_threshold_tells_pairs_and_people_with_the_keyboard_alone(visitor: Visitor, shop: Shop) -> None:
    visitor.sign_in("viewer")
    visitor.open(f"/identity/model/{shop.model}/")
    page = visitor.page
    page.wait_for_function("document.querySelector('#link-at').getAttribute('aria-valuetext') === '0.45'")

    def told(side: str, what: str = "pairs") -> int:
        return int(page.inner_text(f"[data-side={side}][data-what={what}]").replace(",", ""))

    before = told("linked")
    page.focus("#link-at")
    page.keyboard.press("ArrowRight")
    assert told("linked") == before - HISTOGRAM[9]
    assert told("linked") + told("asked") + told("apart") == sum(HISTOGRAM)
    page.fill("#link-typed", "0.95")
    page.keyboard.press("Tab")
    assert (told("linked"), told("linked", "people")) == (5317, 4573)
    page.fill("#review-typed", "0.99")
    page.keyboard.press("Tab")
    assert page.input_value("#link-typed") == "0.99", "a pair that is asked about is not linked"
    assert (told("linked"), told("asked")) == (4102, 0)
    page.focus("[data-back]")
    page.keyboard.press("Enter")
    assert told("linked") == before
    assert visitor.wrong == []
