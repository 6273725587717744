"""Countries and their parts: ISO 3166 codes from the names people write. Pure.

Countries' names in many languages come from CLDR (by Babel), parts of countries from ISO 3166-2 (by pycountry).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import pycountry
from babel import Locale

from quality.cleaning.reading import LONGEST, UNREADABLE, fold

# What people and authorities write besides ISO: reserved codes of ISO 3166-1, and the European Union's for Greece.
_ALSO = {"uk": "GB", "el": "GR", "england": "GB", "scotland": "GB", "wales": "GB", "northernireland": "GB"}


def read_country(value: Any, *, languages: Sequence[str], form: str) -> Any:
    """A country as its ISO 3166-1 code of two (`alpha_2`) or three letters (`alpha_3`), or by its English name
    (`name`)."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        return UNREADABLE
    code = country_code(value, tuple(languages))
    if code is None:
        return UNREADABLE
    if form == "alpha_2":
        return code
    found = pycountry.countries.get(alpha_2=code)
    return country_name(code) if form == "name" or found is None else found.alpha_3


def country_code(text: str, languages: tuple[str, ...]) -> str | None:
    """The code of two letters, or None."""
    return _countries(languages).get(fold(text))


def country_name(code: str) -> str:
    """As English speakers call it."""
    return str(Locale("en").territories[code])


@lru_cache(maxsize=16)
def _countries(languages: tuple[str, ...]) -> Mapping[str, str]:
    """Folded names and codes. A name that two countries share says neither."""
    found: dict[str, str | None] = {}
    codes = {one.alpha_2 for one in pycountry.countries}
    told = [(fold(getattr(one, field, "") or ""), one.alpha_2) for one in pycountry.countries
            for field in ("name", "official_name", "common_name")]  # fmt: skip
    for language in dict.fromkeys(("en", *languages)):
        told += [(fold(str(n)), c) for c, n in Locale.parse(language, sep="-").territories.items() if c in codes]
    for name, code in told:
        if name:
            found[name] = code if found.get(name, code) == code else None
    # Codes come last: they are what the standard says, whatever a language calls so.
    found |= {key: code for one in pycountry.countries
              for key, code in ((one.alpha_2.lower(), one.alpha_2), (one.alpha_3.lower(), one.alpha_2))}  # fmt: skip
    return {**_ALSO, **{name: code for name, code in found.items() if code}}


def read_state(value: Any, *, country: str | None, form: str, also: Mapping[str, Sequence[str]]) -> Any:
    """A state or region of a country: `code` (NY), `iso` (US-NY) or `name` (New York). `also`: further spellings by
    code."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST or country is None:
        return UNREADABLE
    key = fold(value)
    code = next((one for one, names in also.items() if key in {fold(name) for name in names}), None)
    code = code or _states(country).get(key)
    found = None if code is None else pycountry.subdivisions.get(code=f"{country}-{code}")
    if found is None:
        return UNREADABLE
    return {"code": code, "iso": found.code, "name": found.name}[form]


@lru_cache(maxsize=64)
def _states(country: str) -> Mapping[str, str]:
    found: dict[str, str | None] = {}
    every = list(pycountry.subdivisions.get(country_code=country) or ())
    for one in every:
        code = one.code.partition("-")[2]
        for name in {fold(one.name), *(fold(part) for part in one.name.split("/"))}:
            found[name] = code if found.get(name, code) == code else None
    for one in every:
        code = one.code.partition("-")[2]
        found[fold(code)] = found[fold(one.code)] = code
    return {name: code for name, code in found.items() if code and name}


def read_postal_code(value: Any) -> Any:
    """Capital letters and single spaces. A number has lost its leading zeros for good, so it says nothing."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        return UNREADABLE
    return " ".join(value.upper().split())
