"""What pages say in words: events by what people call them, and mistakes by their place in what was typed."""

import msgspec
import pytest
from django import forms
from django.template import Context, Template

from campaigns.contracts import CampaignSpec
from cdp.web import campaign_words as words
from cdp.web.event_filters import EventFilters
from cdp.web.funnel_charts import paths
from insights.contracts import PathResult, PathSpec
from insights.funnels.contracts import PathLink

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("shoes", "It ends too early: expected a comparison"),
        ("revenue >", "It ends too early: expected a number."),
        ("category = shoes", "Letter 12: expected a number, but found 'shoes'. Text stands in quotes"),
        ('in "vip"', "Letter 1: expected a name"),
        ('category = "a"\nand 5', "Line 2, letter 5: expected a name"),
        ('category = "a" or revenue > 3', "Write conditions on properties alone, joined by “and”."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_filters_is_said_by_its_place_in_what_was_typed(typed: str, told: str) -> None:
    with pytest.raises(forms.ValidationError) as wrong:
        EventFilters(required=False).clean(typed)
    assert wrong.value.messages[0].startswith(told)


def test_a_picture_of_paths_calls_a_page_call_a_page_viewed() -> None:
    found = PathResult(4, (PathLink(1, "$page", "Order Completed", 3), PathLink(1, "$page", "(others)", 1)))
    chart = paths(PathSpec("$page"), found)
    assert chart.label == "What happens after Page viewed"
    assert [row[1:3] for row in chart.rows] == [("Page viewed", "Order Completed"), ("Page viewed", "(others)")]
    assert "$page" not in str(chart.option)


def test_what_a_campaign_does_is_told_by_the_names_of_segments_templates_and_experiments() -> None:
    names = words.Names({"vips": "Our best"}, {"cart": "Your cart"}, {"offer": "Which offer"})
    spec = msgspec.convert({"entry": {"kind": "segment", "segment": "vips"}, "steps": []}, CampaignSpec)
    assert words.entry(spec, names) == "whoever enters Our best"
    told = [
        words.detail(step, names) for step in (
            {"kind": "send", "template": "cart", "channels": ["email"]}, {"kind": "send", "template": "gone"},
            {"kind": "wait_event", "event": "$page", "minutes": 60}, {"kind": "experiment", "experiment": "offer"},
            {"kind": "branch", "cases": [{"when": {"segment": "vips"}}, {"when": {"event": "$screen"}}]},
            {"kind": "list", "list": "vips"}, {"kind": "list", "list": ""},
        )
    ]  # fmt: skip
    assert told == [
        "Your cart by email", "gone by (no channel)", "until Page viewed, 1 hour at the most", "Which offer",
        "in Our best; did Screen viewed", "on Our best", "on (no list)",
    ]  # fmt: skip
    branch = {"kind": "branch", "cases": [{"when": {"segment": "vips"}}]}
    assert words.way(branch, "case 1", names) == "in Our best"


def test_names_between_backquotes_stand_out_and_nothing_that_was_sent_becomes_markup() -> None:
    page = Template("{% load cdp_web %}{{ told|ticks }}")
    told = page.render(Context({"told": "Neither `userId` nor `<b>`, but <i>x</i> and one ` alone."}))
    assert told == ("Neither <code>userId</code> nor <code>&lt;b&gt;</code>, but &lt;i&gt;x&lt;/i&gt; and one ` alone.")


def test_calls_without_a_name_are_called_by_words_and_others_by_their_own_name() -> None:
    page = Template("{% load cdp_web %}{% for one in names %}{{ one|event_name }}, {% endfor %}")
    told = page.render(Context({"names": ["$page", "$screen", "$identify", "Order Completed", "$custom"]}))
    assert told == "Page viewed, Screen viewed, Person identified, Order Completed, $custom, "
