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
_direct = direct.Direct(_django, nudge=nudge.of(nudge.APPLY_INBOX))


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The WSGI entry that the server is started with."""
    if environ["PATH_INFO"] == personal.PATH:
        return _personal(environ, start_response)
    if environ["PATH_INFO"] == direct.PATH:
        return _direct(environ, start_response)
    if ingestion.serves(environ["PATH_INFO"]):
        return _ingestion(environ, start_response)
    return _django(environ, start_response)
