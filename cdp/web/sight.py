"""How much of the personal data this person sees at this moment."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from common import access, masking

SESSION_KEY = "sight_until"
OPEN_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Sight:
    """Masked by default for everybody; open for a quarter of an hour after a steward gave a reason."""

    may_open: bool
    open_until: datetime | None

    @classmethod
    def of(cls, request: HttpRequest, *, now: datetime) -> "Sight":
        """The sight of a session. A role that was lowered since closes it at once."""
        may_open = access.can(request.user, "unmask")
        stamp = request.session.get(SESSION_KEY)
        until = datetime.fromisoformat(stamp) if may_open and stamp else None
        return cls(may_open=may_open, open_until=until if until and until > now else None)

    @property
    def is_open(self) -> bool:
        return self.open_until is not None

    def text(self, field: str, value: object) -> str:
        """One value as text, masked when its field is personal or it looks like an e-mail address."""
        if value is None:
            return ""
        if isinstance(value, dict | list):
            return str(self.tree(value, field=field))
        if isinstance(value, bool):
            return "true" if value else "false"
        if self.is_open:
            return str(value)
        return masking.without_emails(masking.mask(field, value))

    def tree(self, value: Any, *, field: str = "") -> Any:
        """JSON with every personal leaf masked; what hangs under a personal field is personal too."""
        if self.is_open:
            return value
        if isinstance(value, dict):
            return {key: self.tree(inner, field=self._inner(field, str(key))) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.tree(inner, field=field) for inner in value]
        if isinstance(value, str) or masking.is_personal(field):
            return self.text(field, value) if value is not None else None
        return value

    @staticmethod
    def _inner(outer: str, key: str) -> str:
        return outer if masking.is_personal(outer) and not masking.is_personal(key) else key
