"""Reading sources."""

from connectors.sources.contracts import IpKept, Robots, SourceView
from connectors.sources.models import Source


def view(row: Source) -> SourceView:
    """The contract of one row."""
    return SourceView(
        id=row.pk, name=row.name, slug=row.slug, kind=row.kind, write_key=row.write_key, enabled=row.enabled,
        created_at=row.created_at, ip_kept=IpKept(row.ip_kept), fill_in=row.fill_in, robots=Robots(row.robots),
        origins=tuple(row.origins),
    )  # fmt: skip


def sources() -> list[SourceView]:
    """All sources by name."""
    return [view(row) for row in Source.objects.order_by("name", "id")]


def source(source_id: int) -> SourceView | None:
    """One source, or None."""
    row = Source.objects.filter(pk=source_id).first()
    return view(row) if row else None


def source_by_key(write_key: str) -> SourceView | None:
    """The source with this write key, or None."""
    row = Source.objects.filter(write_key=write_key).first()
    return view(row) if row else None


def visited_sources() -> list[int]:
    """The ids of those that people visit: websites and apps."""
    kinds = (Source.Kind.WEB, Source.Kind.MOBILE)
    return list(Source.objects.filter(kind__in=kinds).values_list("id", flat=True))


def source_names() -> dict[int, str]:
    """The name of each source, for pages that show where a thing came from."""
    return dict(Source.objects.values_list("id", "name"))
