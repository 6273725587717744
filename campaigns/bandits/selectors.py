"""Reading bandits and what they have learned."""

import msgspec

from campaigns.bandits.learning import counts_of
from campaigns.bandits.models import Bandit
from campaigns.bandits.shapes import BanditReport, BanditView
from campaigns.bandits.thompson import report


def view(row: Bandit) -> BanditView:
    """The contract of one row."""
    return msgspec.convert({
        "id": row.pk, "slug": row.slug, "name": row.name, "arms": row.arms, "reward": row.reward,
        "window_hours": row.window_hours, "context": row.context, "explore": row.explore,
        "half_life_hours": row.half_life_hours, "running": row.running, "created_at": row.created_at,
        "learned_at": row.learned.get("at"), "learned": row.learned.get("posterior", {}), "seed": row.seed,
        "source_id": row.source_id,
    }, BanditView)  # fmt: skip


def bandits() -> list[BanditView]:
    """All of them, the newest first."""
    return [view(row) for row in Bandit.objects.order_by("-pk")]


def bandit(reference: int | str) -> BanditView | None:
    """By id or slug."""
    by = {"pk": int(reference)} if str(reference).isdecimal() else {"slug": reference}
    row = Bandit.objects.filter(**by).first()
    return None if row is None else view(row)


def bandit_report(found: BanditView) -> BanditReport:
    """Posteriors and regret, the same for the same counts."""
    arms, regret = report([one.key for one in found.arms], counts_of(found.id), found.learned, seed=found.id)
    return BanditReport(tuple(arms), regret)
