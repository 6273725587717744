"""Static lists: people named one by one, by a file or by hand."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.api.references import kind_and_value
from cdp.web.access import page
from cdp.web.forms import EntriesForm, ListForm
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from identity import selectors as identity
from identity.contracts import IDENTIFIER_KINDS
from segments import selectors as segments
from segments import services as segment_services

_AT_ONCE = 10_000
_SHOWN = 20


@page("see", post="edit_segments")
def static_lists(request: PageRequest) -> HttpResponse:
    """All lists, and a form for one more."""
    form = ListForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        slug, name = form.cleaned_data["slug"], form.cleaned_data["name"]
        try:
            made = segment_services.create_list(slug=slug, name=name, by=actor(request), now=request.now)
        except segment_services.SlugTaken as taken:
            form.add_error("slug", str(taken))
        else:
            record(request, "list.create", "list", made.slug, f"Created the list {made.name}")
            return go(request, reverse("web:static_list", args=[made.slug]))
    status = 422 if form.errors else 200
    return render(request, "segments/lists.html", lists=segments.static_lists(), form=form, status=status)


@page("see", post="edit_segments")
def static_list(request: PageRequest, slug: str) -> HttpResponse:
    """One list: who reads it, and a form that puts people on it or takes them off."""
    found = segments.static_list(slug)
    if found is None:
        return not_found(request, "list", reverse("web:static_lists"))
    form = EntriesForm(request.POST or None, request.FILES or None)
    unknown: list[str] = []
    if request.method == "POST" and form.is_valid():
        changed, unknown = _change(request, slug, form)
        done = "put on" if form.cleaned_data["do"] == "add" else "taken off"
        toast(request, f"{changed:,} identifiers {done} the list; {len(unknown):,} are nobody's.", bad=bool(unknown))
        record(
            request, "list.change", "list", slug, f"{changed:,} identifiers {done} {found.name}",
            after={"changed": changed, "unknown": len(unknown)},
        )  # fmt: skip
        if not unknown:
            return go(request, reverse("web:static_list", args=[slug]))
    return render(
        request, "segments/one_list.html", list=segments.static_list(slug), form=form,
        readers=[one for one in map(segments.segment, segments.list_readers(slug)) if one], unknown=unknown[:_SHOWN],
        more=max(0, len(unknown) - _SHOWN), status=422 if form.errors else 200,
    )  # fmt: skip


def _change(request: PageRequest, slug: str, form: EntriesForm) -> tuple[int, list[str]]:
    """How many identifiers changed place, and the lines that are nobody's."""
    changed, unknown = 0, list[str]()
    every = form.lines()
    for start in range(0, len(every), _AT_ONCE):
        lines = every[start : start + _AT_ONCE]
        keys = {line: _key(line, form.cleaned_data["kind"]) for line in lines}
        known = identity.find_identifiers(keys.values())
        unknown += [line for line, key in keys.items() if key not in known]
        ids = [known[key] for key in keys.values() if key in known]
        added, removed = segment_services.change_list(slug=slug, **{form.cleaned_data["do"]: ids}, now=request.now)
        changed += added + removed
    return changed, unknown


def _key(line: str, kind: str) -> tuple[str, str]:
    """`kind:value` when it begins with a kind that there is, else a value of the kind that was chosen."""
    named, value = kind_and_value(line)
    return (named, value) if named in IDENTIFIER_KINDS or ":" in named else (kind, line)
