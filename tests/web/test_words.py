"""What pages say in words: events by what people call them, and mistakes by their place in what was typed."""

import pytest
from django import forms
from django.template import Context, Template

from cdp.web.event_filters import EventFilters

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


def test_calls_without_a_name_are_called_by_words_and_others_by_their_own_name() -> None:
    page = Template("{% load cdp_web %}{% for one in names %}{{ one|event_name }}, {% endfor %}")
    told = page.render(Context({"names": ["$page", "$screen", "$identify", "Order Completed", "$custom"]}))
    assert told == "Page viewed, Screen viewed, Person identified, Order Completed, $custom, "
