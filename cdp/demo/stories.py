"""The whole play: who bought which real basket, through which channel, and all that each channel then reports. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from random import Random

from cdp.demo import loyalty
from cdp.demo.mailings import mailing_messages, redemption_messages
from cdp.demo.messages import Key, Message, truth
from cdp.demo.online import AppUser, WebShopper
from cdp.demo.people import SEED, Person, people
from cdp.demo.shopping import FIRST_DAY, Basket, Household, households

_FIRST_MOMENT = datetime.fromisoformat(f"{FIRST_DAY.isoformat()}T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Play:
    """Everything that is sent, and who is truly behind it."""

    people: tuple[Person, ...]
    messages: tuple[Message, ...]
    loyalty_file: tuple[loyalty.Row, ...]
    loyalty_people: tuple[str, ...]

    def truth(self) -> dict[Key, set[str]]:
        """Who truly used each identifier that is sent."""
        return truth(self.messages)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to the web shop: with an order, or without one and perhaps with a cart left behind."""

    at: datetime
    basket: Basket
    buys: bool = False
    leaves_cart: bool = False


def write_play(*, only: Sequence[Household] | None = None, seed: int = SEED) -> Play:
    """The play over all households of the demo, or over some. The same input gives the same messages, every time."""
    homes = households() if only is None else only
    everybody = people(homes, seed=seed)
    by_household = {number: list(members) for number, members in groupby(everybody, key=lambda one: one.household_id)}
    file = loyalty.rows(everybody, seed=seed)
    messages = [loyalty.row_message(row, person) for row, person in file]
    for home in homes:
        messages += _household_story(home, by_household[home.id], seed)
    return Play(
        people=tuple(everybody),
        messages=tuple(messages),
        loyalty_file=tuple(row for row, _ in file),
        loyalty_people=tuple(person for _, person in file),
    )


def _household_story(home: Household, members: Sequence[Person], seed: int) -> Iterator[Message]:
    rng = Random(f"{seed}/story/{home.id}")
    bought: dict[tuple[str, str], list[Basket]] = defaultdict(list)
    buyers = rng.choices(members, weights=[one.share for one in members], k=len(home.baskets))
    for basket, buyer in zip(home.baskets, buyers, strict=True):
        bought[buyer.key, _channel(buyer, rng)].append(basket)
    for one in members:
        if one.browsers:
            yield from _web_year(one, bought[one.key, "web"], home.baskets, rng)
        if one.phone:
            yield from _app_year(one, bought[one.key, "mobile"], rng)
        yield from loyalty.till_messages(one, bought[one.key, "store"], rng)
    yield from mailing_messages(home, members, rng)
    yield from redemption_messages(home, members, rng)


def _channel(buyer: Person, rng: Random) -> str:
    """Most groceries are bought in the store; those who are online order there for some of it."""
    web = 0.22 if buyer.browsers else 0.0
    app = 0.2 if buyer.phone else 0.0
    return rng.choices(["web", "mobile", "store"], weights=[web, app, 1 - web - app])[0]


def _web_year(one: Person, bought: Sequence[Basket], seen: Sequence[Basket], rng: Random) -> Iterator[Message]:
    visits = [Visit(basket.at, basket, buys=True) for basket in bought]
    visits += [_cart_before(basket, rng) for basket in bought if rng.random() < 0.125]
    looks = rng.choices([0, 1, 2, 3, 5], weights=[20, 25, 25, 20, 10])[0]
    visits += [_look(rng.choice(seen), rng) for _ in range(looks)]
    shopper = WebShopper(one, rng)
    for visit in sorted((v for v in visits if v.at > _FIRST_MOMENT), key=lambda v: (v.at, v.basket.id)):
        yield from (
            shopper.buys(visit.basket)
            if visit.buys
            else shopper.looks(visit.basket, visit.at, leaves_cart=visit.leaves_cart)
        )


def _cart_before(basket: Basket, rng: Random) -> Visit:
    """The cart that was left behind a day or two before it was bought after all."""
    before = timedelta(hours=rng.randrange(20, 60), minutes=rng.randrange(60))
    return Visit(basket.at - before, basket, leaves_cart=True)


def _look(basket: Basket, rng: Random) -> Visit:
    before = timedelta(hours=rng.randrange(1, 24), minutes=rng.randrange(60))
    return Visit(basket.at - before, basket, leaves_cart=rng.random() < 0.33)


def _app_year(one: Person, bought: Sequence[Basket], rng: Random) -> Iterator[Message]:
    user = AppUser(one, rng)
    for basket in bought:
        yield from user.buys(basket)
        if rng.random() < 0.2:
            yield from user.opens(basket.at + timedelta(minutes=rng.randrange(60, 600)), "Offers")
