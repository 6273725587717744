"""Files on their way in: upload, mapping, check, run, and what is to be said of single rows."""

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse

from cdp.nudge import RUN_IMPORTS, RUN_UNDOS, wake
from cdp.web.access import page
from cdp.web.forms import ImportFileForm
from cdp.web.import_form import PLACES, READINGS, is_reshaping, item_forms, mapping_given, undone_lines
from cdp.web.import_report import report_lines
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.views.sources import open_source
from common import masking
from common.models import Job
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import FILE_PRESETS, BadMapping, ImportView, UnreadableFile

_ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16")
_DELIMITERS = ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"))


@page("see", post="edit_connections")
def source_imports(request: PageRequest, source_id: int) -> HttpResponse:
    """Files of this source, and a form for one more."""
    context = open_source(request, source_id, "web:source_imports")
    if isinstance(context, HttpResponse):
        return context
    form = ImportFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data["file"]
        try:
            taken = connector_services.take_file(
                source_id=source_id, name=given.name, chunks=given.chunks(), by=actor(request), now=request.now
            )
            return go(request, reverse("web:import", args=[taken.id]))
        except UnreadableFile as wrong:
            form.add_error("file", str(wrong))
    return render(
        request, "sources/imports.html", **context, form=form, rows=connectors.imports(source_id=source_id),
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see", post="edit_connections")
def import_page(request: PageRequest, import_id: int) -> HttpResponse:
    """One file: a draft with its mapping, or how far it is and what became of its rows."""
    found = connectors.one_import(import_id)
    if found is None:
        return not_found(request, "import", reverse("web:sources"))
    problems: list[str] = []
    mapping = dict(found.mapping)
    if request.method == "POST" and request.POST.get("do") in ("count_undo", "undo"):
        return _undo(request, found)
    if request.method == "POST":
        mapping, problems = mapping_given(request.POST.dict(), found.header)
        if not problems and not is_reshaping(request.POST):
            problems = _act(request, found, mapping)
            if not problems:
                return go(request, reverse("web:import", args=[import_id]))
    template = "sources/import_progress.html" if request.htmx else "sources/import.html"
    return render(request, template, status=422 if problems else 200, **_shown(request, found, mapping, problems))


def _undo(request: PageRequest, found: ImportView) -> HttpResponse:
    """Have the undo of an import counted, or done."""
    dry = request.POST.get("do") == "count_undo"
    try:
        connector_services.request_undo(import_id=found.id, dry=dry, by=actor(request), now=request.now)
    except connector_services.NotNow as why:
        toast(request, str(why), bad=True)
    else:
        wake(RUN_UNDOS)
        toast(request, "The undo is being counted." if dry else "The import is being undone.")
    return go(request, reverse("web:import", args=[found.id]))


def _act(request: PageRequest, found: ImportView, mapping: dict[str, Any]) -> list[str]:
    """Do what was asked; what is wrong with it, if anything."""
    wanted = request.POST.get("do", "")
    try:
        if wanted == "layout":
            connector_services.change_layout(
                import_id=found.id, encoding=request.POST.get("encoding", "utf-8"),
                delimiter=request.POST.get("delimiter", ","), sheet=request.POST.get("sheet", ""),
            )  # fmt: skip
            return []
        connector_services.request_run(
            import_id=found.id, mapping=mapping, dry=wanted != "run", by=actor(request), now=request.now
        )
    except BadMapping as wrong:
        return list(wrong.problems)
    except (UnreadableFile, connector_services.NotNow, LookupError) as wrong:
        return [str(wrong)]
    wake(RUN_IMPORTS)
    toast(request, "The rows are on their way in." if wanted == "run" else "The rows are being counted.")
    return []


def _shown(request: PageRequest, found: ImportView, mapping: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    draft = found.state == "draft"
    rows = connector_services.sample_rows(found.id) if draft and not request.htmx else []
    counts = found.checked if draft or found.dry else found.counts
    return {
        "one": found, "source": connectors.source(found.source_id), "problems": problems, "mapping": mapping,
        "readings": READINGS, "places": PLACES, "presets": FILE_PRESETS,
        "encodings": _ENCODINGS, "delimiters": _DELIMITERS,
        "item_forms": item_forms(found.header, _examples(request, found, rows), mapping) if draft else [],
        "counts": counts, "report": report_lines(counts, found.mapping, is_open=request.sight.is_open),
        "job": _job(found.job_id if found.state == "waiting" else None),
        "undone": undone_lines(found.undone) if found.undone and not found.undo_is_open else [],
        "undo_job": _job(found.undo_job_id if found.undo_is_open else None),
    }  # fmt: skip


def _job(job_id: int | None) -> Job | None:
    return Job.objects.filter(pk=job_id).first() if job_id else None


def _examples(request: PageRequest, found: ImportView, rows: list[list[Any]]) -> list[str]:
    """A value of each column. Nobody knows yet which are personal: all are masked unless personal data is shown."""
    shown = []
    for index, _ in enumerate(found.header):
        values = (str(row[index]) for row in rows if index < len(row) and row[index] not in (None, ""))
        value = next(values, "")[:60]
        shown.append(value if request.sight.is_open or not value else masking.mask("name", value))
    return shown


@page("edit_connections")
def import_problems(request: PageRequest, import_id: int) -> HttpResponse | StreamingHttpResponse:
    """What is to be said of single rows, as a file. Cells stand in it, so personal data must be shown."""
    found = connectors.one_import(import_id)
    if found is None or not found.has_problems:
        return not_found(request, "file", reverse("web:sources"))
    if not request.sight.is_open:
        toast(request, "Cells stand in this file. Show personal data first, then take it.", bad=True)
        return go(request, reverse("web:unmask") + f"?next={reverse('web:import', args=[import_id])}")
    return StreamingHttpResponse(
        connectors.import_problems(import_id), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="problems-{import_id}.csv"',
                 "Cache-Control": "private, no-store"},
    )  # fmt: skip
