"""Every address that goes through Django. The ingestion paths do not: `cdp/wsgi.py` answers them before."""

from django.urls import include, path

from cdp import health, hooks

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("hooks/email/<str:write_key>/", hooks.email, name="email_hook"),
    path("hooks/in/<str:write_key>/", hooks.incoming, name="webhook"),
    path("api/", include("cdp.api.urls")),
    path("problems/", include("cdp.api.problem_urls")),
    path("", include("cdp.web.urls")),
]
