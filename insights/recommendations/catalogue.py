"""The catalogue: told by the API or a file, and learned from what events say of products."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction
from django.db.models import Q

from common import audit, pg
from insights.contracts import OrderSetting
from insights.features.dialect import Binder
from insights.recommendations.contracts import BadRecommendation, ItemView, RecommendationSetting
from insights.recommendations.models import Item
from insights.recommendations.reading import told_relation

MOST_AT_ONCE = 1_000
_MOST_IN_FILE = 100_000
_MOST_PRICE, _LONGEST_ATTRIBUTES = 1e10, 10_000
_TEXTS = {"name": 300, "category": 200, "image_url": 1000, "url": 1000}
_YES, _NO = {"true", "1", "yes", "in stock", "in_stock"}, {"false", "0", "no", "out of stock", "out_of_stock"}
_KNOWN = ("id", *_TEXTS, "price", "in_stock", "attributes")

_UPSERT = """
insert into insights_item (key, name, category, price, image_url, url, in_stock, attributes, stated, updated_at)
select i.key, coalesce(i.name, ''), coalesce(i.category, ''), i.price, coalesce(i.image_url, ''),
       coalesce(i.url, ''), coalesce(i.in_stock, true), coalesce(i.attributes, '{}'), true, %(now)s
from jsonb_to_recordset(%(items)s::jsonb) as i (key text, name text, category text, price float8, image_url text,
                                                url text, in_stock boolean, attributes jsonb)
on conflict (key) do update set
    name = coalesce(nullif(excluded.name, ''), insights_item.name),
    category = coalesce(nullif(excluded.category, ''), insights_item.category),
    price = coalesce(excluded.price, insights_item.price),
    image_url = coalesce(nullif(excluded.image_url, ''), insights_item.image_url),
    url = coalesce(nullif(excluded.url, ''), insights_item.url),
    in_stock = case when excluded.key = any(%(stocked)s) then excluded.in_stock else insights_item.in_stock end,
    attributes = insights_item.attributes || excluded.attributes,
    stated = true, updated_at = excluded.updated_at
"""
# What events tell fills the gaps of stated items, and is the latest word on others.
_LEARN = """
with {told},
latest as (
    select key,
        (array_agg(left(name, 300) order by at desc) filter (where name <> ''))[1] as name,
        (array_agg(left(category, 200) order by at desc) filter (where category <> ''))[1] as category,
        (array_agg(price order by at desc) filter (where price >= 0))[1] as price,
        (array_agg(image_url order by at desc) filter (where image_url ~ '^https?://' and length(image_url) <= 1000))[1]
            as image_url,
        (array_agg(url order by at desc) filter (where url ~ '^https?://' and length(url) <= 1000))[1] as url,
        (array_agg(in_stock order by at desc) filter (where in_stock is not null))[1] as in_stock
    from (
        select key, at, item ->> 'name' as name, item ->> {category} as category, segments_number(item -> 'price')
            as price, item ->> 'image_url' as image_url, item ->> 'url' as url,
            case item ->> 'in_stock' when 'true' then true when 'false' then false end as in_stock
        from told where come >= {since}
    ) x group by key
)
insert into insights_item (key, name, category, price, image_url, url, in_stock, attributes, stated, updated_at)
select key, coalesce(name, ''), coalesce(category, ''), price, coalesce(image_url, ''), coalesce(url, ''),
       coalesce(in_stock, true), '{{}}', false, {now}
from latest order by key
on conflict (key) do update set
    name = case when insights_item.stated and insights_item.name <> '' or excluded.name = '' then insights_item.name
                else excluded.name end,
    category = case when insights_item.stated and insights_item.category <> '' or excluded.category = ''
                    then insights_item.category else excluded.category end,
    price = case when insights_item.stated then coalesce(insights_item.price, excluded.price)
                 else coalesce(excluded.price, insights_item.price) end,
    image_url = case when insights_item.stated and insights_item.image_url <> '' or excluded.image_url = ''
                     then insights_item.image_url else excluded.image_url end,
    url = case when insights_item.stated and insights_item.url <> '' or excluded.url = '' then insights_item.url
               else excluded.url end,
    in_stock = case when insights_item.stated then insights_item.in_stock else excluded.in_stock end,
    updated_at = excluded.updated_at
"""


def keep_items(items: Sequence[Mapping[str, Any]], *, by: str, now: datetime, via: str = "api") -> int:
    """Put items into the catalogue or change them; answers how many different ones. Fields that are left out keep their
    value, attributes are added to those there are. All or nothing. Raises BadRecommendation, which names the place."""
    if not items:
        return 0
    checked: dict[str, dict[str, Any]] = {}
    for place, told in enumerate(items):
        one = _checked(told, place)
        before = checked.get(one["key"], {})
        joined = {**before.get("attributes", {}), **one.get("attributes", {})}
        checked[one["key"]] = {**before, **one, **({"attributes": joined} if joined else {})}
    stocked = [key for key, one in checked.items() if "in_stock" in one]
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute(
            _UPSERT,
            {"items": json.dumps([checked[key] for key in sorted(checked)]), "stocked": pg.texts(stocked), "now": now},
        )
        audit.record(
            actor=by, via=via, action="insights.items", object_type="catalogue", object_id="items", at=now,
            summary=f"Put {len(checked)} items into the catalogue",
        )  # fmt: skip
    return len(checked)


def import_items(text: str, *, by: str, now: datetime, via: str = "ui") -> int:
    """Items from a CSV file with a head: id (or product_id), name, category, price, image_url, url, in_stock; other
    columns become attributes. All or nothing. Raises BadRecommendation, which names the line."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    head = [one.strip() for one in reader.fieldnames or ()]
    reader.fieldnames = ["id" if one == "product_id" else one for one in head]
    if "id" not in reader.fieldnames:
        raise BadRecommendation("file: its first line names the columns, and one of them is id or product_id.")
    found: list[tuple[int, dict[str, Any]]] = []
    for row in reader:
        if len(found) >= _MOST_IN_FILE:
            raise BadRecommendation(f"file: at most {_MOST_IN_FILE:,} lines; send the rest in a second file.")
        if None in row:
            raise BadRecommendation(f"file: line {reader.line_num} has more fields than the head.")
        found.append((reader.line_num, _from_row({name: (one or "").strip() for name, one in row.items()})))
    for line, told in found:
        try:
            _checked(told, 0)
        except BadRecommendation as wrong:
            raise BadRecommendation(f"file: line {line}: {str(wrong).partition(': ')[2]}") from None
    return keep_items([told for _, told in found], by=by, now=now, via=via)


def _from_row(row: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {name: row[name] for name in ("id", *_TEXTS) if row.get(name)}
    if row.get("price"):
        try:
            told["price"] = float(row["price"].replace(",", ""))
        except ValueError:
            told["price"] = row["price"]
    if stock := row.get("in_stock", "").lower():
        told["in_stock"] = True if stock in _YES else False if stock in _NO else stock
    attributes = {name: one for name, one in row.items() if name not in _KNOWN and one}
    return {**told, **({"attributes": attributes} if attributes else {})}


def _checked(told: Mapping[str, Any], place: int) -> dict[str, Any]:
    """One item in the form of the table. Raises BadRecommendation, which names the place in the list."""
    try:
        return {"key": _key(told), **_texts(told), **_figures(told)}
    except _Wrong as wrong:
        raise BadRecommendation(f"items/{place}: {wrong}") from None


class _Wrong(ValueError):
    """What is wrong with an item, in words."""


def _key(told: Mapping[str, Any]) -> str:
    unknown = sorted(set(told) - set(_KNOWN))
    if unknown:
        raise _Wrong(f"{unknown[0]} is no field of an item. Known: {', '.join(_KNOWN)}.")
    key = told.get("id")
    if not isinstance(key, str) or not key.strip() or len(key) > 200 or "\x00" in key:
        raise _Wrong("id is a text of 1 to 200 letters.")
    return key


def _texts(told: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, longest in _TEXTS.items():
        if not told.get(name):
            continue
        if not isinstance(told[name], str) or len(told[name]) > longest or "\x00" in told[name]:
            raise _Wrong(f"{name} is a text of at most {longest} letters.")
        if name.endswith("url") and not told[name].startswith(("http://", "https://")):
            raise _Wrong(f"{name} begins with https:// or http://.")
        found[name] = told[name]
    return found


def _figures(told: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if (price := told.get("price")) is not None:
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < _MOST_PRICE:
            raise _Wrong("price is a number from 0 up.")
        found["price"] = float(price)
    if (stock := told.get("in_stock")) is not None:
        if not isinstance(stock, bool):
            raise _Wrong("in_stock is true or false.")
        found["in_stock"] = stock
    if attributes := told.get("attributes"):
        if not isinstance(attributes, Mapping) or len(written := json.dumps(attributes)) > _LONGEST_ATTRIBUTES:
            raise _Wrong(f"attributes is an object of at most {_LONGEST_ATTRIBUTES:,} letters.")
        if "\\u0000" in written:
            raise _Wrong("attributes hold no zero byte.")
        found["attributes"] = dict(attributes)
    return found


def remove_items(keys: Iterable[str], *, by: str, now: datetime, via: str = "api") -> int:
    """Take items out of the catalogue; they are offered no more. Events that come later bring them back."""
    wanted = sorted(set(keys))
    with transaction.atomic():
        gone, _ = Item.objects.filter(key__in=wanted).delete()
        if gone:
            audit.record(
                actor=by, via=via, action="insights.items_removed", object_type="catalogue", object_id="items", at=now,
                summary=f"Took {gone} items out of the catalogue",
            )  # fmt: skip
    return gone


def learn_items(
    *, orders: OrderSetting, setting: RecommendationSetting, as_of: datetime, since: datetime | None, now: datetime
) -> None:
    """Learn the products of the events that came from `since` on."""
    binder = Binder()
    told = told_relation(binder, orders=orders, signals=setting.signals, as_of=as_of)
    text = _LEARN.format(
        told=told, category=binder.bind(orders.category, "text"),
        since=binder.bind(since, "timestamptz") if since else "'-infinity'::timestamptz",
        now=binder.bind(now, "timestamptz"),
    )  # fmt: skip
    with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute(text, binder.values)


def items(*, search: str = "", category: str = "", after: int = 0, limit: int = 50) -> tuple[list[ItemView], int]:
    """A page of the catalogue in the order in which items came, and the place where the next begins (0: none)."""
    rows = Item.objects.filter(pk__gt=after)
    if search:
        rows = rows.filter(Q(key__icontains=search) | Q(name__icontains=search))
    if category:
        rows = rows.filter(category=category)
    found = list(rows.order_by("pk")[: limit + 1])
    more = found[limit - 1].pk if len(found) > limit else 0
    return [item_view(row) for row in found[:limit]], more


def item(key: str) -> ItemView | None:
    """One item."""
    row = Item.objects.filter(key=key).first()
    return item_view(row) if row else None


def categories() -> list[str]:
    """The categories there are, at most 500."""
    found = Item.objects.exclude(category="").values_list("category", flat=True).distinct().order_by("category")
    return list(found[:500])


def count_items() -> int:
    """How many items there are."""
    return Item.objects.count()


def item_view(row: Item) -> ItemView:
    """The contract of one row."""
    return ItemView(
        row.key, row.name, row.category, row.price, row.image_url, row.url, row.in_stock, row.attributes, row.stated,
        row.updated_at,
    )  # fmt: skip
