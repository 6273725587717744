"""Features as one SQL statement: the only as-of function, for training, batches and single people alike.

Only what had happened *and had come* before `as_of` is read, so what comes later, however late, changes nothing of the
past. Events hang on identifiers; who they belong to is asked now, so merging and parting people moves their history.

Relations, each aggregated once for all features over it:
`orders` (profile_id, at, micros, counts): an order net of what was cancelled and refunded; `counts` while anything
of it is left.
`items` (profile_id, product, category): what was bought.
`categories` (profile_id, share): the share of each category among the items.
`recent` (profile_id, at): everything that came of the person within the longest window.
`visits` (profile_id, at, gap) and `latest` (profile_id, at, message_id, context): what came from websites and apps,
with the time since the event before; what it told of device and place.
`mail` (profile_id, at, name): what e-mail providers told.
`declared:<name>` (profile_id, at, message_id, number, text): the events of one declared feature.
"""

import re
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from insights.contracts import OrderSetting
from insights.features.contracts import DeclaredView, Feature
from insights.features.declared import IDENTIFY, OF_TRAITS

_NAMED = re.compile(r"\{(as_of|since|before|zone|today)\}")
# Ten billion and more is no amount of money.
_MOST = "1e10"
_OWN = {"categories": "items"}
_MAIL = ("Email Delivered", "Email Opened", "Email Link Clicked")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with the values of its parameters."""

    text: str
    params: dict[str, Any]


class Binder:
    """Names and values of the parameters of one statement."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[str, str], str] = {}

    def bind(self, value: Any, cast: str) -> str:
        """A placeholder for the value, typed; equal values of one type share one."""
        name = self._names.setdefault((cast, repr(value)), f"f{len(self.values)}")
        self.values[name] = value
        return f"%({name})s::{cast}"


def compile_features(
    features: Sequence[Feature],
    *,
    declared: Mapping[str, DeclaredView],
    orders: OrderSetting,
    as_of: datetime,
    profiles: Collection[int] | None = None,
    buyers: bool = False,
    visited: Collection[int] = (),
) -> Statement:
    """`select profile_id, <a column for each feature>` in ascending order of id.

    `profiles`: these only; else everybody. `buyers`: whoever has an order that counts.
    `visited`: sources whose events are visits.
    """
    return _Compiler(declared, orders, as_of, profiles, visited).statement(features, buyers=buyers)


def window_start(as_of: datetime, days: int, zone: str) -> datetime:
    """So many days before, at the same time by the clocks of the zone: a day may have 23 or 25 hours."""
    place = zoneinfo.ZoneInfo(zone)
    return (as_of.astimezone(place) - timedelta(days=days)).astimezone(zoneinfo.ZoneInfo("UTC"))


class _Compiler:
    def __init__(
        self, declared: Mapping[str, DeclaredView], orders: OrderSetting, as_of: datetime,
        profiles: Collection[int] | None, visited: Collection[int] = (),
    ) -> None:  # fmt: skip
        self._binder = Binder()
        self._visited = sorted(visited)
        self._declared, self._orders, self._as_of = declared, orders, as_of
        self._profiles = None if profiles is None else sorted(profiles)
        self._instant = self._binder.bind(as_of, "timestamptz")
        self._zone = self._binder.bind(orders.zone, "text")
        self._today = f"({self._instant} at time zone {self._zone})::date"

    def statement(self, features: Sequence[Feature], *, buyers: bool) -> Statement:
        by_relation: dict[str, list[Feature]] = {}
        for feature in features:
            by_relation.setdefault(feature.relation, []).append(feature)
        if buyers:
            by_relation.setdefault("orders", [])
        parts, joins = [], []
        for place, (relation, group) in enumerate(by_relation.items()):
            columns = [f"{self._filled(one)} as {_quoted(one.name)}" for one in group]
            having = " having bool_or(counts)" if buyers and relation == "orders" else ""
            rows = self._declared_rows(group[0]) if relation.startswith("declared:") else relation
            parts.append(
                f"r{place} as (select profile_id{''.join(f', {one}' for one in columns)} from {rows} x"
                f" group by profile_id{having})"
            )
            joins.append(f"{'' if having else 'left '}join r{place} using (profile_id)")
        asked = "".join(f", {self._column(one)}" for one in features)
        only = self._only("p.profile_id", "where")
        text = (
            f"with {', '.join([*self._relations(set(by_relation), features), *parts])}"
            f" select profile_id{asked} from identity_trait p {' '.join(joins)} {only} order by profile_id"
        )
        return Statement(text, self._binder.values)

    def _column(self, feature: Feature) -> str:
        name = _quoted(feature.name)
        if feature.type == "text" or feature.texts:
            return name
        return f"coalesce({name}, {self._binder.bind(feature.empty, 'float8')})::float8" if (
            feature.empty is not None
        ) else f"{name}::float8"  # fmt: skip

    def _filled(self, feature: Feature) -> str:
        """The feature's expression with its names bound."""
        days = feature.window_days or 0

        def bound(found: re.Match[str]) -> str:
            match found.group(1):
                case "as_of":
                    return self._instant
                case "zone":
                    return self._zone
                case "today":
                    return self._today
                case "since":
                    return self._start(days)
                case _:
                    return self._start(2 * days)

        return _NAMED.sub(bound, feature.sql)

    def _start(self, days: int) -> str:
        return self._binder.bind(window_start(self._as_of, days, self._orders.zone), "timestamptz")

    def _only(self, column: str, word: str) -> str:
        if self._profiles is None:
            return ""
        return f"{word} {column} = any({self._binder.bind(self._profiles, 'bigint[]')})"

    def _known(self) -> str:
        """What had happened and had come by then; history that was loaded came when it happened."""
        history = self._orders.history_sources
        loaded = f" or e.source_id = any({self._binder.bind(list(history), 'int[]')})" if history else ""
        return f"e.occurred_at < {self._instant} and (e.received_at < {self._instant}{loaded})"

    def _from_log(self) -> str:
        return "events_event e join identity_member m on m.identifier_id = e.identifier_id"

    def _relations(self, wanted: set[str], features: Sequence[Feature]) -> list[str]:
        wanted = wanted | {_OWN[one] for one in wanted & _OWN.keys()}
        found = []
        if wanted & {"orders", "items"}:
            found += self._order_relations(with_items="items" in wanted)
        if "categories" in wanted:
            found.append(
                "categories as (select profile_id, count(*)::float8 / sum(count(*)) over (partition by profile_id)"
                " as share from items where category is not null group by profile_id, category)"
            )
        if "recent" in wanted:
            found.append(f"recent as (select m.profile_id, e.occurred_at as at {self._within('recent', features)})")
        if "mail" in wanted:
            names = self._binder.bind(list(_MAIL), "text[]")
            found.append(
                f"mail as (select m.profile_id, e.occurred_at as at, e.name {self._within('mail', features)}"
                f" and e.name = any({names}))"
            )
        if wanted & {"visits", "latest"}:
            found += self._visit_relations(wanted, features)
        return found

    def _within(self, relation: str, features: Sequence[Feature]) -> str:
        """What came within the longest window of the features over a relation; twice of it where they look before."""
        longest = max(
            (one.window_days or 0) * (2 if "{before}" in one.sql else 1)
            for one in features if one.relation == relation
        )  # fmt: skip
        return (
            f"from {self._from_log()} where {self._known()} and e.occurred_at >= {self._start(longest)}"
            f" {self._only('m.profile_id', 'and')}"
        )

    def _visit_relations(self, wanted: set[str], features: Sequence[Feature]) -> list[str]:
        """Events of websites and apps: with the time since the one before, and what they tell of device and place."""
        sources = self._binder.bind(self._visited, "int[]")
        human = (
            f" and e.source_id = any({sources}) and (strpos(e.envelope, '\"robot\"') = 0"
            " or e.envelope::jsonb #> '{context,robot}' is null)"
        )
        found = []
        if "visits" in wanted:
            found.append(
                "visits as (select m.profile_id, e.occurred_at as at, e.occurred_at - lag(e.occurred_at) over"
                " (partition by m.profile_id order by e.occurred_at, e.message_id) as gap"
                f" {self._within('visits', features)}{human})"
            )
        if "latest" in wanted:
            found.append(
                "latest as (select m.profile_id, e.occurred_at as at, e.message_id,"
                f" e.envelope::jsonb -> 'context' as context {self._within('latest', features)}{human})"
            )
        return found

    def _order_relations(self, *, with_items: bool) -> list[str]:
        told = self._orders
        names = [one for one in (told.order_event, told.cancel_event, told.refund_event) if one]
        order, cancel = (self._binder.bind(one, "text") for one in (told.order_event, told.cancel_event))
        order_id = f"coalesce(nullif(e.properties ->> {self._binder.bind(told.order_id, 'text')}, ''), e.message_id)"
        kept = ", e.properties" if with_items else ""
        amount = self._amount()
        by_id = "profile_id, order_id"
        if told.lines:
            placed = f"select {by_id}, min(at) as at, coalesce(sum(micros), 0) as micros from told" + (
                f" where name = {order} group by {by_id}"
            )
        else:
            placed = (
                f"select distinct on ({by_id}) {by_id}, at, coalesce(micros, 0) as micros"
                f"{', properties' if with_items else ''} from told where name = {order}"
                f" order by {by_id}, at desc, message_id desc"
            )
        relations = [
            f"told as materialized (select m.profile_id, e.name, e.occurred_at as at, e.message_id,"
            f" {order_id} as order_id, {amount} as micros{kept} from {self._from_log()}"
            f" where e.name = any({self._binder.bind(names, 'text[]')}) and {self._known()}"
            f" {self._only('m.profile_id', 'and')})",
            f"placed as {'materialized ' if with_items else ''}({placed})",
            f"taken as (select {by_id}, min(at) as at, sum(abs(micros)) as micros,"
            f" bool_or(name = {cancel} or micros is null) as whole from told where name <> {order} group by {by_id})",
            # A cancellation, or a refund that names no amount, takes the whole order. A refund never takes more than
            # there was; one of an order that is not known is taken off all the same.
            f"orders as {'materialized ' if with_items else ''}(select profile_id, order_id, at, micros, micros > 0 as"
            f" counts from (select {by_id}, coalesce(p.at, t.at) as at, case when t.whole is null then p.micros"
            " when t.whole then 0 when p.micros is null then -t.micros when p.micros <= t.micros then 0"
            f" else p.micros - t.micros end as micros from placed p full join taken t using ({by_id})) netted)",
        ]
        return [*relations, self._item_relation(order)] if with_items else relations

    def _amount(self) -> str:
        """Millionths of what an event is worth, exactly; null where it says no number."""
        told = self._orders
        numbers = [self._number(one) for one in told.amount]
        worth = f"coalesce({', '.join(numbers)})" if len(numbers) > 1 else numbers[0]
        if told.quantity:
            worth = f"{worth} * {self._number(told.quantity)}"
        return f"round({worth} * 1000000)"

    def _number(self, name: str) -> str:
        """A property as a number. The function that reads texts costs microseconds a call: numbers go without it."""
        value = f"(e.properties -> {self._binder.bind(name, 'text')})"
        return (
            f"case jsonb_typeof{value} when 'number' then case when abs({value}::numeric) <= {_MOST}"
            f" then {value}::numeric end when 'string' then segments_number{value}::numeric end"
        )

    def _item_relation(self, order: str) -> str:
        """One row for each product of an order that counts: from its list of products, else from the event itself."""
        told = self._orders
        product, category = (self._binder.bind(one, "text") for one in (told.product_id, told.category))
        if told.lines:
            source = (
                f"told t join orders o using (profile_id, order_id) cross join lateral (select t.properties as item) i"
                f" where t.name = {order} and o.counts"
            )
        else:
            listed = f"t.properties -> {self._binder.bind(told.products, 'text')}"
            source = (
                "placed t join orders o using (profile_id, order_id) cross join lateral (select item from"
                f" jsonb_array_elements(case when jsonb_typeof({listed}) = 'array' then {listed}"
                " else jsonb_build_array(t.properties) end) as l (item)) i where o.counts"
            )
        return (
            f"items as (select t.profile_id, i.item ->> {product} as product, nullif(i.item ->> {category}, '')"
            f" as category from {source})"
        )

    def _declared_rows(self, feature: Feature) -> str:
        """The events of one declared feature."""
        view = self._declared[feature.name]
        event = IDENTIFY if view.measure in OF_TRAITS else view.event
        holder = "(e.envelope::jsonb -> 'traits')" if view.measure in OF_TRAITS else "e.properties"
        value = f"{holder} -> {self._binder.bind(view.property, 'text')}" if view.property else "null::jsonb"
        bounded = f" and e.occurred_at >= {self._start(view.window_days)}" if view.window_days else ""
        return (
            "(select m.profile_id, e.occurred_at as at, e.message_id,"
            f" segments_number({value}) as number, nullif(({value}) #>> '{{}}', '') as text"
            f" from {self._from_log()} where e.name = {self._binder.bind(event, 'text')} and {self._known()}{bounded}"
            f" {self._only('m.profile_id', 'and')})"
        )


def _quoted(name: str) -> str:
    """A column's name. Names of features are checked when they are declared; this holds for any text."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def compile_currencies(*, orders: OrderSetting, as_of: datetime) -> Statement:
    """`select` the currencies that orders known at `as_of` name, in capital letters."""
    compiler = _Compiler({}, orders, as_of, None)
    binder = compiler._binder
    currency = binder.bind(orders.currency, "text")
    return Statement(
        f"select distinct upper(e.properties ->> {currency}) from events_event e"
        f" where e.name = {binder.bind(orders.order_event, 'text')} and e.properties ? {currency}"
        f" and {compiler._known()} limit 10",
        binder.values,
    )


def compile_cohorts(*, orders: OrderSetting, as_of: datetime, period: str) -> Statement:
    """`select` the first day of the period of a person's first order, that of a period with orders, how many people,
    and the net value in millionths. `period`: week (from Monday) or month, by the clocks of the workspace."""
    compiler = _Compiler({}, orders, as_of, None)
    binder = compiler._binder
    start = f"date_trunc({binder.bind(period, 'text')}, at at time zone {compiler._zone})::date"
    return Statement(
        f"with {', '.join(compiler._order_relations(with_items=False))},"
        f" bought as (select profile_id, {start} as period, sum(micros) as micros from orders where counts"
        " group by 1, 2),"
        " begun as (select profile_id, min(period) as cohort from bought group by 1)"
        " select cohort, period, count(*)::int, sum(micros) from bought join begun using (profile_id)"
        " group by 1, 2",
        binder.values,
    )


def order_parts(
    *, orders: OrderSetting, as_of: datetime, profiles: Collection[int] | None = None
) -> tuple[list[str], Binder]:  # fmt: skip
    """Parts of a `with` that end in the relation `orders`, of these profiles or of all, and the binder that holds their
    values and takes those of whatever is built on them."""
    compiler = _Compiler({}, orders, as_of, profiles)
    return compiler._order_relations(with_items=False), compiler._binder


def compile_histories(*, orders: OrderSetting, as_of: datetime) -> Statement:
    """`select` each customer with the number of days on which they ordered, the first and the last of them by the
    clocks of the workspace, and the net value of those orders in millionths; in ascending order of id."""
    compiler = _Compiler({}, orders, as_of, None)
    day = f"(at at time zone {compiler._zone})::date"
    return Statement(
        f"with {', '.join(compiler._order_relations(with_items=False))}"
        f" select profile_id, count(distinct {day})::int, min({day}), max({day}), sum(micros) from orders"
        " where counts group by profile_id order by profile_id",
        compiler._binder.values,
    )


def compile_came(*, orders: OrderSetting, as_of: datetime, since: datetime) -> Statement:
    """`select` whoever ordered from `since` on, on how many days, and the net value in millionths."""
    compiler = _Compiler({}, orders, as_of, None)
    return Statement(
        f"with {', '.join(compiler._order_relations(with_items=False))}"
        f" select profile_id, count(distinct (at at time zone {compiler._zone})::date)::int, sum(micros) from orders"
        f" where counts and at >= {compiler._binder.bind(since, 'timestamptz')} group by profile_id",
        compiler._binder.values,
    )
