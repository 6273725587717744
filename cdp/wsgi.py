"""The web process: SDK calls go straight to the ingestion API, what slots show is answered beside Django, everything
else goes through it."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
_django = get_wsgi_application()

# These need the app registry that get_wsgi_application has just filled.
from django.conf import settings  # noqa: E402

from cdp import nudge, personal  # noqa: E402
from cdp.api import direct  # noqa: E402
from connectors.sources import ingestion  # noqa: E402

_ingestion = ingestion.Ingestion(nudge=nudge.of(nudge.APPLY_INBOX), behind_proxy=settings.BEHIND_PROXY)
_personal = personal.Personal(
    nudge=nudge.of(nudge.APPLY_INBOX), salt=settings.SECRET_KEY, behind_proxy=settings.BEHIND_PROXY
)  # fmt: skip
_HSTS = "Strict-Transport-Security"
_direct = direct.Direct(_django, nudge=nudge.of(nudge.APPLY_INBOX))


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The WSGI entry that the server is started with."""
    beside = _beside(environ["PATH_INFO"])
    if beside is None:
        return _django(environ, start_response)
    return beside(environ, _over_tls(start_response) if _is_over_tls(environ) else start_response)


def _beside(path: str) -> Any:
    """What answers this path in Django's place; None where nothing does."""
    if path == personal.PATH:
        return _personal
    if path == direct.PATH:
        return _direct
    return _ingestion if ingestion.serves(path) else None


def _is_over_tls(environ: dict[str, Any]) -> bool:
    header, value = settings.SECURE_PROXY_SSL_HEADER or ("", "")
    return bool(settings.SECURE_HSTS_SECONDS) and environ.get(header) == value


def _over_tls(start_response: Any) -> Any:
    """Answers bear what Django's own do over TLS (RFC 6797), once."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        told = [one for one in headers if one[0] != _HSTS]
        return start_response(status, [*told, (_HSTS, f"max-age={settings.SECURE_HSTS_SECONDS}")], *more)

    return start
