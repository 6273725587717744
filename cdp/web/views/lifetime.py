"""Customer lifetime value: what is expected, and how right that was."""

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from cdp.web import insights_charts
from cdp.web.access import page
from cdp.web.forms import CalmForm
from cdp.web.insights_runs import run_state
from cdp.web.navigation import prediction_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from insights import selectors, services
from insights.contracts import HORIZONS, LIFETIME_CHOICES


class LifetimeForm(CalmForm):
    """How far ahead is looked, and by which method."""

    horizon_days = forms.TypedChoiceField(
        label="Days ahead", coerce=int, choices=[(one, f"{one} days") for one in HORIZONS],
        help_text="Held against what came when there is that much history; a third of it is a good choice.",
    )  # fmt: skip
    method = forms.ChoiceField(
        label="Method", choices=list(LIFETIME_CHOICES.items()),
        help_text="BG/NBD + Gamma-Gamma knows when somebody ordered and for how much; gradient boosting knows all"
        " features, and needs history of twice the days ahead, better of three times.",
    )  # fmt: skip


@page("see", post="edit_segments")
def lifetime(request: PageRequest) -> HttpResponse:
    """The newest computation, tenths of the customers beside what came, both methods, and what is looked at."""
    form = LifetimeForm(
        request.POST or None,
        initial={"horizon_days": selectors.lifetime_horizon(), "method": selectors.lifetime_method()},
    )
    if request.method == "POST" and form.is_valid():
        services.keep_lifetime_setting(**form.cleaned_data, by=actor(request), now=request.now)
        toast(request, "Kept. The next computation follows it.")
        return go(request, reverse("web:lifetime"))
    found = selectors.lifetime()
    return render(
        request, "insights/lifetime.html", tabs=prediction_tabs("web:lifetime"), found=found, form=form,
        chart=insights_charts.deciles(found) if found and found.check else None,
        status=422 if form.errors else 200, **run_state("lifetime"),
    )  # fmt: skip
