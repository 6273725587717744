"""Notes on the time line: told once, by people and by the product."""

from datetime import UTC, datetime, timedelta

import pytest

from common.models import AuditEntry
from insights import selectors, services
from insights.contracts import AnnotationView, BadKpi

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def note(text: str = "The shop moved", *, at: datetime = NOW, kind: str = "note", link: str = "") -> AnnotationView:
    return services.annotate(at=at, kind=kind, text=text, link=link, by="ann", now=NOW)


def test_what_the_product_tells_twice_is_there_once() -> None:
    for _ in range(2):
        services.annotate(
            at=NOW, kind="campaign", text="Spring began", by="campaigns", now=NOW, key="campaign:1:started"
        )
    assert [one.text for one in selectors.annotations()] == ["Spring began"]
    with pytest.raises(BadKpi, match="so it stays"):
        services.remove_annotation(annotation_id=selectors.annotations()[0].id, by="ann", now=NOW)


def test_a_note_is_kept_with_an_audit_entry_and_can_be_taken_away() -> None:
    made = note("  The   shop moved ")
    assert made.text == "The shop moved"
    assert AuditEntry.objects.filter(action="insights.annotated", object_id=str(made.id)).count() == 1
    services.remove_annotation(annotation_id=made.id, by="ann", now=NOW)
    assert selectors.annotations() == []
    with pytest.raises(BadKpi, match="no such note"):
        services.remove_annotation(annotation_id=made.id, by="ann", now=NOW)


def test_notes_are_read_by_time_the_newest_first() -> None:
    early, late = note("early", at=NOW - timedelta(days=3)), note("late")
    assert selectors.annotations() == [late, early]
    assert selectors.annotations(since=NOW - timedelta(days=1)) == [late]
    assert selectors.annotations(until=NOW) == [early]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"text": " "}, "text"), ({"text": "x" * 301}, "text"), ({"kind": "rumour"}, "kind"),
        ({"link": "https://elsewhere.example"}, "link"), ({"link": "//elsewhere.example"}, "link"),
        ({"at": NOW + timedelta(days=400)}, "at"),
    ],
)  # fmt: skip
def test_what_cannot_stand_there_is_refused_with_its_field(changed: dict[str, object], told: str) -> None:
    with pytest.raises(BadKpi, match=f"^{told}: "):
        note(**changed)  # type: ignore[arg-type]
    assert selectors.annotations() == []
