"""The offline world: the file of the loyalty scheme, with all its slips, and the receipts of the tills. Pure.

The file is what such files are: cards and paper forms typed in by hand at different times, nobody's address corrected
since, some people in it twice. Its truth (who each row is) is kept beside it, never in it.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from pathlib import Path
from random import Random

from cdp.demo import slips
from cdp.demo.messages import RECORD_KIND, Message, at_noon, external_id, identify, order, track
from cdp.demo.people import Person
from cdp.demo.shopping import FIRST_DAY, Basket

_TRAITS = ("first_name", "last_name", "email", "phone", "street", "city", "postcode", "birth_date")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the loyalty file, as written."""

    row: str
    loyalty_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    street: str
    city: str
    postcode: str
    birth_date: str
    updated_on: str


def rows(people: Sequence[Person], *, seed: int) -> list[tuple[Row, str]]:
    """The loyalty file and, beside each row, who it truly is.

    A row for every card, and a paper form without a card number for one person in eight; in an order of its own, so
    that neighbours in the file are strangers.
    """
    rng = Random(f"{seed}/loyalty")
    written = [(person, card) for person in people for card in person.loyalty_ids]
    written += [(person, "") for person in people if rng.random() < 0.12]
    rng.shuffle(written)
    return [(_row(rng, number, person, card), person.key) for number, (person, card) in enumerate(written, start=1)]


def write_file(path: Path, lines: Iterable[Row]) -> None:
    """Write the file the way an export would: UTF-8 CSV with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=[column.name for column in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)


def read_file(path: Path) -> list[Row]:
    """Read such a file back."""
    with path.open(encoding="utf-8", newline="") as text:
        return [Row(**row) for row in csv.DictReader(text)]


def row_message(row: Row, person: str) -> Message:
    """A row as an identify call: by its card number, or by the number of the row when it has none."""
    key = external_id("loyalty_id", row.loyalty_id) if row.loyalty_id else external_id(RECORD_KIND, row.row)
    traits = {name: getattr(row, name) for name in _TRAITS}
    at = at_noon(date.fromisoformat(row.updated_on))
    return Message("offline", at, person, identify(traits, context={"externalIds": [key]}))


def till_messages(person: Person, baskets: Iterable[Basket], rng: Random) -> Iterator[Message]:
    """Receipts on which the card was scanned; of somebody without a card the shop never learns who bought."""
    if not person.loyalty_ids:
        return
    for basket in baskets:
        card = external_id("loyalty_id", rng.choices(person.loyalty_ids, weights=[1, 4][: len(person.loyalty_ids)])[0])
        bought = order(basket, channel="store", store_id=basket.store_id)
        yield Message(
            "offline", basket.at, person.key, track("Order Completed", bought, context={"externalIds": [card]})
        )


def _row(rng: Random, number: int, person: Person, card: str) -> Row:
    on_paper = not card
    updated = FIRST_DAY + timedelta(days=rng.randrange(365))
    slip = 0.09 if on_paper else 0.045
    first, last = _names(rng, person, updated, slip)
    home = person.residence(updated)
    return Row(
        row=f"{number:05d}",
        loyalty_id=card,
        first_name=first,
        last_name=last,
        email=_email(rng, person, slip),
        phone=_phone(rng, person, slip / 3, missing=0.4 if on_paper else 0.15),
        street=slips.street_as_written(rng, home.street),
        city=home.city if rng.random() > slip / 2 else slips.typo(rng, home.city),
        postcode=home.postcode if rng.random() > slip / 2 else slips.digit_slip(rng, home.postcode),
        birth_date="" if rng.random() < 0.2 else slips.day_as_written(rng, person.birth_date, wrong=slip / 2),
        updated_on=updated.isoformat(),
    )


def _names(rng: Random, person: Person, day: date, slip: float) -> tuple[str, str]:
    first = person.called if rng.random() < 0.18 else person.first_name
    last = person.last_name(day)
    first = slips.typo(rng, first) if rng.random() < slip else first
    last = slips.typo(rng, last) if rng.random() < slip else last
    if rng.random() < 0.02:
        first = first[0]
    if rng.random() < 0.01:
        first, last = last, first
    return (first.upper(), last.upper()) if rng.random() < 0.06 else (first, last)


def _email(rng: Random, person: Person, slip: float) -> str:
    if not person.emails or rng.random() < 0.35:
        return ""
    address = rng.choice(person.emails)
    return slips.typo(rng, address.split("@")[0]) + "@" + address.split("@")[1] if rng.random() < slip else address


def _phone(rng: Random, person: Person, slip: float, *, missing: float) -> str:
    if rng.random() < missing:
        return ""
    number = person.landline if person.landline and rng.random() < 0.4 else person.mobile
    if not number:
        return ""
    return slips.phone_as_written(rng, slips.digit_slip(rng, number) if rng.random() < slip else number)
