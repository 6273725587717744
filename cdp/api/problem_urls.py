"""`/problems/<slug>/`: the pages that the `type` of every error leads to."""

from django.urls import path

from cdp.api.documents import ProblemIndexPage, ProblemPage

app_name = "problems"
urlpatterns = [
    path("", ProblemIndexPage.as_view(), name="index"),
    path("<slug:slug>/", ProblemPage.as_view(), name="problem"),
]
