"""The views of the schema `bi`. No identifier, no trait that somebody told, no property of an event: what a view does
not have cannot leak. People are numbers; whoever may see who they are looks into the product."""

from identity.contracts import COMPUTED_SOURCE

SCHEMA = "bi"


class BiProblem(RuntimeError):
    """The role cannot be made; the message says why and what to do."""


VIEWS: dict[str, tuple[str, str]] = {
    "profiles": (
        "People, with when the profile was made and last changed.",
        "select id as profile_id, created_at, updated_at from identity_profile",
    ),
    "computed_traits": (
        "What was computed of people, such as rfm_segment or the group of a grouping; a row for each trait.",
        f"""select p.id as profile_id, t.key as trait, t.value #>> '{{}}' as value
            from identity_profile p cross join lateral jsonb_each(p.traits) t
            where t.key in (select key from identity_claim where source_id = {COMPUTED_SOURCE})""",
    ),
    "sources": ("Where data comes from.", "select id as source_id, name, kind from connectors_source"),
    "events": (
        "Who did what and when. Without properties: they may hold personal data.",
        """select m.profile_id, e.occurred_at, e.received_at, e.source_id, e.type, e.name
           from events_event e join identity_member m on m.identifier_id = e.identifier_id""",
    ),
    "segments": (
        "Segments with how many are in each now.",
        """select s.id as segment_id, s.slug, s.name, s.created_at, s.archived_at, coalesce(z.members, 0) as members
           from segments_segment s left join segments_size z on z.segment_id = s.id""",
    ),
    "segment_members": (
        "Who is in which segment now.",
        """select s.id as segment_id, m.profile_id from segments_segment s join segments_membership m
           on octet_length(m.bits) > s.id / 8 and get_bit(m.bits, s.id) = 1 where s.archived_at is null""",
    ),
    "segment_sizes": (
        "Members of segments at the end of each hour in which any changed.",
        "select segment_id, hour, members, entered, exited from segments_sizehour",
    ),
    "kpi_days": (
        "The sums of KPIs by day: of everybody where breakdown is empty. docs/insights.md has the formulas.",
        """select day, by as breakdown, key, people, people_7d, people_30d, people_before, people_kept, events, visits,
                  visit_seconds, visitors, converted, orders, repeat_orders, micros / 1000000 as revenue, nps_answers,
                  nps_balance, csat_answers, csat_satisfied from insights_kpiday""",
    ),
    "annotations": ("What happened here.", "select at, kind, text from insights_annotation"),
}
