"""Keeping who is told of what, and sending again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from common import audit, crypto
from common.http import AddressRefused, checked_url
from common.models import User
from quality.alerting.contracts import INTERVALS, BadRecipient, NoSuchDigest
from quality.alerting.models import AlertDigest, AlertRecipient
from quality.figures.models import QualityAlert


@dataclass(frozen=True, slots=True)
class Wish:
    """Of what somebody wants to hear. Empty `kinds` and `source_ids` mean all."""

    alerts: bool = True
    kinds: Sequence[str] = ()
    source_ids: Sequence[int] = ()
    reports: str = "none"
    every_minutes: int = 15

    def check(self) -> None:
        """Raises BadRecipient."""
        unknown = sorted(set(self.kinds) - set(QualityAlert.Kind.values))
        if unknown:
            raise BadRecipient(f"kinds: there is no {unknown[0]}; choose from {', '.join(QualityAlert.Kind.values)}.")
        if self.reports not in AlertRecipient.Reports.values:
            raise BadRecipient("reports: choose none, own or all.")
        if self.every_minutes not in INTERVALS:
            raise BadRecipient(f"every_minutes: choose one of {', '.join(map(str, INTERVALS))}.")
        if not self.alerts and self.reports == AlertRecipient.Reports.NONE:
            raise BadRecipient("alerts: choose alerts, reports, or both; to hear of nothing, take it off.")

    def columns(self) -> dict[str, object]:
        return {
            "alerts": self.alerts, "kinds": list(self.kinds), "source_ids": list(self.source_ids),
            "reports": self.reports, "every_minutes": self.every_minutes,
        }  # fmt: skip


@transaction.atomic
def keep_mail(*, email: str, wish: Wish, by: str, now: datetime, via: str = "ui") -> int:
    """Mail to somebody who signs in, in place of what they had; answers the id. Raises BadRecipient."""
    wish.check()
    person = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if person is None:
        raise BadRecipient("email: nobody who signs in has this address.")
    row, made = AlertRecipient.objects.update_or_create(
        way=AlertRecipient.Way.MAIL, user_id=person.pk, defaults=wish.columns(),
        create_defaults={**wish.columns(), "created_by": by, "created_at": now},
    )  # fmt: skip
    _record(row, "notices.kept", f"{'Set up' if made else 'Changed'} mail of alerts", by=by, via=via, now=now)
    return row.pk


@transaction.atomic
def keep_alert_webhook(
    *, name: str, url: str, wish: Wish, secret: str, by: str, now: datetime, via: str = "ui"
) -> int:  # fmt: skip
    """An address that is called, signed with the secret; answers the id. Raises BadRecipient."""
    wish.check()
    if wish.reports == AlertRecipient.Reports.OWN:
        raise BadRecipient("reports: a webhook owns nothing; choose none or all.")
    if not name.strip():
        raise BadRecipient("name: say what is called.")
    try:
        checked_url(url)
    except AddressRefused as wrong:
        raise BadRecipient(f"url: {wrong}") from wrong
    row = AlertRecipient.objects.create(
        way=AlertRecipient.Way.WEBHOOK, name=name.strip()[:120], url=url, secret=crypto.encrypt(secret), created_by=by,
        created_at=now, **wish.columns(),
    )  # fmt: skip
    _record(row, "notices.kept", f"Set up calls of alerts to {row.name}", by=by, via=via, now=now)
    return row.pk


@transaction.atomic
def drop_recipient(*, recipient_id: int, by: str, now: datetime, via: str = "ui") -> bool:
    """Tell it nothing any more, with what waits for it; whether there was one."""
    row = AlertRecipient.objects.select_for_update().filter(pk=recipient_id).first()
    if row is None:
        return False
    _record(row, "notices.dropped", "Took mail or calls of alerts off", by=by, via=via, now=now)
    row.delete()
    return True


@transaction.atomic
def send_again(*, digest_id: int, by: str, now: datetime, via: str = "ui") -> None:
    """Have a digest tried anew that failed, or of which it is not known. Raises NoSuchDigest."""
    row = AlertDigest.objects.select_for_update().filter(pk=digest_id).first()
    if row is None or row.state not in (AlertDigest.State.FAILED, AlertDigest.State.UNKNOWN):
        raise NoSuchDigest("There is no digest of this id that failed or of which it is not known.")
    AlertDigest.objects.filter(pk=row.pk).update(
        state=AlertDigest.State.WAITING, due_at=now, tries=0, handed_at=None, problem=""
    )
    audit.record(
        actor=by, via=via, action="notices.sent_again", object_type="alert_digest", object_id=row.pk, at=now,
        summary="Had a digest of alerts sent again",
    )  # fmt: skip


def _record(row: AlertRecipient, action: str, summary: str, *, by: str, via: str, now: datetime) -> None:
    after = {name: getattr(row, name) for name in ("way", "alerts", "kinds", "source_ids", "reports", "every_minutes")}
    audit.record(actor=by, via=via, action=action, object_type="alert_recipient", object_id=row.pk, at=now,
                 summary=summary, after=after)  # fmt: skip
