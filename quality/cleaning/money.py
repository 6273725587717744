"""Amounts in the reporting currency, by the rate of the day. Pure.

Rates are units of a currency for one euro, as the European Central Bank tells them on its working days
(https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/). On other days that of the
last working day holds, up to a week back.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import get_currency_precision, list_currencies

from quality.cleaning.reading import UNREADABLE, as_number, read_decimal

EURO = "EUR"
CURRENCIES = frozenset(list_currencies())
# Signs that one currency has for itself; others are read only beside a currency that writes them.
_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "zł": "PLN", "Kč": "CZK"}
_SHARED = {"$": frozenset({"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "BRL"}), "¥": frozenset({"JPY", "CNY"}),
           "kr": frozenset({"SEK", "NOK", "DKK", "ISK"})}  # fmt: skip
_MARKS = "|".join(re.escape(one) for one in sorted({*_SIGNS, *_SHARED}, key=len, reverse=True))
_AMOUNT = re.compile(rf"(?:({_MARKS}|[A-Z]{{3}})\s*)?([-+−\d][^A-Za-z]*?)\s*({_MARKS}|[A-Z]{{3}})?")


def read_amount(value: Any, *, currency: str | None, decimal: str) -> tuple[Decimal, str] | None:
    """(amount, currency) of a number, or of a text that may name its currency. Two that disagree are unreadable."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return (Decimal(str(value)), currency) if currency else None
    found = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 100 else None
    if found is None or (found[1] and found[3]):
        return None
    mark = found[1] or found[3]
    named = currency if mark is None else _named(mark, currency)
    amount = read_decimal(found[2], decimal=decimal)
    if named is None or amount is UNREADABLE or (currency and named != currency):
        return None
    return amount, named


def _named(mark: str, currency: str | None) -> str | None:
    if mark in _SHARED:
        return currency if currency in _SHARED[mark] else None
    found = _SIGNS.get(mark, mark)
    return found if found in CURRENCIES else None


def converted(amount: Decimal, currency: str, to: str, rates: Mapping[str, Decimal]) -> Any:
    """The amount in another currency, rounded half up to its smallest unit; UNREADABLE without a rate. `rates`: units
    for one euro."""
    if currency == to:
        return as_number(amount)
    source = Decimal(1) if currency == EURO else rates.get(currency)
    wanted = Decimal(1) if to == EURO else rates.get(to)
    if not source or not wanted or abs(amount) > Decimal(10) ** 15:
        return UNREADABLE
    unit = Decimal(1).scaleb(-get_currency_precision(to))
    return as_number((amount * wanted / source).quantize(unit, rounding=ROUND_HALF_UP))


def read_currency(value: Any) -> str | None:
    """An ISO 4217 code, or a sign that only one currency has."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    code = _SIGNS.get(text, text.upper())
    return code if code in CURRENCIES else None
