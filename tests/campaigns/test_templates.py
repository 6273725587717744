"""What templates become for a person, and that a wrong or hostile one costs little and reaches nothing."""

import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import selectors, services
from campaigns.contracts import CannotRender, InvalidTemplate
from campaigns.messages.liquid import MOST_OUTPUT, render
from campaigns.messages.mail import to_html, to_text
from campaigns.messages.rendering import language_of, sms_parts

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
DATA: dict[str, Any] = {"profile": {"first_name": "A<b>"}, "xs": [{"t": "a"}, {"t": "b"}], "n": 0}
DOUBLING = "{% assign a = 'x,' %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}"
HOSTILE = [
    "{% for i in (1..999999999) %}x{% endfor %}",
    "{% tablerow i in (1..999999999) %}x{% endtablerow %}",
    "{% for i in (1..100) %}{% for j in (1..100) %}{% for k in (1..100) %}x{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in (1..9000) %}{% endfor %}" * 2,
    DOUBLING,
    "{% assign n = 9 %}{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}",
    "{% capture a %}" + "y" * 50_000 + "{% endcapture %}{% for i in (1..100) %}{{ a }}{% endfor %}",
    "{{ '" + "x" * 3_000 + "' | replace: '', '" + "y" * 3_000 + "' }}",
    "{{ (1..99999999) | join: 'x' }}",
    "{{ (1..999) | uniq }}",
    "{{ '" + "<script" * 2_000 + "' | strip_html }}",
    "{% if n %}" * 60 + "{% endif %}" * 60,
    "{% include 'secrets' %}",
    "{% render 'secrets' %}",
    "{% extends 'secrets' %}",
    "{% if",
    "{{ n | nosuch }}",
    "{{ 1 | divided_by: n }}",
    "x" * 200_001,
]


@pytest.mark.parametrize("source", HOSTILE, ids=lambda one: one[:30])
def test_a_hostile_template_is_refused_within_its_bounds(source: str) -> None:
    begin = time.process_time()
    with pytest.raises(CannotRender) as refused:
        render(source, DATA, escaping=True)
    assert len(str(refused.value)) < 400
    # No figure of speed: what these would cost without bounds is hours, or all memory.
    assert time.process_time() - begin < 30


@pytest.mark.parametrize("source", [
    "{{ profile.__class__.__mro__ }}", "{{ profile.keys }}", "{{ profile['__init__'] }}", "{{ xs.__len__ }}",
    "{{ xs[0].__class__.__subclasses__ }}", "{{ self }}", "{{ settings.SECRET_KEY }}", "{{ forloop }}",
])  # fmt: skip
def test_nothing_but_the_data_is_reachable(source: str) -> None:
    assert render(source, DATA)[0] == ""


@given(st.text(alphabet="{}%|. 'abfor(1)<>endif=assign\n", max_size=80))
def test_whatever_is_written_becomes_a_text_or_a_problem(source: str) -> None:
    with contextlib.suppress(CannotRender):
        assert len(render(source, DATA, escaping=True)[0]) <= MOST_OUTPUT


def test_values_are_escaped_in_html_and_a_value_is_never_read_as_a_template() -> None:
    assert render("Hi {{ profile.first_name }}", DATA, escaping=True)[0] == "Hi A&lt;b&gt;"
    assert render("{{ x }}", {"x": "{{ 'no' }}"})[0] == "{{ 'no' }}"
    assert render("{% for x in xs %}{{ x.t }}{% unless forloop.last %}, {% endunless %}{% endfor %}", DATA)[0] == "a, b"
    assert render("{{ a.b }} {{ c | default: 'd' }}", {}) == (" d", ["a"])


@pytest.mark.parametrize("body", [
    "<mjml><mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>",
    "<mjml><mj-body>" + "<mj-section>" * 5_000 + "</mj-body></mjml>",
    "<mjml><mj-body><mj-raw>" + "<b>" * 100_000 + "</mj-raw></mj-body></mjml>",
    "<mjml><mj-body><mj-oops", "<mjml>", "<mjml></mjl>",
])  # fmt: skip
def test_mjml_that_cannot_be_read_is_a_problem_and_ends_no_process(body: str) -> None:
    with pytest.raises(CannotRender):
        to_html(body)


def test_a_text_twin_has_the_words_and_the_addresses_of_links() -> None:
    html = to_html(
        "<mjml><mj-head><mj-title>T</mj-title></mj-head><mj-body><mj-section><mj-column><mj-text><h1>News</h1>"
        "<p>One<br/>two</p><ul><li>a</li><li>b</li></ul></mj-text><mj-button href='https://x.example/b'>Buy</mj-button>"
        "<mj-image src='https://x.example/i.png' alt='A hat'/></mj-column></mj-section></mj-body></mjml>"
    )
    text = to_text(html)
    for words in ("News\n", "One\ntwo", "- a\n- b", "Buy (https://x.example/b)", "A hat"):
        assert words in text
    assert "<" not in text


def test_the_best_language_is_taken() -> None:
    known = {"en": 1, "de": 2, "de-AT": 3}
    for wanted, found in (("de-AT", "de-AT"), ("de_at", "de-AT"), ("de-CH", "de"), ("fr", "en"), ("", "en")):
        assert language_of(wanted, known, "en") == found


def test_long_texts_are_cut_as_networks_cut_them() -> None:
    for text, parts in (("a" * 160, 1), ("a" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("я" * 70, 1), ("я" * 71, 2)):
        assert sms_parts(text) == parts


@pytest.mark.django_db
def test_a_person_gets_their_language_and_what_is_missing_is_told() -> None:
    contents = {"sms": {
        "en": {"body": "Hello {{ profile.first_name }} {{ code }}"}, "de": {"body": "Hallo {{ profile.first_name }}"},
    }}  # fmt: skip
    shown = services.preview(
        contents, "sms", language="en", traits={"language": "de-AT", "first_name": "Anna"}, variables={}, defaults={}
    )
    assert (shown.language, shown.fields["body"], shown.missing) == ("de", "Hallo Anna", ())
    other = services.preview(contents, "sms", language="en", traits={}, variables={}, defaults={"code": 7})
    assert (other.fields["body"], other.missing) == ("Hello  7", ("profile.first_name",))


@pytest.mark.django_db
def test_a_version_is_kept_for_good_and_an_older_one_can_be_sent_again() -> None:
    words = {"sms": {"en": {"body": "one"}}}
    made = services.create_template(name="T", message_class="transactional", contents=words, by="ann", now=NOW)
    services.publish_template(made.id, 1, by="ann", now=NOW)
    services.add_version(made.id, contents={"sms": {"en": {"body": "two"}}}, language="en", by="ann", now=NOW)
    first = selectors.template_version(made.id, 1)
    assert first is not None
    assert first.contents["sms"]["en"]["body"] == "one"
    assert services.publish_template(made.id, 2, by="ann", now=NOW).live == 2
    assert services.publish_template(made.id, 1, by="ann", now=NOW).live == 1
    with pytest.raises(InvalidTemplate):
        services.publish_template(made.id, 3, by="ann", now=NOW)


@pytest.mark.django_db
def test_a_template_that_fails_for_somebody_of_whom_nothing_is_known_is_not_kept() -> None:
    words = {"sms": {"en": {"body": "{{ 1 | divided_by: profile.n }}"}}}
    with pytest.raises(InvalidTemplate) as wrong:
        services.create_template(name="T", message_class="transactional", contents=words, by="ann", now=NOW)
    assert "/contents/sms/en/body" in wrong.value.problems
