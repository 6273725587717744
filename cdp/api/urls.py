"""Every address of the API. More specific ones first: an identifier in an address may hold slashes."""

from django.urls import path
from rest_framework.request import Request

from cdp.api.documents import DocumentationPage, OpenApiDocument
from cdp.api.problems import Problem
from cdp.api.views import (
    connectors,
    events,
    exports,
    feed,
    lists,
    operations,
    plan,
    privacy,
    profiles,
    segments,
    stewardship,
)
from cdp.api.views.base import ApiView

app_name = "api"


class Nowhere(ApiView):
    """Any other address: a problem as JSON, not the website's page."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise Problem("not-found", "There is nothing at this address.")


_PROFILE = "v1/profiles/<path:reference>"
_SEGMENT = "v1/segments/<str:reference>"
_SYNC = "v1/syncs/<str:sync_id>"

urlpatterns = [
    path("docs/", DocumentationPage.as_view(), name="docs"),
    path("v1/openapi.json", OpenApiDocument.as_view(), name="openapi"),
    path("v1/profiles", profiles.Profiles.as_view()),
    path("v1/profiles/lookup", profiles.ProfileLookup.as_view()),
    path(f"{_PROFILE}/traits", profiles.ProfileTraits.as_view()),
    path(f"{_PROFILE}/identifiers", profiles.ProfileIdentifiers.as_view()),
    path(f"{_PROFILE}/links", profiles.ProfileLinks.as_view()),
    path(f"{_PROFILE}/segments", profiles.ProfileSegments.as_view()),
    path(f"{_PROFILE}/events", events.ProfileEvents.as_view()),
    path(f"{_PROFILE}/sessions", events.ProfileSessions.as_view()),
    path(f"{_PROFILE}/archive", privacy.PersonalArchive.as_view()),
    path(_PROFILE, profiles.Profile.as_view()),
    path("v1/why", profiles.Why.as_view()),
    path("v1/merges", stewardship.Merges.as_view()),
    path("v1/unmerges", stewardship.Unmerges.as_view()),
    path("v1/decisions", stewardship.Decisions.as_view()),
    path("v1/decisions/<str:decision_id>/undo", stewardship.UndoDecision.as_view()),
    path("v1/policy", stewardship.PolicyVersions.as_view()),
    path("v1/policy/simulate", stewardship.PolicySimulation.as_view()),
    path("v1/segments", segments.Segments.as_view()),
    path("v1/segments/preview", segments.SegmentPreview.as_view()),
    path("v1/segments/overlaps", segments.SegmentOverlaps.as_view()),
    path("v1/publications/<str:publication_id>", segments.Publication.as_view()),
    path("v1/segments/findings", segments.SegmentFindings.as_view()),
    path(_SEGMENT, segments.Segment.as_view()),
    path(f"{_SEGMENT}/difference", segments.SegmentDifference.as_view()),
    path(f"{_SEGMENT}/restore", segments.SegmentRestore.as_view()),
    path(f"{_SEGMENT}/archive", segments.SegmentArchive.as_view()),
    path("v1/lists", lists.Lists.as_view()),
    path("v1/lists/<str:slug>", lists.StaticList.as_view()),
    path("v1/lists/<str:slug>/entries", lists.ListEntries.as_view()),
    path(f"{_SEGMENT}/members", feed.Members.as_view()),
    path(f"{_SEGMENT}/changes", feed.Changes.as_view()),
    path(f"{_SEGMENT}/changes/ack", feed.Acknowledge.as_view()),
    path("v1/events", events.LatestEvents.as_view()),
    path("v1/quarantine", operations.Quarantine.as_view()),
    path("v1/quarantine/replay", operations.QuarantineReplay.as_view()),
    path("v1/plan", plan.Plan.as_view()),
    path("v1/plan/violations", plan.Violations.as_view()),
    path("v1/sources/<str:source_id>/plan", plan.SourceEnforcement.as_view()),
    path("v1/erasures", privacy.Erasures.as_view()),
    path("v1/erasures/<str:erasure_id>", privacy.Erasure.as_view()),
    path("v1/erasures/<str:erasure_id>/close", privacy.ErasureClose.as_view()),
    path("v1/erasures/<str:erasure_id>/receipt", privacy.ErasureReceipt.as_view()),
    path("v1/receipt-key", privacy.ReceiptKey.as_view()),
    path("v1/suppressions", privacy.Suppressions.as_view()),
    path("v1/suppressions/lookup", privacy.SuppressionLookup.as_view()),
    path("v1/suppressions/remove", privacy.SuppressionRemoval.as_view()),
    path("v1/sources", operations.Sources.as_view()),
    path("v1/sources/<str:source_id>", operations.Source.as_view()),
    path("v1/destinations", connectors.Destinations.as_view()),
    path("v1/destinations/<str:destination_id>", connectors.Destination.as_view()),
    path("v1/syncs", connectors.Syncs.as_view()),
    path(_SYNC, connectors.Sync.as_view()),
    path(f"{_SYNC}/run", connectors.RunSync.as_view()),
    path(f"{_SYNC}/pause", connectors.PauseSync.as_view()),
    path(f"{_SYNC}/resume", connectors.ResumeSync.as_view()),
    path(f"{_SYNC}/test", connectors.SyncTest.as_view()),
    path(f"{_SYNC}/runs", connectors.Runs.as_view()),
    path(f"{_SYNC}/runs/<str:run_id>", connectors.Run.as_view()),
    path(f"{_SYNC}/runs/<str:run_id>/deliveries", connectors.RunDeliveries.as_view()),
    path("v1/deliveries", connectors.Deliveries.as_view()),
    path(f"{_SEGMENT}/exports", exports.SegmentExports.as_view()),
    path("v1/exports/<str:export_id>", exports.OneExport.as_view()),
    path("v1/exports/<str:export_id>/file", exports.ExportFile.as_view()),
    path("v1/jobs", operations.Jobs.as_view()),
    path("v1/jobs/<str:job_id>", operations.Job.as_view()),
    path("v1/<path:rest>", Nowhere.as_view()),
]
