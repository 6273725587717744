"""Features as one SQL statement: the only as-of function, for training, batches and single people alike.

Only what had happened *and had come* before `as_of` is read, so what comes later, however late, changes nothing of the
past. Events hang on identifiers; who they belong to is asked now, so merging and parting people moves their history.

The same statement is made for the log in PostgreSQL and for a Parquet log, read by DuckDB or Spark: `log` has what is
read of an event, `dialect` what the engines say differently.

Relations, each aggregated once for all features over it:
`orders` (profile_id, moment, micros, counts): an order net of what was cancelled and refunded; `counts` while anything
of it is left.
`items` (profile_id, product, category): what was bought.
`categories` (profile_id, share): the share of each category among the items.
`recent` (profile_id, moment): everything that came of the person within the longest window.
`visits` (profile_id, moment, gap) and `latest` (profile_id, moment, message_id, device, system, …): what came from
websites and apps, with the time since the event before; what it told of device and place.
`mail` (profile_id, moment, name): what e-mail providers told.
`declared:<name>` (profile_id, moment, message_id, number, text): the events of one declared feature.
An interaction has no relation: it is reckoned of the values of its two parts, which are read whether asked for or not.
"""

import re
import zoneinfo
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from insights.contracts import OrderSetting
from insights.features.contracts import DeclaredView, Feature, Property
from insights.features.declared import IDENTIFY, OF_TRAITS
from insights.features.dialect import POSTGRES, Binder, Dialect, Statement
from insights.features.interactions import with_parts
from insights.features.log import CONTEXT, MAIL, DatabaseLog, FileLog, Log, property_of

_WORD = re.compile(r"\{(\w+)(?: ([^{}]*))?\}")
_OWN = {"categories": "items"}


def compile_features(
    features: Sequence[Feature],
    *,
    declared: Mapping[str, DeclaredView],
    orders: OrderSetting,
    as_of: datetime,
    profiles: Collection[int] | None = None,
    buyers: bool = False,
    visited: Collection[int] = (),
    dialect: Dialect = POSTGRES,
    properties: Sequence[Property] = (),
) -> Statement:
    """`select profile_id, <a column for each feature>` in ascending order of id.

    `profiles`: these only; else everybody. `buyers`: whoever has an order that counts.
    `visited`: sources whose events are visits. With the dialect of another engine it is over a Parquet log, which
    holds these `properties`.
    """
    compiler = _Compiler(declared, orders, as_of, profiles, visited, dialect, properties)
    return compiler.statement(features, buyers=buyers)


def window_start(as_of: datetime, days: int, zone: str) -> datetime:
    """So many days before, at the same time by the clocks of the zone: a day may have 23 or 25 hours."""
    place = zoneinfo.ZoneInfo(zone)
    return (as_of.astimezone(place) - timedelta(days=days)).astimezone(zoneinfo.ZoneInfo("UTC"))


class _Compiler:
    def __init__(
        self, declared: Mapping[str, DeclaredView], orders: OrderSetting, as_of: datetime,
        profiles: Collection[int] | None, visited: Collection[int] = (), dialect: Dialect = POSTGRES,
        properties: Sequence[Property] = (),
    ) -> None:  # fmt: skip
        self._dialect, self._binder = dialect, Binder(dialect)
        self._log: Log = (
            DatabaseLog(orders, self._binder, sorted(visited)) if dialect is POSTGRES
            else FileLog(self._binder, properties)
        )  # fmt: skip
        self._declared, self._orders, self._as_of = declared, orders, as_of
        self._profiles = None if profiles is None else sorted(profiles)
        self._instant = self._binder.bind(as_of, "timestamptz")
        self._zone = self._binder.bind(orders.zone, "text")

    def statement(self, features: Sequence[Feature], *, buyers: bool) -> Statement:
        measured = [one for one in with_parts(features) if not one.parts]
        by_relation: dict[str, list[Feature]] = {}
        for feature in measured:
            by_relation.setdefault(feature.relation, []).append(feature)
        if buyers:
            by_relation.setdefault("orders", [])
        parts, joins = [], []
        for place, (relation, group) in enumerate(by_relation.items()):
            columns = [f"{self._filled(one)} as {self._dialect.quoted(one.name)}" for one in group]
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
            f"with {', '.join([*self._relations(set(by_relation), measured), *parts])}"
            f" select profile_id{asked} from {self._log.people} p {' '.join(joins)} {only} order by profile_id"
        )
        return Statement(text, self._binder.values)

    def _column(self, feature: Feature) -> str:
        name = self._dialect.quoted(feature.name)
        return name if feature.type == "text" or feature.texts else f"{self._number(feature)} as {name}"

    def _number(self, feature: Feature) -> str:
        """Its value of a person; of an interaction out of those of its parts, wherever they were aggregated."""
        if feature.parts:
            a, b = (self._number(one) for one in feature.parts)
            return self._word("real", feature.sql.format(a=a, b=b))
        name = self._dialect.quoted(feature.name)
        filled = name if feature.empty is None else f"coalesce({name}, {self._binder.bind(feature.empty, 'float8')})"
        return self._word("real", filled)

    def _filled(self, feature: Feature) -> str:
        """The feature's expression with its words in braces said, from the innermost."""
        days = feature.window_days or 0

        def said(found: re.Match[str]) -> str:
            match found.group(1):
                case "since":
                    return self._start(days)
                case "before":
                    return self._start(2 * days)
                case word:
                    return self._word(word, found.group(2) or "")

        sql, more = feature.sql, 1
        while more:
            sql, more = _WORD.subn(said, sql)
        return sql

    def _word(self, word: str, x: str) -> str:
        """What the engine says for a word over an expression."""
        template = self._dialect.words[word]
        today = self._word("day", self._instant) if "{today}" in template else ""
        return template.format(x=x, zone=self._zone, today=today)

    def _start(self, days: int) -> str:
        return self._binder.bind(window_start(self._as_of, days, self._orders.zone), "timestamptz")

    def _only(self, column: str, word: str) -> str:
        if self._profiles is None:
            return ""
        return f"{word} {self._binder.among(column, self._profiles, 'bigint')}"

    def _known(self) -> str:
        """What had happened and had come by then; history that was loaded came when it happened."""
        history = self._orders.history_sources
        loaded = f" or {self._binder.among('e.source_id', history, 'int')}" if history else ""
        return f"e.occurred_at < {self._instant} and (e.received_at < {self._instant}{loaded})"

    def _relations(self, wanted: set[str], features: Sequence[Feature]) -> list[str]:
        wanted = wanted | {_OWN[one] for one in wanted & _OWN.keys()}
        found = []
        if wanted & {"orders", "items"}:
            found += self._order_relations(with_items="items" in wanted)
        if "categories" in wanted:
            found.append(
                f"categories as (select profile_id, {self._word('real', 'count(*)')} / sum(count(*)) over (partition by"
                " profile_id) as share from items where category is not null group by profile_id, category)"
            )
        if "recent" in wanted:
            found.append(f"recent as (select {self._event()} {self._within('recent', features)})")
        if "mail" in wanted:
            found.append(
                f"mail as (select {self._event()}, e.name {self._within('mail', features)}"
                f" and {self._binder.among('e.name', MAIL, 'text')})"
            )
        if wanted & {"visits", "latest"}:
            found += self._visit_relations(wanted, features)
        return found

    def _event(self) -> str:
        return f"{self._log.person}, e.occurred_at as moment"

    def _within(self, relation: str, features: Sequence[Feature]) -> str:
        """What came within the longest window of the features over a relation; twice of it where they look before."""
        longest = max(
            (one.window_days or 0) * (2 if "{before}" in one.sql else 1)
            for one in features if one.relation == relation
        )  # fmt: skip
        return (
            f"from {self._log.events} where {self._known()} and e.occurred_at >= {self._start(longest)}"
            f" {self._only(self._log.person, 'and')}"
        )

    def _visit_relations(self, wanted: set[str], features: Sequence[Feature]) -> list[str]:
        """Events of websites and apps: with the time since the one before, and what they tell of device and place."""
        visit = f" and {self._log.visit()}"
        found = []
        if "visits" in wanted:
            found.append(
                f"visits as (select {self._event()}, e.occurred_at - lag(e.occurred_at) over"
                f" (partition by {self._log.person} order by e.occurred_at, e.message_id) as gap"
                f" {self._within('visits', features)}{visit})"
            )
        if "latest" in wanted:
            asked = {name for one in features if one.relation == "latest" for name in CONTEXT if name in one.sql}
            told = "".join(f", {self._log.context(name)} as {name}" for name in sorted(asked))
            found.append(
                f"latest as (select {self._event()}, e.message_id{told} {self._within('latest', features)}{visit})"
            )
        return found

    def _order_relations(self, *, with_items: bool) -> list[str]:
        told = self._orders
        names = [one for one in (told.order_event, told.cancel_event, told.refund_event) if one]
        order, cancel = (self._binder.bind(one, "text") for one in (told.order_event, told.cancel_event))
        materialized = self._dialect.materialized
        kept = f", {self._log.bought} as bought" if with_items else ""
        by_id = "profile_id, order_id"
        if told.lines:
            placed = f"select {by_id}, min(moment) as moment, coalesce(sum(micros), 0) as micros from told" + (
                f" where name = {order} group by {by_id}"
            )
        else:
            placed = self._latest_of_each(
                f"{by_id}, moment, coalesce(micros, 0) as micros{', bought' if with_items else ''}",
                f"from told where name = {order}", by_id,
            )  # fmt: skip
        relations = [
            f"told as {materialized}(select {self._event()}, e.name, e.message_id,"
            f" {self._log.order_id()} as order_id, {self._log.micros()} as micros{kept} from {self._log.events}"
            f" where {self._binder.among('e.name', names, 'text')} and {self._known()}"
            f" {self._only(self._log.person, 'and')})",
            f"placed as {materialized if with_items else ''}({placed})",
            f"taken as (select {by_id}, min(moment) as moment, sum(abs(micros)) as micros,"
            f" bool_or(name = {cancel} or micros is null) as whole from told where name <> {order} group by {by_id})",
            # A cancellation, or a refund that names no amount, takes the whole order. A refund never takes more than
            # there was; one of an order that is not known is taken off all the same.
            f"orders as {materialized if with_items else ''}(select profile_id, order_id, moment, micros, micros > 0 as"
            f" counts from (select {by_id}, coalesce(p.moment, t.moment) as moment, case when t.whole is null then"
            " p.micros when t.whole then 0 when p.micros is null then -t.micros when p.micros <= t.micros then 0"
            f" else p.micros - t.micros end as micros from placed p full join taken t using ({by_id})) netted)",
        ]
        return [*relations, self._item_relation(order)] if with_items else relations

    def _latest_of_each(self, columns: str, source: str, key: str) -> str:
        """The row of the latest event of each key."""
        if self._dialect is POSTGRES:
            return f"select distinct on ({key}) {columns} {source} order by {key}, moment desc, message_id desc"
        return (
            f"select {columns} from (select *, row_number() over (partition by {key} order by moment desc,"
            f" message_id desc) as place {source}) ranked where place = 1"
        )

    def _item_relation(self, order: str) -> str:
        """One row for each product of an order that counts: from its list of products, else from the event itself."""
        lines = self._orders.lines
        source = f"{'told' if lines else 'placed'} t join orders o using (profile_id, order_id)"
        where = f"t.name = {order} and o.counts" if lines else "o.counts"
        return f"items as ({self._log.products(source, where)})"

    def _declared_rows(self, feature: Feature) -> str:
        """The events of one declared feature."""
        view = self._declared[feature.name]
        event = IDENTIFY if view.measure in OF_TRAITS else view.event
        wanted = property_of(view)
        told = f", {self._log.number(wanted)} as number, {self._log.text(wanted)} as text" if wanted else ""
        bounded = f" and e.occurred_at >= {self._start(view.window_days)}" if view.window_days else ""
        return (
            f"(select {self._event()}, e.message_id{told}"
            f" from {self._log.events} where e.name = {self._binder.bind(event, 'text')} and {self._known()}{bounded}"
            f" {self._only(self._log.person, 'and')})"
        )


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
    start = f"date_trunc({binder.bind(period, 'text')}, moment at time zone {compiler._zone})::date"
    return Statement(
        f"with {', '.join(compiler._order_relations(with_items=False))},"
        f" bought as (select profile_id, {start} as period, sum(micros) as micros from orders where counts"
        " group by 1, 2),"
        " begun as (select profile_id, min(period) as cohort from bought group by 1)"
        " select cohort, period, count(*)::int, sum(micros) from bought join begun using (profile_id)"
        " group by 1, 2",
        binder.values,
    )


def compile_first_behaviour(
    *, orders: OrderSetting, as_of: datetime, period: str, begins: Callable[[Binder], str], back: str
) -> Statement:
    """`select` the first day of the period in which a person first did what `begins` says of an event, that of a period
    or null, how many people, and millionths: with null the size of the cohort, else who came back in that period, and
    the net value of their orders in it. What came before the first time does not count."""
    compiler = _Compiler({}, orders, as_of, None)
    binder = compiler._binder
    start = f"date_trunc({binder.bind(period, 'text')}, {{}} at time zone {compiler._zone})::date"
    events = f"(select {compiler._event()} from {compiler._log.events} where {compiler._known()}"
    came = {
        "again": f"{events} and {begins(binder)})", "any": f"{events})",
        "orders": "(select profile_id, moment from orders where counts)",
    }[back]  # fmt: skip
    return Statement(
        f"with {', '.join(compiler._order_relations(with_items=False))},"
        f" begun as (select profile_id, min(moment) as moment, {start.format('min(moment)')} as cohort"
        f" from {events} and {begins(binder)}) e group by profile_id)"
        " select cohort, null::date, count(*)::int, 0 from begun group by cohort union all"
        f" select cohort, {start.format('c.moment')}, count(distinct c.profile_id)::int, 0 from {came} c"
        " join begun b on b.profile_id = c.profile_id and c.moment >= b.moment group by 1, 2 union all"
        f" select cohort, {start.format('o.moment')}, 0, sum(o.micros) from orders o"
        " join begun b on b.profile_id = o.profile_id and o.moment >= b.moment where o.counts group by 1, 2",
        binder.values,
    )


def order_parts(
    *, orders: OrderSetting, as_of: datetime, profiles: Collection[int] | None = None
) -> tuple[list[str], Binder]:  # fmt: skip
    """Parts of a `with` that end in the relation `orders`, of these profiles or of all, and the binder that holds their
    values and takes those of whatever is built on them."""
    compiler = _Compiler({}, orders, as_of, profiles)
    return compiler._order_relations(with_items=False), compiler._binder


def compile_histories(
    *, orders: OrderSetting, as_of: datetime, profiles: Collection[int] | None = None
) -> Statement:  # fmt: skip
    """`select` each customer (of these profiles) with the number of days on which they ordered, the first and the last
    of them by the clocks of the workspace, and the net value of those orders in millionths; in ascending order of
    id."""
    compiler = _Compiler({}, orders, as_of, profiles)
    day = f"(moment at time zone {compiler._zone})::date"
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
        f" select profile_id, count(distinct (moment at time zone {compiler._zone})::date)::int, sum(micros)"
        f" from orders where counts and moment >= {compiler._binder.bind(since, 'timestamptz')} group by profile_id",
        compiler._binder.values,
    )
