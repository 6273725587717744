"""What a statement reads of an event: from the log in PostgreSQL, out of JSON; or from a Parquet log, where the same
expressions have written it into columns. Pure."""

from collections.abc import Sequence
from typing import Protocol

from insights.contracts import OrderSetting
from insights.features.contracts import DeclaredView, Property
from insights.features.declared import IDENTIFY, OF_TRAITS
from insights.features.dialect import Binder

# Ten billion and more is no amount of money.
_MOST = "1e10"
# What e-mail providers tell.
MAIL = ("Email Delivered", "Email Opened", "Email Link Clicked")
# What a visit tells of device and place.
CONTEXT = {
    "device": "coalesce({context} #>> '{{device,type}}', {context} #>> '{{device,model}}')",
    "system": "{context} #>> '{{os,name}}'",
    "browser": "{context} #>> '{{browser,name}}'",
    "country": "{context} #>> '{{location,country}}'",
    "city": "{context} #>> '{{location,city}}'",
    "time_zone": "{context} ->> 'timezone'",
}


def property_of(view: DeclaredView) -> Property | None:
    """What of which event a declared feature reads; None when it only counts events."""
    if not view.property:
        return None
    of_trait = view.measure in OF_TRAITS
    return Property(IDENTIFY if of_trait else view.event, view.property, of_trait)


class Log(Protocol):
    """Events `e` of people."""

    people: str
    events: str
    person: str
    # What is kept of an order for the sake of its products.
    bought: str

    def order_id(self) -> str:
        """The number of an order, or of a message that has none."""

    def micros(self) -> str:
        """Millionths of what an event is worth, exactly; null where it says no number."""

    def visit(self) -> str:
        """Whether somebody visited: events of websites and apps, without robots."""

    def context(self, name: str) -> str:
        """What a visit told of device or place."""

    def number(self, wanted: Property) -> str:
        """A property as a number; null where it is none."""

    def text(self, wanted: Property) -> str:
        """A property as text; null where it is empty."""

    def products(self, source: str, where: str) -> str:
        """`select profile_id, product, category` of each product in `t.bought` of a source."""


class DatabaseLog:
    """The log in PostgreSQL, with people as they are put together now."""

    people = "identity_trait"
    events = "events_event e join identity_member m on m.identifier_id = e.identifier_id"
    person = "m.profile_id"
    bought = "e.properties"

    def __init__(self, orders: OrderSetting, binder: Binder, visited: Sequence[int]) -> None:
        self._orders, self._binder, self._visited = orders, binder, visited

    def order_id(self) -> str:
        """The number of an order, or of a message that has none."""
        return (
            f"coalesce(nullif(e.properties ->> {self._binder.bind(self._orders.order_id, 'text')}, ''), e.message_id)"
        )

    def micros(self) -> str:
        """Millionths of what an event is worth, exactly; null where it says no number."""
        told = self._orders
        numbers = [self._amount(one) for one in told.amount]
        worth = f"coalesce({', '.join(numbers)})" if len(numbers) > 1 else numbers[0]
        if told.quantity:
            worth = f"{worth} * {self._amount(told.quantity)}"
        return f"round({worth} * 1000000)"

    def _amount(self, name: str) -> str:
        """A property as a number. The function that reads texts costs microseconds a call: numbers go without it."""
        value = f"(e.properties -> {self._binder.bind(name, 'text')})"
        return (
            f"case jsonb_typeof{value} when 'number' then case when abs({value}::numeric) <= {_MOST}"
            f" then {value}::numeric end when 'string' then segments_number{value}::numeric end"
        )

    def visit(self) -> str:
        """Whether somebody visited: events of websites and apps, without robots."""
        return (
            f"{self._binder.among('e.source_id', self._visited, 'int')} and (strpos(e.envelope, '\"robot\"') = 0"
            " or e.envelope::jsonb #> '{context,robot}' is null)"
        )

    def context(self, name: str) -> str:
        """What a visit told of device or place."""
        return CONTEXT[name].format(context="(e.envelope::jsonb -> 'context')")

    def _value(self, wanted: Property) -> str:
        holder = "(e.envelope::jsonb -> 'traits')" if wanted.of_trait else "e.properties"
        return f"{holder} -> {self._binder.bind(wanted.name, 'text')}"

    def number(self, wanted: Property) -> str:
        """A property as a number; null where it is none."""
        return f"segments_number({self._value(wanted)})"

    def text(self, wanted: Property) -> str:
        """A property as text; null where it is empty."""
        return f"nullif(({self._value(wanted)}) #>> '{{}}', '')"

    def products(self, source: str, where: str) -> str:
        """`select profile_id, product, category` of each product in `t.bought` of a source."""
        each = self.each_product("t.bought")
        return f"select t.profile_id, i.product, i.category from {source} cross join lateral ({each}) i where {where}"

    def each_product(self, properties: str) -> str:
        """`select product, category` of each product of an event: from its list of products, else from itself."""
        told = self._orders
        product, category = (self._binder.bind(one, "text") for one in (told.product_id, told.category))
        picked = f"select i.item ->> {product} as product, nullif(i.item ->> {category}, '') as category"
        if told.lines:
            return f"{picked} from (select {properties} as item) i"
        listed = f"{properties} -> {self._binder.bind(told.products, 'text')}"
        return (
            f"{picked} from jsonb_array_elements(case when jsonb_typeof({listed}) = 'array' then {listed}"
            f" else jsonb_build_array({properties}) end) as i (item)"
        )


class FileLog:
    """A Parquet log, shown by an engine as `log` and `people`; its columns are what the other's expressions gave."""

    people = "people"
    events = "log e"
    person = "e.profile_id"
    bought = "e.items"

    def __init__(self, binder: Binder, properties: Sequence[Property]) -> None:
        self._words = binder.dialect.words
        self._place = {one: place for place, one in enumerate(properties)}

    def order_id(self) -> str:
        """The number of an order, or of a message that has none."""
        return "e.order_id"

    def micros(self) -> str:
        """Millionths of what an event is worth, exactly; null where it says no number."""
        return "e.micros"

    def visit(self) -> str:
        """Whether somebody visited: events of websites and apps, without robots."""
        return "e.visit"

    def context(self, name: str) -> str:
        """What a visit told of device or place."""
        return f"e.{name}"

    def number(self, wanted: Property) -> str:
        """A property as a number; null where it is none."""
        return f"e.number_{self._place[wanted]}"

    def text(self, wanted: Property) -> str:
        """A property as text; null where it is empty."""
        return f"e.text_{self._place[wanted]}"

    def products(self, source: str, where: str) -> str:
        """`select profile_id, product, category` of each product in `t.bought` of a source."""
        each, product, category = (self._words[one].format(x="t.bought") for one in ("each", "product", "category"))
        return (
            f"select profile_id, {product} as product, {category} as category"
            f" from (select t.profile_id, {each} as item from {source} where {where}) x"
        )
