"""The left rail: the areas of the product in the order people use them."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from cdp.web.tabs import Tab, tabs


@dataclass(frozen=True, slots=True)
class Area:
    """One entry of the rail; `current` while the person is anywhere inside it."""

    label: str
    icon: str
    address: str
    current: bool


_AREAS = (
    ("Home", "home", "web:home"),
    ("Profiles", "users", "web:profiles"),
    ("Identity", "fingerprint", "web:review"),
    ("Segments", "users-group", "web:segments"),
    ("Insights", "chart-line", "web:kpis"),
    ("Predictions", "crystal-ball", "web:predictions"),
    ("Campaigns", "broadcast", "web:campaigns"),
    ("Messages", "mail", "web:templates"),
    ("Personalise", "palette", "web:slots"),
    ("Experiments", "scale", "web:experiments"),
    ("Sources", "plug-connected", "web:sources"),
    ("Data", "inbox", "web:plan"),
    ("Destinations", "send", "web:destinations"),
    ("Privacy", "shield-check", "web:privacy"),
    ("Jobs", "list-check", "web:jobs"),
    ("Activity", "history", "web:activity"),
    ("Settings", "settings", "web:settings"),
)

# Pages that belong to an area but stand at an address of their own.
_ELSEWHERE = {
    "/insights/lifetime/": "/insights/predictions/",
    "/insights/recommendations/": "/insights/predictions/",
    "/quarantine/": "/data/plan/",
    "/data/": "/data/plan/",
    "/syncs/": "/destinations/",
    "/identity/": "/identity/review/",
}


def navigation(request: HttpRequest) -> list[Area]:
    """The areas, with the one marked that holds the present page."""
    areas = [(label, icon, reverse(name)) for label, icon, name in _AREAS]
    home = areas[0][2]
    path = next((area for prefix, area in _ELSEWHERE.items() if request.path.startswith(prefix)), request.path)
    inside = [address for _, _, address in areas if path.startswith(address) and address != home]
    current = max(inside, key=len, default=home if path == home else "")
    return [Area(label, icon, address, current=address == current) for label, icon, address in areas]


_IDENTITY = (
    ("Review", "web:review"), ("Model", "web:linkage_model"), ("Runs", "web:linkage_runs"), ("Two people", "web:why"),
)  # fmt: skip


def identity_tabs(here: str) -> list[Tab]:
    """The pages about who is who; `here` is the name of the present one."""
    return tabs([(label, reverse(name)) for label, name in _IDENTITY], reverse(here))


_DATA = (
    ("Catalogue", "web:plan"), ("Quality", "web:quality"), ("Cleaning", "web:cleaning"), ("Review", "web:value_review"),
    ("Quarantine", "web:quarantine"), ("Replays", "web:replays"), ("Retention", "web:retention"),
    ("Lists and rates", "web:references"), ("Monthly report", "web:plan_reports"),
)  # fmt: skip


def data_tabs(here: str) -> list[Tab]:
    """The pages about what comes in."""
    return tabs([(label, reverse(name)) for label, name in _DATA], reverse(here))


_PRIVACY = (("Requests", "web:privacy"), ("Purposes", "web:purposes"), ("Suppression", "web:suppression"))


def privacy_tabs(here: str) -> list[Tab]:
    """The pages about what people asked for and agreed to."""
    return tabs([(label, reverse(name)) for label, name in _PRIVACY], reverse(here))


_INSIGHTS = (
    ("KPIs", "web:kpis"), ("Funnels", "web:funnels"), ("Paths", "web:paths"), ("Cohorts", "web:cohorts"),
    ("RFM", "web:rfm"), ("Groups", "web:groupings"), ("Engagement", "web:engagement"), ("Features", "web:features"),
    ("Orders", "web:orders"), ("Files", "web:feature_files"),
)  # fmt: skip
_PREDICTIONS = (
    ("Predictions", "web:predictions"), ("Lifetime value", "web:lifetime"),
    ("Recommendations", "web:recommendations"), ("Try", "web:try_recommendations"), ("Catalogue", "web:catalogue"),
    ("Signals and rules", "web:recommendation_rules"),
)  # fmt: skip


def insights_tabs(here: str) -> list[Tab]:
    """The pages about what people did, and the features of it."""
    return tabs([(label, reverse(name)) for label, name in _INSIGHTS], reverse(here))


def prediction_tabs(here: str) -> list[Tab]:
    """The pages about what people are expected to do, and what they are offered."""
    return tabs([(label, reverse(name)) for label, name in _PREDICTIONS], reverse(here))


_MESSAGES = (("Templates", "web:templates"), ("Sent", "web:sent_messages"), ("Sending", "web:sending"))


def message_tabs(here: str) -> list[Tab]:
    """The pages about what is said, and how it goes out."""
    return tabs([(label, reverse(name)) for label, name in _MESSAGES], reverse(here))


_PERSONALISE = (("Slots", "web:slots"), ("Bandits", "web:bandits"))


def personalise_tabs(here: str) -> list[Tab]:
    """The pages about what is shown to whom."""
    return tabs([(label, reverse(name)) for label, name in _PERSONALISE], reverse(here))
