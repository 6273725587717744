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
    ("Sources", "plug-connected", "web:sources"),
    ("Data", "inbox", "web:plan"),
    ("Destinations", "send", "web:destinations"),
    ("Privacy", "shield-check", "web:privacy"),
    ("Jobs", "list-check", "web:jobs"),
    ("Activity", "history", "web:activity"),
    ("Settings", "settings", "web:settings"),
)

# Pages that belong to an area but stand at an address of their own.
_ELSEWHERE = {"/quarantine/": "/data/plan/", "/syncs/": "/destinations/", "/identity/": "/identity/review/"}


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


_DATA = (("Catalogue", "web:plan"), ("Quarantine", "web:quarantine"))


def data_tabs(here: str) -> list[Tab]:
    """The pages about what comes in."""
    return tabs([(label, reverse(name)) for label, name in _DATA], reverse(here))
