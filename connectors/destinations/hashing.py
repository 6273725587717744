"""How advertising platforms want people told: standardised, then SHA-256 in lower-case hex. Pure.

Each vendor has its own rules for the same field; a function is named by what it does, and a destination says which it
uses. Nothing that cannot be standardised is hashed: it would match nobody, so the function answers "".
"""

import hashlib
import re
import unicodedata

import phonenumbers


def sha256(text: str) -> str:
    """Lower-case hex; nothing stays nothing."""
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


_GMAIL = ("gmail.com", "googlemail.com")


def email(text: str) -> str:
    """Trimmed and lower case; "" when it is no address."""
    found = text.strip().lower()
    return found if found.count("@") == 1 and not found.startswith("@") and not found.endswith("@") else ""


def email_without_dots(text: str) -> str:
    """As `email`; at Gmail, whose users get mail with and without dots, all dots before the @ are taken out."""
    found = email(text)
    local, _, domain = found.partition("@")
    return f"{local.replace('.', '')}@{domain}" if domain in _GMAIL else found


def phone(text: str, *, region: str | None = None) -> str:
    """E.164 with its plus; "" when it is no telephone number, so that a trunk zero is never hashed."""
    try:
        parsed = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def phone_digits(text: str, *, region: str | None = None) -> str:
    """As `phone`, without the plus."""
    return phone(text, region=region).removeprefix("+")


def words(text: str) -> str:
    """A name: trimmed, lower case, without punctuation of any script."""
    kept = (c for c in text.strip().lower() if not unicodedata.category(c).startswith("P"))
    return " ".join("".join(kept).split())


def lower(text: str) -> str:
    """Trimmed and lower case, nothing else."""
    return text.strip().lower()


def letters(text: str) -> str:
    """A city: lower case, letters and digits of any script only."""
    return "".join(c for c in text.lower() if c.isalnum())


def postcode(text: str, *, country: str = "") -> str:
    """Lower case without spaces; in the United States the first five."""
    found = re.sub(r"\s", "", text).lower()
    return found.partition("-")[0][:5] if country.lower() in ("us", "usa") else found


def gender(text: str) -> str:
    """`f`, `m`, or nothing."""
    found = text.strip().lower()[:1]
    return found if found in ("f", "m") else ""


def country(text: str) -> str:
    """A two-letter code in lower case, or nothing."""
    found = text.strip().lower()
    return found if re.fullmatch(r"[a-z]{2}", found) else ""


_STATE_NAMES = """
alabama:al alaska:ak arizona:az arkansas:ar california:ca colorado:co connecticut:ct delaware:de florida:fl
georgia:ga hawaii:hi idaho:id illinois:il indiana:in iowa:ia kansas:ks kentucky:ky louisiana:la maine:me
maryland:md massachusetts:ma michigan:mi minnesota:mn mississippi:ms missouri:mo montana:mt nebraska:ne
nevada:nv newhampshire:nh newjersey:nj newmexico:nm newyork:ny northcarolina:nc northdakota:nd ohio:oh
oklahoma:ok oregon:or pennsylvania:pa rhodeisland:ri southcarolina:sc southdakota:sd tennessee:tn texas:tx
utah:ut vermont:vt virginia:va washington:wa westvirginia:wv wisconsin:wi wyoming:wy districtofcolumbia:dc
puertorico:pr
"""
_STATES = dict(pair.split(":") for pair in _STATE_NAMES.split())


def state(text: str) -> str:
    """A state of the United States as its two letters; elsewhere its letters in lower case."""
    found = letters(text)
    return _STATES.get(found, found)
