"""Static lists: people named one by one. A change reaches the segments that read the list at once."""

from collections.abc import Collection
from datetime import datetime

import numpy as np
import psycopg
from django.db import IntegrityError, transaction

from common import pg
from segments import sql
from segments.contracts import ListView, RuleError
from segments.models import StaticList
from segments.parsing import SLUG, Problem
from segments.selectors.lists import list_readers, list_view
from segments.services.following import follow_lists
from segments.services.publishing import SegmentInUse, SlugTaken
from segments.services.turn import take_turn


def create_list(*, slug: str, name: str, by: str, now: datetime) -> ListView:
    """An empty list. A segment reads it by the rule `{"list": slug}`.

    Raises `RuleError` for a slug that is none, `SlugTaken`.
    """
    if not SLUG.fullmatch(slug) or len(slug) > 80:
        raise RuleError(Problem("/slug", "Use up to 80 small letters, digits and single hyphens."))
    try:
        with transaction.atomic():
            row = StaticList.objects.create(slug=slug, name=name or slug, created_by=by, created_at=now, changed_at=now)
    except IntegrityError as error:
        raise SlugTaken(f"A list with the slug {slug} exists already. Choose another slug.") from error
    return list_view(row)


def change_list(
    *, slug: str, add: Collection[int] = (), remove: Collection[int] = (), now: datetime
) -> tuple[int, int]:
    """Put identifiers (their ids) on a list and take others off it; how many of each made a difference.

    Raises `StaticList.DoesNotExist`.
    """
    with transaction.atomic():
        conn = take_turn()
        row = StaticList.objects.select_for_update().get(slug=slug)
        with psycopg.Cursor(conn) as cursor:
            ids = {"list": row.pk, "now": now}
            added = cursor.execute(sql.ADD_ENTRIES, {**ids, "ids": pg.int8s(sorted(add))}).fetchall()
            removed = cursor.execute(sql.REMOVE_ENTRIES, {**ids, "ids": pg.int8s(sorted(remove))}).fetchall()
            touched = pg.int8s([one for (one,) in (*added, *removed)])
            profiles = cursor.execute(sql.PROFILES_OF, {"ids": touched}, binary=True).fetchone()
        StaticList.objects.filter(pk=row.pk).update(changed_at=now)
        follow_lists(conn, np.sort(pg.int8_array(None if profiles is None else profiles[0])), now=now)
    return len(added), len(removed)


def delete_list(*, slug: str) -> None:
    """Forget a list that no live segment reads. Raises `SegmentInUse` with those that do."""
    with transaction.atomic():
        take_turn()
        readers = list_readers(slug)
        if readers:
            raise SegmentInUse(f"The segments {', '.join(readers)} read it. Change their rules first.")
        StaticList.objects.filter(slug=slug).delete()
