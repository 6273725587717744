"""Features of what people do beside buying: visits, e-mail, the device and the place of the latest visit, and when.

Visits are those of the KPIs: events of websites and apps, without robots, with no pause above 30 minutes. As in
`catalogue`, words in braces stand for bound values and for what engines say differently.
"""

from collections.abc import Iterator

from insights.features.contracts import Feature

_BEGINS = "(gap is null or gap > {half_hour})"
_STAYS = "{seconds sum(gap) filter (where moment >= {since} and gap <= {half_hour})}"
_VISITS = f"count(*) filter (where moment >= {{since}} and {_BEGINS})"


def _visits() -> Iterator[Feature]:
    for days in (30, 90):
        yield Feature(
            f"visits_{days}d", f"Visits, {days} days", f"Visits of websites and apps in the last {days} days.",
            "visits", _VISITS, unit="visits", window_days=days, empty=0, skewed=True, high="visits often",
            low="visits rarely",
        )  # fmt: skip
    yield Feature(
        "visit_minutes_90d", "Time of a visit", "Minutes from the first event of a visit to the last, on average.",
        "visits", f"{{real coalesce({_STAYS}, 0)}} / 60 / nullif({_VISITS}, 0)", unit="minutes", window_days=90,
        skewed=True, high="stays long", low="leaves soon",
    )  # fmt: skip
    yield Feature(
        "dwell_seconds_90d", "Dwell time", "Seconds from one event of a visit to the next, on average.", "visits",
        f"{{real {_STAYS}}} / nullif(count(*) filter (where moment >= {{since}} and not {_BEGINS}), 0)", unit="seconds",
        window_days=90, skewed=True,
    )  # fmt: skip


def _mail() -> Iterator[Feature]:
    for name, event, what in (
        ("delivered", "Email Delivered", "delivered"), ("opened", "Email Opened", "opened"),
        ("clicked", "Email Link Clicked", "clicked"),
    ):  # fmt: skip
        yield Feature(
            f"emails_{name}_90d", f"E-mails {what}", f"E-mails {what} in the last 90 days.", "mail",
            f"count(*) filter (where name = '{event}')", unit="e-mails", window_days=90, empty=0, skewed=True,
        )  # fmt: skip
    delivered = "nullif(count(*) filter (where name = 'Email Delivered'), 0)"
    for name, event, what in (("open", "Email Opened", "Openings"), ("click", "Email Link Clicked", "Clicks")):
        yield Feature(
            f"email_{name}_rate_90d", f"{what} per e-mail",
            f"{what} for each e-mail delivered in the last 90 days; an e-mail can be opened more than once.", "mail",
            f"{{real count(*) filter (where name = '{event}')}} / {delivered}", window_days=90,
            high="answers e-mails", low="leaves e-mails unread",
        )  # fmt: skip


def _latest() -> Iterator[Feature]:
    for column, title in (
        ("device", "Device"), ("system", "System"), ("browser", "Browser"), ("country", "Country"), ("city", "City"),
        ("time_zone", "Time zone"),
    ):  # fmt: skip
        yield Feature(
            f"latest_{column}", f"{title} of the latest visit",
            f"{title}, as the latest visit that told it in a year has it.", "latest", f"{{latest {column}}}",
            type="text", window_days=365,
        )  # fmt: skip


def _when() -> Iterator[Feature]:
    yield Feature(
        "usual_hour", "Usual hour", "The hour of the day, 0 to 23, at which most came in the last 90 days.", "recent",
        "{usual extract(hour from {local moment})} filter (where moment >= {since})", unit="o'clock",
        window_days=90,
    )  # fmt: skip
    yield Feature(
        "weekend_share_90d", "Weekends", "The share of the events of the last 90 days that came on a weekend.",
        "recent",
        "{real count(*) filter (where moment >= {since} and {weekday moment} > 5)}"
        " / nullif(count(*) filter (where moment >= {since}), 0)", window_days=90, high="comes on weekends",
        low="comes on weekdays",
    )  # fmt: skip
    now, past = (
        "count(*) filter (where moment >= {since})",
        "count(*) filter (where moment >= {before} and moment < {since})",
    )
    yield Feature(
        "events_trend", "Trend of events",
        "The last 30 days against the 30 before: 1 is all new, 0 the same, -1 nothing any more.", "recent",
        f"{{real {now} - {past}}} / nullif({now} + {past}, 0)", window_days=30, high="does more than before",
        low="does less than before",
    )  # fmt: skip


BEHAVIOUR: tuple[Feature, ...] = (*_visits(), *_mail(), *_latest(), *_when())
