"""The kinds that bring values into one form. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import ftfy
from babel import Locale, UnknownLocaleError

from quality.cleaning.contracts import BadRule
from quality.cleaning.kinds import Around, Kind, Lists, Reader, Setting
from quality.cleaning.money import CURRENCIES, converted, read_amount, read_currency
from quality.cleaning.places import country_code, read_country, read_postal_code, read_state
from quality.cleaning.reading import FALSE, TRUE, UNREADABLE, read_boolean, read_date, read_epoch, read_number

Settings = Mapping[str, Any]
_CASES = {"lower": ", in small letters", "upper": ", in capitals", "title": ", in title case"}
_ORDER = {"DMY": "day, month, year", "MDY": "month, day, year", "YMD": "year, month, day"}
_DECIMALS = ((".", "point: 1,234.50"), (",", "comma: 1.234,50"))
# Quotes stay as people typed them, and nobody's "&amp;" is unescaped: what is mended is what broke on its way.
_FIX = ftfy.TextFixerConfig(unescape_html=False, uncurl_quotes=False, explain=False, fix_character_width=False)
_SPACES = re.compile(r"\s+")


def _language(code: str) -> str:
    try:
        Locale.parse(code, sep="-")
    except (ValueError, UnknownLocaleError) as error:
        raise BadRule(f"There is no language {code!r}; give a code such as en or de.", "language") from error
    return code


def _date(settings: Settings, lists: Lists) -> Reader:
    try:
        ZoneInfo(settings["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadRule(f"There is no time zone {settings['zone']!r}; give one such as Europe/Berlin.", "zone") from error
    if not 0 <= settings["century_turn"] <= 99:
        raise BadRule("The last year of two digits that is 20xx lies between 0 and 99.", "century_turn")
    told = {"order": settings["order"], "language": _language(settings["language"]), "zone": settings["zone"],
            "century_turn": int(settings["century_turn"]), "form": settings["form"]}  # fmt: skip
    unit = settings["epoch"]

    def read(value: Any, around: Around) -> Any:
        if isinstance(value, str):
            return read_date(value, **told)
        if unit != "no" and isinstance(value, int | float) and not isinstance(value, bool):
            return read_epoch(value, unit=unit, zone=told["zone"], form=told["form"])
        return UNREADABLE

    return read


def _number(settings: Settings, lists: Lists) -> Reader:
    def read(value: Any, around: Around) -> Any:
        if isinstance(value, str):
            return read_number(value, decimal=settings["decimal"])
        return value if isinstance(value, int | float) and not isinstance(value, bool) else UNREADABLE

    return read


def _currency(settings: Settings, lists: Lists) -> Reader:
    for name in ("to", "currency"):
        if settings[name] and settings[name] not in CURRENCIES:
            raise BadRule(f"There is no currency {settings[name]!r}; give a code such as EUR.", name)

    def read(value: Any, around: Around) -> Any:
        currency = settings["currency"] or None
        if settings["currency_path"] and (told := around.sibling(settings["currency_path"])) is not None:
            currency = read_currency(told)
            if currency is None:
                return UNREADABLE
        found = read_amount(value, currency=currency, decimal=settings["decimal"])
        if found is None:
            return UNREADABLE
        same: Mapping[str, Decimal] = {}
        return converted(*found, settings["to"], same if found[1] == settings["to"] else around.rates())

    return read


def _boolean(settings: Settings, lists: Lists) -> Reader:
    true = TRUE | {one.strip().casefold() for one in settings["true"]}
    false = FALSE | {one.strip().casefold() for one in settings["false"]}
    both = sorted(true & false)
    if both:
        raise BadRule(f"{both[0]!r} cannot be both true and false.", "true")
    return lambda value, around: read_boolean(value, true=true, false=false)


def _synonyms(settings: Settings, lists: Lists) -> Reader:
    known: dict[str, str] = {}
    for name, words in settings["values"].items():
        for word in (name, *words):
            key = word.strip().casefold()
            if known.setdefault(key, name) != name:
                raise BadRule(f"{word!r} is a synonym of two values: {known[key]} and {name}.", "values")

    def read(value: Any, around: Around) -> Any:
        return known.get(value.strip().casefold(), UNREADABLE) if isinstance(value, str) else UNREADABLE

    return read


def _country(settings: Settings, lists: Lists) -> Reader:
    languages = [_language(code) for code in settings["languages"]]
    return lambda value, around: read_country(value, languages=languages, form=settings["form"])


def _state(settings: Settings, lists: Lists) -> Reader:
    if not settings["country"] and not settings["country_path"]:
        raise BadRule("Name the country, or where it stands.", "country")

    def read(value: Any, around: Around) -> Any:
        told = (around.sibling(settings["country_path"]) if settings["country_path"] else None) or settings["country"]
        country = country_code(told, ()) if isinstance(told, str) else None
        return read_state(value, country=country, form=settings["form"], also=settings["also"])

    return read


def _text(settings: Settings, lists: Lists) -> Reader:
    case = {"lower": str.lower, "upper": str.upper, "title": str.title}.get(settings["case"], str)

    def read(value: Any, around: Around) -> Any:
        if not isinstance(value, str):
            return UNREADABLE
        # Mending one layer may bring another to light; three times is what was ever seen.
        text = value
        for _ in range(3):
            mended = case(_SPACES.sub(" ", ftfy.fix_text(text, _FIX)).strip())
            if mended == text:
                break
            text = mended
        return text

    return read


def _postal_code(settings: Settings, lists: Lists) -> Reader:
    return lambda value, around: read_postal_code(value)


_LANGUAGE = Setting("language", "Language of months", default="en", hint="English is read besides.")
_ZONE = Setting("zone", "Time zone of times without one", default="UTC")

STANDARDS = (
    Kind(
        "date", "Date", (
            Setting("order", "Order of day and month", "choice", required=True, hint="For every value of this rule.",
                    choices=(("DMY", "day, month, year"), ("MDY", "month, day, year"), ("YMD", "year, month, day"))),
            Setting("form", "Write", "choice", "as written",
                    (("as written", "the time of day where there is one"), ("date", "the date alone"))),
            _LANGUAGE, _ZONE,
            Setting("century_turn", "Last year of two digits that is 20xx", "number", 68),
            Setting("epoch", "Numbers are", "choice", "no",
                    (("no", "not read"), ("seconds", "seconds since 1970"), ("milliseconds", "milliseconds"))),
        ), _date, lambda s: f"is read as a date in the order {_ORDER[s['order']]}, and written as ISO 8601",
    ),
    Kind("number", "Number", (Setting("decimal", "Decimal sign", "choice", ".", _DECIMALS, required=True),), _number,
         lambda s: f"is read as a number with a decimal {'point' if s['decimal'] == '.' else 'comma'}"),
    Kind(
        "currency", "Currency", (
            Setting("to", "Reporting currency", default="EUR", required=True, hint="A code of ISO 4217."),
            Setting("currency_path", "Where the currency stands", "pointer", hint="Such as /currency."),
            Setting("currency", "Currency where none is said", hint="A code, or nothing: then it is not read."),
            Setting("decimal", "Decimal sign of texts", "choice", ".", _DECIMALS),
            Setting("into", "Where the amount goes", "pointer", required=True,
                    hint="A property beside the amount, such as /total_eur; the amount stays as it is."),
        ), _currency, lambda s: f"goes to {s['into']} in {s['to']}, by the rate of the day of the event",
        alone=lambda settings: False,
    ),
    Kind("boolean", "Yes or no", (Setting("true", "Further words for yes", "words", ()),
                                  Setting("false", "Further words for no", "words", ())), _boolean,
         lambda s: "is read as true or false"),
    Kind("synonyms", "Category", (Setting("values", "Values with synonyms", "table", required=True,
                                          hint='Such as {"f": ["female", "frau"], "m": ["male", "mann"]}.'),),
         _synonyms,
         lambda s: f"becomes one of {_few(s['values'])} by its synonyms"),
    Kind("country", "Country", (
        Setting("form", "Write", "choice", "alpha_2",
                (("alpha_2", "code of two letters: US"), ("alpha_3", "code of three letters: USA"),
                 ("name", "English name: United States"))),
        Setting("languages", "Languages of names", "words", ("en",), hint="Codes such as de; one a line.")), _country,
        lambda s: f"is read as a country and written as its {s['form'].replace('_', '-')} of ISO 3166-1"),
    Kind("state", "State or region", (
        Setting("country", "Country", hint="A code such as US; where no other is said."),
        Setting("country_path", "Where the country stands", "pointer"),
        Setting("form", "Write", "choice", "code", (("code", "code: NY"), ("iso", "with its country: US-NY"),
                                                    ("name", "name: New York"))),
        Setting("also", "Further spellings", "table", {}, hint='Such as {"BY": ["Bavaria"]}.')), _state,
        lambda s: f"is read as a state or region of {s['country_path'] or s['country']} and written as its {s['form']}",
        alone=lambda settings: not settings["country_path"]),
    Kind("text", "Text", (Setting("case", "Letters", "choice", "keep", (
        ("keep", "as they are"), ("lower", "small"), ("upper", "capital"), ("title", "Title Case"))),), _text,
         lambda s: "is mended where its encoding broke, without double spaces" + _CASES.get(s["case"], "")),
    Kind("postal_code", "Postal code", (), _postal_code, lambda s: "is written in capitals with single spaces"),
)  # fmt: skip

# The parts of an address, each with the kind that reads it and its settings.
ADDRESS_PARTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("country", "country", {"form": "alpha_2", "languages": ["en"]}),
    ("state", "state", {"country": "", "form": "code", "also": {}}),
    ("postal_code", "postal_code", {}), ("city", "text", {"case": "keep"}), ("street", "text", {"case": "keep"}),
)  # fmt: skip


def _few(values: Mapping[str, Any]) -> str:
    names = list(values)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
