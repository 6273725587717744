"""The left rail: the areas of the product in the order people use them."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse


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
    ("Review", "scale", "web:review"),
    ("Segments", "users-group", "web:segments"),
    ("Sources", "plug-connected", "web:sources"),
    ("Quarantine", "inbox", "web:quarantine"),
    ("Destinations", "send", "web:destinations"),
    ("Jobs", "list-check", "web:jobs"),
    ("Activity", "history", "web:activity"),
    ("Settings", "settings", "web:settings"),
)

# Pages that belong to an area but stand at an address of their own.
_ELSEWHERE = {"/syncs/": "/destinations/", "/identity/": "/identity/review/"}


def navigation(request: HttpRequest) -> list[Area]:
    """The areas, with the one marked that holds the present page."""
    areas = [(label, icon, reverse(name)) for label, icon, name in _AREAS]
    home = areas[0][2]
    path = next((area for prefix, area in _ELSEWHERE.items() if request.path.startswith(prefix)), request.path)
    inside = [address for _, _, address in areas if path.startswith(address) and address != home]
    current = max(inside, key=len, default=home if path == home else "")
    return [Area(label, icon, address, current=address == current) for label, icon, address in areas]
