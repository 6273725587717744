"""Addresses of the pages. Nouns for GET, a verb at the end for POST."""

from django.urls import path

from cdp.web.views import (
    activity,
    destinations,
    gate,
    home,
    profiles,
    quarantine,
    rule_editor,
    search,
    segments,
    settings,
    sources,
    stewardship,
)

app_name = "web"

urlpatterns = [
    path("", home.home, name="home"),
    path("login/", gate.sign_in, name="sign_in"),
    path("logout/", gate.sign_out, name="sign_out"),
    path("personal-data/show/", gate.unmask, name="unmask"),
    path("personal-data/mask/", gate.mask, name="mask"),
    path("search/", search.search, name="search"),
    path("help/", activity.help_page, name="help"),
    # -- people
    path("profiles/", profiles.profiles, name="profiles"),
    path("profiles/merge/", stewardship.merge, name="merge"),
    path("profiles/<int:profile_id>/", profiles.traits, name="profile"),
    path("profiles/<int:profile_id>/identities/", profiles.identities, name="profile_identities"),
    path("profiles/<int:profile_id>/events/", profiles.events, name="profile_events"),
    path("profiles/<int:profile_id>/segments/", profiles.memberships, name="profile_segments"),
    path("profiles/<int:profile_id>/history/", profiles.history, name="profile_history"),
    path("profiles/<int:profile_id>/split/", stewardship.split, name="split"),
    path("identity/decisions/<int:decision_id>/undo/", stewardship.undo_decision, name="undo_decision"),
    path("identity/review/", stewardship.review, name="review"),
    path("identity/review/<int:pair_id>/decide/", stewardship.decide, name="decide"),
    # -- segments
    path("segments/", segments.segment_list, name="segments"),
    path("segments/new/", rule_editor.new_segment, name="new_segment"),
    path("segments/preview/", rule_editor.preview, name="preview_segment"),
    path("segments/<int:segment_id>/", segments.overview, name="segment"),
    path("segments/<int:segment_id>/edit/", rule_editor.edit_segment, name="edit_segment"),
    path("segments/<int:segment_id>/members/", segments.members, name="segment_members"),
    path("segments/<int:segment_id>/changes/", segments.changes, name="segment_changes"),
    path("segments/<int:segment_id>/versions/", segments.versions, name="segment_versions"),
    path("segments/<int:segment_id>/syncs/", segments.syncs, name="segment_syncs"),
    path("segments/<int:segment_id>/steer/", segments.steer_segment, name="steer_segment"),
    # -- sources
    path("sources/", sources.source_list, name="sources"),
    path("sources/new/", sources.new_source, name="new_source"),
    path("sources/<int:source_id>/", sources.source_page, name="source"),
    path("sources/<int:source_id>/live/", sources.live, name="source_live"),
    path("sources/<int:source_id>/switch/", sources.switch_source, name="switch_source"),
    path("sources/<int:source_id>/rotate/", sources.rotate_key, name="rotate_key"),
    path("quarantine/", quarantine.quarantine, name="quarantine"),
    path("quarantine/settle/", quarantine.settle_quarantine, name="settle_quarantine"),
    # -- destinations
    path("destinations/", destinations.destination_list, name="destinations"),
    path("destinations/new/", destinations.new_destination, name="new_destination"),
    path("destinations/<int:destination_id>/", destinations.destination_page, name="destination"),
    path("destinations/<int:destination_id>/steer/", destinations.steer_destination, name="steer_destination"),
    path("destinations/<int:destination_id>/syncs/new/", destinations.new_sync, name="new_sync"),
    path("syncs/<int:sync_id>/", destinations.sync_page, name="sync"),
    path("syncs/<int:sync_id>/steer/", destinations.steer_sync, name="steer_sync"),
    path("syncs/runs/<int:run_id>/", destinations.run_page, name="run"),
    path("syncs/runs/<int:run_id>/settle/", destinations.settle_run, name="settle_run"),
    # -- work and record
    path("jobs/", activity.job_list, name="jobs"),
    path("jobs/<int:job_id>/", activity.job_page, name="job"),
    path("jobs/<int:job_id>/cancel/", activity.cancel_job, name="cancel_job"),
    path("activity/", activity.activity, name="activity"),
    path("activity/verify/", activity.verify, name="verify_audit"),
    # -- settings
    path("settings/", settings.index, name="settings"),
    path("settings/appearance/", settings.appearance, name="appearance"),
    path("settings/people/", settings.people, name="people"),
    path("settings/people/<int:person_id>/change/", settings.change_person, name="change_person"),
    path("settings/tokens/", settings.tokens, name="tokens"),
    path("settings/tokens/<int:token_id>/revoke/", settings.revoke_token, name="revoke_token"),
]
