"""The web shop and the app: visits around real baskets, on browsers, phones and shared tablets. Pure.

A visit is anonymous until somebody signs in; a browser of one's own usually stays signed in, a shared tablet never.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cdp.demo.messages import Message, external_id, identify, order, personal_traits, product, track
from cdp.demo.people import Person
from cdp.demo.shopping import Basket

_AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_2) AppleWebKit/605.1.15 Version/17.2 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 Version/17.2 Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
]


def account_email(person: Person, at: datetime) -> str:
    """The address in the account: the first one, or the new one after a change of name."""
    if not person.emails:
        return ""
    renamed = len(person.last_names) > 1 and person.last_names[-1][0] <= at.date()
    return person.emails[-1 if renamed else 0]


@dataclass(slots=True)
class Browser:
    """A browser, known to the shop by its cookie alone."""

    anonymous_id: str
    agent: str
    shared: bool = False
    signed_in: bool = False

    def context(self, title: str, path: str) -> dict[str, Any]:
        """What analytics.js says about a page view."""
        url = f"https://shop.example{path}"
        return {
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "page": {"title": title, "path": path, "url": url},
            "userAgent": self.agent,
            "locale": "en-US",
        }


@dataclass(slots=True)
class WebShopper:
    """One person in the web shop over the year."""

    person: Person
    rng: Random
    browsers: list[Browser] = field(default_factory=list)
    first_name: str = ""
    tells_phone: bool = False

    def __post_init__(self) -> None:
        self.browsers = [
            Browser(_uuid(self.rng), self.rng.choice(_AGENTS), signed_in=False) for _ in range(self.person.browsers)
        ]
        if self.person.tablet:
            self.browsers.append(Browser(self.person.tablet, _AGENTS[2], shared=True))
        self.first_name = self.person.called if self.rng.random() < 0.25 else self.person.first_name
        self.tells_phone = self.rng.random() < 0.4

    def buys(self, basket: Basket) -> Iterator[Message]:
        """A visit that ends in this order; whoever is not signed in does so before paying."""
        browser = self._browser()
        started = basket.at - timedelta(minutes=self.rng.randrange(4, 25))
        yield self._page(browser, started, "Home", "/")
        yield from self._views(browser, basket, started)
        if self.rng.random() < 0.5:
            yield self._cart(browser, basket, basket.at - timedelta(seconds=100))
        if not browser.signed_in:
            yield self._signs_in(browser, basket.at - timedelta(seconds=50))
        who = self._who(browser, known=bool(self.person.user_id))
        checkout = browser.context("Thank you", "/checkout/thanks")
        yield self._message(basket.at, track("Order Completed", order(basket, channel="web"), context=checkout, **who))

    def looks(self, basket: Basket, at: datetime, *, leaves_cart: bool) -> Iterator[Message]:
        """A visit without an order, looking at what is in a basket of the same household."""
        browser = self._browser()
        yield self._page(browser, at, "Home", "/")
        yield from self._views(browser, basket, at)
        if leaves_cart:
            yield self._cart(browser, basket, at + timedelta(minutes=4))

    def _browser(self) -> Browser:
        browser = self.rng.choices(self.browsers, weights=[3, 1, 1, 1][: len(self.browsers)])[0]
        if not browser.shared and self.rng.random() < 0.03:  # cookies cleared: to the shop a new browser
            browser.anonymous_id, browser.signed_in = _uuid(self.rng), False
        return browser

    def _who(self, browser: Browser, *, known: bool) -> dict[str, str]:
        who = {"anonymousId": browser.anonymous_id}
        return {**who, "userId": self.person.user_id} if known else who

    def _message(self, at: datetime, body: dict[str, Any]) -> Message:
        return Message("web", at, self.person.key, body)

    def _page(self, browser: Browser, at: datetime, title: str, path: str) -> Message:
        context = browser.context(title, path)
        who = self._who(browser, known=browser.signed_in and bool(self.person.user_id))
        page = {"type": "page", "name": title, "properties": context["page"]}
        return self._message(at, {**page, "context": context, **who})

    def _views(self, browser: Browser, basket: Basket, at: datetime) -> Iterator[Message]:
        for number, line in enumerate(basket.lines[: self.rng.randint(1, 2)]):
            who = self._who(browser, known=browser.signed_in and bool(self.person.user_id))
            context = browser.context(line.name, f"/p/{line.product_id}")
            seen = at + timedelta(seconds=40 + 55 * number)
            yield self._message(seen, track("Product Viewed", product(line), context=context, **who))

    def _cart(self, browser: Browser, basket: Basket, at: datetime) -> Message:
        who = self._who(browser, known=browser.signed_in and bool(self.person.user_id))
        cart = {"cart_value": basket.revenue, "items": len(basket.lines), "department": basket.department}
        return self._message(at, track("Cart Updated", cart, context=browser.context("Your cart", "/cart"), **who))

    def _signs_in(self, browser: Browser, at: datetime) -> Message:
        """Signing in, or a guest's name and address at the checkout."""
        person = self.person
        traits = personal_traits(person, at, first_name=self.first_name, email=account_email(person, at))
        if self.tells_phone:
            traits["phone"] = person.mobile
        browser.signed_in = not browser.shared and self.rng.random() < 0.8
        who = self._who(browser, known=bool(person.user_id))
        return self._message(at, identify(traits, context=browser.context("Sign in", "/login"), **who))


@dataclass(slots=True)
class AppUser:
    """One person in the shop's app over the year."""

    person: Person
    rng: Random
    anonymous_id: str = ""
    push_token: str = ""
    signed_in: bool = False
    gives_push: bool = False

    def __post_init__(self) -> None:
        phone = self._phone()
        self.anonymous_id, self.push_token = phone.anonymous_id, phone.push_token
        self.gives_push = self.rng.random() < 0.7

    def buys(self, basket: Basket) -> Iterator[Message]:
        """The app opened, signed in to where it is not yet, and an order."""
        opened = basket.at - timedelta(minutes=self.rng.randrange(2, 12))
        yield from self.opens(opened, "Home")
        bought = track("Order Completed", order(basket, channel="app"), context=self._context(), **self._who())
        yield self._message(basket.at, bought)

    def opens(self, at: datetime, screen: str) -> Iterator[Message]:
        """A look at the app; reinstalled now and then, which gives it a new anonymous id and push token."""
        if self.rng.random() < 0.02:
            self.anonymous_id, self.push_token = _uuid(self.rng), f"{self.rng.getrandbits(256):064x}"
            self.signed_in = False
        if not self.signed_in:
            self.signed_in = True
            yield self._signs_in(at)
        yield self._message(
            at + timedelta(seconds=20),
            {"type": "screen", "name": screen, "properties": {}, "context": self._context(), **self._who()},
        )

    def _phone(self) -> Any:
        if self.person.phone is None:
            raise ValueError("somebody without a phone does not use the app")
        return self.person.phone

    def _who(self) -> dict[str, str]:
        who = {"anonymousId": self.anonymous_id}
        return {**who, "userId": self.person.user_id} if self.person.user_id else who

    def _context(self) -> dict[str, Any]:
        phone = self._phone()
        device = {"id": phone.device_id, "type": phone.system.lower(), "model": phone.model}
        if self.gives_push:
            device["token"] = self.push_token
        library = {"name": "analytics-react-native", "version": "2.24.1"}
        return {
            "library": library,
            "device": device,
            "os": {"name": phone.system},
            "app": {"name": "Shop", "version": "4.2"},
        }

    def _signs_in(self, at: datetime) -> Message:
        person, context = self.person, self._context()
        if person.loyalty_ids:
            context["externalIds"] = [external_id("loyalty_id", person.loyalty_ids[-1])]
        traits: dict[str, Any] = {}
        if person.user_id:
            traits = {
                "first_name": person.called,
                "email": account_email(person, at),
                "birth_date": person.birth_date.isoformat() if self.rng.random() < 0.5 else "",
            }
        return self._message(at, identify(traits, context=context, **self._who()))

    def _message(self, at: datetime, body: dict[str, Any]) -> Message:
        return Message("mobile", at, self.person.key, body)


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
