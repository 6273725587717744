"""By which channel somebody came on a day: a fixed vocabulary, so that no address or name ever becomes one.

The words of `utm_medium` are those of Google Analytics' default channel group
(https://support.google.com/analytics/answer/9756891), shortened to what a page of figures can tell apart.
"""

DIRECT = "direct"
CHANNELS = {
    "email": "E-mail", "paid_search": "Paid search", "search": "Search", "paid_social": "Paid social",
    "social": "Social", "display": "Display", "affiliate": "Affiliates", "sms": "SMS", "push": "Push",
    "referral": "Referral", "campaign": "Other campaign", DIRECT: "Direct",
}  # fmt: skip
_MEDIA = {
    "email": ("email", "e-mail", "e_mail", "e mail", "newsletter"),
    "paid_search": ("cpc", "ppc", "sem", "paidsearch", "paid search", "paid_search", "paid-search"),
    "search": ("organic",),
    "paid_social": ("paidsocial", "paid social", "paid_social", "paid-social"),
    "social": ("social", "social-network", "social-media", "social_media", "sm", "social network"),
    "display": ("display", "banner", "cpm", "interstitial", "expandable"),
    "affiliate": ("affiliate", "affiliates"),
    "sms": ("sms",),
    "push": ("push", "mobile", "notification"),
    "referral": ("referral", "app", "link"),
}
_SEARCH = r"(^|\.)(google|bing|duckduckgo|yahoo|ecosia|baidu|yandex|qwant|startpage|brave)\."
_SOCIAL = (
    r"(^|\.)(facebook|instagram|linkedin|lnkd|pinterest|reddit|tiktok|twitter|x|t|youtube|xing|threads|mastodon)\."
)


def channel_sql(context: str) -> str:
    """An expression over a `context` object (jsonb): the channel, or null when it tells none.

    A campaign goes before a referrer; a referrer of the site's own host is none."""
    medium = f"lower(btrim({context} #>> '{{campaign,medium}}'))"
    named = " ".join(
        f"when {medium} in ({', '.join(_quoted(word) for word in words)}) then '{channel}'"
        for channel, words in _MEDIA.items()
    )
    host = _host(f"{context} #>> '{{page,referrer}}'")
    own = _host(f"{context} #>> '{{page,url}}'")
    return (
        f"case {named}"
        f" when jsonb_typeof({context} -> 'campaign') = 'object' and {context} -> 'campaign' <> '{{}}' then 'campaign'"
        f" when {host} is null or {host} = coalesce({own}, '') then null"
        f" when {host} ~ '{_SEARCH}' then 'search' when {host} ~ '{_SOCIAL}' then 'social' else 'referral' end"
    )


def _host(address: str) -> str:
    return rf"lower(substring({address} from '^[a-zA-Z]+://([^/:?#]+)'))"


def _quoted(word: str) -> str:
    return f"'{word}'"
