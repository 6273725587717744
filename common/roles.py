"""Roles, capabilities and scopes: who may do what. Pure data, one table a reader can check."""

from django.db.models import TextChoices


class Role(TextChoices):
    """What a person is here. Ordered from least to most."""

    VIEWER = "viewer", "Viewer"
    MARKETER = "marketer", "Marketer"
    STEWARD = "steward", "Data steward"
    ADMIN = "admin", "Admin"


class Theme(TextChoices):
    """How the pages look to one person."""

    SYSTEM = "system", "Same as the system"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


_ALL = frozenset(Role.values)
_STEWARDS = frozenset({Role.STEWARD, Role.ADMIN})
_MARKETERS = frozenset({Role.MARKETER, Role.ADMIN})
_ADMINS = frozenset({Role.ADMIN})

CAPABILITIES: dict[str, frozenset[str]] = {
    "see": _ALL,
    "unmask": _STEWARDS,
    "edit_segments": _MARKETERS,
    "edit_campaigns": _MARKETERS,
    "export": _MARKETERS | _STEWARDS,
    "steward_identity": _STEWARDS,
    "publish_policy": _ADMINS,
    "edit_connections": _STEWARDS,
    "replay_quarantine": _STEWARDS,
    "see_audit": _STEWARDS,
    "erase": _STEWARDS,
    "record_consent": _STEWARDS,
    "administer": _ADMINS,
}

SCOPES: dict[str, str] = {
    "events:write": "Send events",
    "profiles:read": "Read profiles, with personal data masked",
    "profiles:write": "Merge and unmerge profiles",
    "profiles:pii": "See personal data unmasked",
    "segments:read": "Read segments and their members",
    "segments:write": "Create and change segments",
    "campaigns:read": "Read campaigns, who is where in them, and results",
    "campaigns:write": "Create, start, pause and stop campaigns",
    "experiments:read": "Read experiments and their results",
    "experiments:write": "Create, start and stop experiments",
    "experiments:assign": "Ask which variant somebody gets",
    "slots:read": "Read slots and bandits, and what they learned",
    "slots:write": "Create and change slots and bandits",
    "personalise": "Ask what slots show to somebody",
    "messages:read": "Read templates, messages and what holds for them",
    "messages:write": "Change templates, channels, caps and subscription groups",
    "messages:send": "Send messages to people, cancel and retry them",
    "sync:read": "Read destinations, syncs and the changes feed",
    "sync:ack": "Acknowledge the changes feed",
    "sync:write": "Create, run and pause syncs",
    "consent:write": "Record consents and withdrawals, and describe purposes",
    "erasure:write": "Erase people, give them access, and keep the suppression list",
    "admin:*": "Everything",
}
