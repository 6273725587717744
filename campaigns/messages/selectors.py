"""Reading templates."""

from collections.abc import Iterable

from campaigns.messages.contracts import TemplateView, VersionView
from campaigns.messages.models import Template, TemplateVersion


def channels_of(rows: Iterable[Template]) -> dict[int, tuple[str, ...]]:
    """For what channels each template has something, in its live version or else in the newest."""
    wanted = {row.pk: row.live or row.newest for row in rows}
    found = TemplateVersion.objects.filter(template_id__in=wanted, number__in=set(wanted.values()))
    return {pk: () for pk in wanted} | {
        one.template_id: tuple(one.contents) for one in found if wanted[one.template_id] == one.number
    }


def view(row: Template, channels: tuple[str, ...]) -> TemplateView:
    """A template as other apps see it."""
    return TemplateView(
        row.pk, row.slug, row.name, "marketing" if row.message_class == "marketing" else "transactional", row.group,
        channels, row.live, row.newest, row.archived_at is not None, row.created_by, row.created_at, row.changed_at,
    )  # fmt: skip


def version_view(row: TemplateVersion) -> VersionView:
    """A version as other apps see it."""
    return VersionView(
        row.template_id, row.number, row.contents, row.language, row.defaults, row.note, row.created_by, row.created_at
    )


def templates(*, before: int | None = None, limit: int = 200, archived: bool = False) -> list[TemplateView]:
    """Templates, the newest first."""
    rows = Template.objects.order_by("-pk") if archived else Template.objects.filter(archived_at=None).order_by("-pk")
    chosen = list((rows.filter(pk__lt=before) if before else rows)[:limit])
    channels = channels_of(chosen)
    return [view(row, channels[row.pk]) for row in chosen]


def template(reference: int | str) -> TemplateView | None:
    """One template by id or slug, or None."""
    text = str(reference)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
    row = Template.objects.filter(pk=number).first() if number is not None else None
    row = row or Template.objects.filter(slug=text).first()
    return view(row, channels_of([row])[row.pk]) if row else None


def template_ids(slugs: Iterable[str]) -> dict[str, int]:
    """The ids of templates by slug; those that there are not are left out."""
    return dict(Template.objects.filter(slug__in=list(slugs)).values_list("slug", "pk"))


def template_version(template_id: int, number: int) -> VersionView | None:
    """One version, or None."""
    row = TemplateVersion.objects.filter(template_id=template_id, number=number).first()
    return version_view(row) if row else None


def template_versions(template_id: int) -> list[VersionView]:
    """Every version, the newest first."""
    return [version_view(row) for row in TemplateVersion.objects.filter(template_id=template_id).order_by("-number")]


def template_names(ids: Iterable[int]) -> dict[int, str]:
    """Names by id."""
    return dict(Template.objects.filter(pk__in=set(ids)).values_list("pk", "name"))
