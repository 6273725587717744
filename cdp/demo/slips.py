"""How people and clerks write things down wrongly. Pure; every draw comes from the given generator."""

from datetime import date
from random import Random

_NEIGHBOURS = {
    "a": "sqz", "b": "vgn", "c": "xdv", "d": "sfe", "e": "wrd", "f": "dgr", "g": "fht", "h": "gjy", "i": "uok",
    "j": "hku", "k": "jli", "l": "kop", "m": "nj", "n": "bmh", "o": "ipl", "p": "ol", "q": "wa", "r": "etf", "s": "adw",
    "t": "ryg", "u": "yij", "v": "cbf", "w": "qes", "x": "zcs", "y": "tuh", "z": "xa",
    "0": "9", "1": "2", "2": "13", "3": "24", "4": "35", "5": "46", "6": "57", "7": "68", "8": "79", "9": "80",
}  # fmt: skip
_SOUNDS = [("ph", "f"), ("ck", "k"), ("ey", "y"), ("ie", "y"), ("ll", "l"), ("nn", "n"), ("th", "t"), ("ee", "ea")]
_LONG_FORMS = {"St": "Street", "Ave": "Avenue", "Rd": "Road", "Dr": "Drive", "Ln": "Lane", "Ct": "Court", "Pl": "Place"}


def typo(rng: Random, text: str) -> str:
    """The text with one slip: a neighbouring key, a swap, a letter lost or doubled, or written as it sounds."""
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    if len(places) < 3:
        return text
    place = rng.choice(places[1:])
    letter = text[place]
    match rng.randrange(5):
        case 0:
            return text[:place] + rng.choice(_NEIGHBOURS.get(letter.lower(), letter)) + text[place + 1 :]
        case 1 if text[place - 1].isalnum():
            return text[: place - 1] + letter + text[place - 1] + text[place + 1 :]
        case 2:
            return text[:place] + text[place + 1 :]
        case 3:
            return text[:place] + letter + text[place:]
        case _:
            return _as_it_sounds(rng, text)


def digit_slip(rng: Random, text: str) -> str:
    """The text with one of its last six digits wrong."""
    places = [place for place, letter in enumerate(text) if letter.isdigit()][-6:]
    if not places:
        return text
    place = rng.choice(places)
    return text[:place] + rng.choice([d for d in "0123456789" if d != text[place]]) + text[place + 1 :]


def phone_as_written(rng: Random, number: str) -> str:
    """A number of the form +1NPAxxxxxxx, in one of the ways people write it."""
    area, exchange, line = number[2:5], number[5:8], number[8:]
    return rng.choice(
        [number, f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}",
         f"1 {area} {exchange} {line}", f"{area}{exchange}{line}"]
    )  # fmt: skip


def street_as_written(rng: Random, street: str) -> str:
    """The street with its kind written out, in capitals or with a slip, or as it is."""
    drawn = rng.random()
    if drawn < 0.25:
        return " ".join(_LONG_FORMS.get(word, word) for word in street.split(" "))
    if drawn < 0.33:
        return street.upper()
    return typo(rng, street) if drawn < 0.39 else street


def day_as_written(rng: Random, day: date, *, wrong: float) -> str:
    """A date in ISO form; with day and month swapped, or one digit wrong, at the given rate."""
    if rng.random() >= wrong:
        return day.isoformat()
    if day.day <= 12 and rng.random() < 0.5:
        return date(day.year, day.day, day.month).isoformat()
    return date(day.year + rng.choice([-10, -1, 1, 10]), day.month, min(day.day, 28)).isoformat()


def _as_it_sounds(rng: Random, text: str) -> str:
    fitting = [(written, heard) for written, heard in _SOUNDS if written in text]
    if not fitting:
        return text + text[-1]
    written, heard = rng.choice(fitting)
    return text.replace(written, heard, 1)
