"""Reading who is told, and how it went."""

from collections.abc import Sequence

from django.db.models import Count, Q

from common.models import User
from quality.alerting.contracts import DigestView, RecipientView
from quality.alerting.models import AlertDigest, AlertRecipient
from quality.alerting.wording import subject_of
from quality.figures.models import QualityAlert

# Kinds of alerts as people read them.
ALERT_KINDS: dict[str, str] = {str(value): str(label) for value, label in QualityAlert.Kind.choices}


def recipients(*, user_id: int | None = None, recipient_id: int | None = None) -> list[RecipientView]:
    """Everybody who is told, or one person's mail, or one of them."""
    rows = AlertRecipient.objects.order_by("pk")
    rows = rows if user_id is None else rows.filter(user_id=user_id)
    rows = rows if recipient_id is None else rows.filter(pk=recipient_id)
    counted = list(rows.annotate(waiting=Count("alertnotice", filter=Q(alertnotice__digest=None))))
    people = _people(counted)
    return [
        RecipientView(
            one.pk, one.way, one.user_id, _to(one, people), one.name, one.alerts, one.kinds, one.source_ids,
            one.reports, one.every_minutes, one.created_by, one.created_at, one.waiting,
        ) for one in counted
    ]  # fmt: skip


def digests(
    *, recipient_id: int | None = None, digest_id: int | None = None, before_id: int | None = None, limit: int = 50
) -> list[DigestView]:
    """Digests, the newest first."""
    rows = AlertDigest.objects.select_related("recipient").order_by("-pk")
    rows = rows if recipient_id is None else rows.filter(recipient_id=recipient_id)
    rows = rows if digest_id is None else rows.filter(pk=digest_id)
    rows = rows if before_id is None else rows.filter(pk__lt=before_id)
    found = list(rows[:limit])
    people = _people([one.recipient for one in found])
    return [
        DigestView(
            one.pk, one.recipient_id, one.recipient.way, _to(one.recipient, people), subject_of(one.content),
            one.state, one.made_at, one.due_at, one.sent_at, one.tries, one.problem,
        ) for one in found
    ]  # fmt: skip


def _people(rows: Sequence[AlertRecipient]) -> dict[int, str]:
    return dict(User.objects.filter(pk__in=[one.user_id for one in rows if one.user_id]).values_list("pk", "email"))


def _to(row: AlertRecipient, people: dict[int, str]) -> str:
    return row.url if row.user_id is None else people.get(row.user_id, "")
