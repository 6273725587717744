"""Static lists and who is on them."""

from django.db.models import Count

from segments.contracts import ListView
from segments.models import ListEntry, Segment, StaticList
from segments.parsing import parse_rule
from segments.rules import OnList, leaves


def list_view(row: StaticList, entries: int = 0) -> ListView:
    """A list as other apps see it."""
    return ListView(row.slug, row.name, entries, row.created_by, row.created_at, row.changed_at)


def static_lists() -> list[ListView]:
    """All lists by name, with how many identifiers are on each."""
    counts = dict(ListEntry.objects.values_list("list_id").annotate(n=Count("identifier_id")))
    return [list_view(row, counts.get(row.pk, 0)) for row in StaticList.objects.order_by("name", "pk")]


def static_list(slug: str) -> ListView | None:
    """One list, or None."""
    row = StaticList.objects.filter(slug=slug).first()
    return None if row is None else list_view(row, ListEntry.objects.filter(list=row).count())


def list_readers(slug: str) -> list[str]:
    """The slugs of the live segments whose rules read the list."""
    live = Segment.objects.filter(archived_at=None).order_by("slug").only("slug", "rule")
    return [row.slug for row in live if OnList(slug) in set(leaves(parse_rule(row.rule)))]


def list_entries(slug: str, *, after: int = 0, limit: int = 1000) -> list[int]:
    """The ids of the identifiers on a list, ascending, after one: a keyset page."""
    rows = ListEntry.objects.filter(list__slug=slug, identifier_id__gt=after).order_by("identifier_id")
    return list(rows.values_list("identifier_id", flat=True)[:limit])
