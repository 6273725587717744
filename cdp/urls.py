"""Every address that goes through Django. The ingestion paths do not: `cdp/wsgi.py` answers them before."""

from django.urls import include, path

from cdp import health, hooks, letters

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("hooks/email/<str:write_key>/", hooks.email, name="email_hook"),
    path("hooks/in/<str:write_key>/", hooks.incoming, name="webhook"),
    path("m/leave/<str:token>", letters.leave, name="leave"),
    path("m/choose/<str:token>", letters.choose, name="choose"),
    path("m/click/<str:token>", letters.click, name="click"),
    path("m/open/<str:token>", letters.opened, name="open"),
    path("m/status/<str:token>", letters.status, name="message_status"),
    path("m/push/<str:write_key>", letters.browsers, name="browsers"),
    path("api/", include("cdp.api.urls")),
    path("problems/", include("cdp.api.problem_urls")),
    path("", include("cdp.web.urls")),
]
