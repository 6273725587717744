"""Reference rates of the European Central Bank: its history as CSV (also zipped, as it is offered) or XML."""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import ParseError  # noqa: S405 - the error alone; what reads is defusedxml

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from django.db import transaction

from common import audit, pg
from quality.cleaning.contracts import BadRule
from quality.cleaning.models import RateImport

LARGEST = 30_000_000
_KEEP = """
insert into quality_rate as r (currency, day, per_euro)
select currency, day::date, rate::numeric from unnest(%(currencies)s, %(days)s, %(rates)s) as n (currency, day, rate)
on conflict (day, currency) do update set per_euro = excluded.per_euro
"""
Row = tuple[str, date, Decimal]


def read_rates(content: bytes) -> list[Row]:
    """(currency, day, units for one euro) of a file; days on which a currency had no rate are left out. Raises
    BadRule.

    The CSV has a column for each currency and a line for each day; the XML a `Cube` with `time` for each day that
    holds a `Cube` with `currency` and `rate` for each currency
    (https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/).
    """
    content = _unzipped(content)
    if len(content) > LARGEST:
        raise BadRule(f"A file of rates has at most {LARGEST // 10**6} MB.", "file")
    found = list(_xml(content) if content.lstrip()[:1] == b"<" else _csv(content))
    if not found:
        raise BadRule("There is no rate in this file.", "file")
    return found


def _unzipped(content: bytes) -> bytes:
    if content[:2] != b"PK":
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            inside = packed.infolist()[0]
            if inside.file_size > LARGEST:
                raise BadRule(f"A file of rates has at most {LARGEST // 10**6} MB.", "file")
            return packed.read(inside)
    except (zipfile.BadZipFile, IndexError, NotImplementedError, RuntimeError) as error:
        raise BadRule("This zip file cannot be read. Unpack it, and give the CSV or XML file in it.", "file") from error


def _csv(content: bytes) -> Iterator[Row]:
    try:
        lines = csv.reader(io.StringIO(content.decode("utf-8-sig")))
        head = [one.strip() for one in next(lines, [])]
        if not head or head[0].lower() != "date":
            raise BadRule("The first column is Date, the others are currencies: the central bank's eurofxref-hist.csv.",
                          "file")  # fmt: skip
        for line in lines:
            for currency, told in zip(head[1:], line[1:], strict=False):
                if currency and told.strip() not in ("", "N/A"):
                    yield _row(currency, line[0].strip(), told.strip())
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRule("This is no CSV file in UTF-8.", "file") from error


def _xml(content: bytes) -> Iterator[Row]:
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BadRule("This XML cannot be read.", "file") from error
    for day in root.findall(".//{*}Cube"):
        if "time" in day.attrib:
            for one in day:
                yield _row(one.get("currency", ""), day.attrib["time"], one.get("rate", ""))


def _row(currency: str, day: str, told: str) -> Row:
    try:
        found = (currency, date.fromisoformat(day), Decimal(told))
    except (ValueError, InvalidOperation) as error:
        raise BadRule(f"{currency} on {day}: {told!r} is no rate.", "file") from error
    if len(currency) != 3 or not currency.isalpha() or not currency.isupper():
        raise BadRule(f"{currency[:20]!r} is no currency.", "file")
    if not found[2].is_finite() or not Decimal("1e-6") < found[2] < Decimal("1e11"):
        raise BadRule(f"{currency} on {day}: {told!r} is no rate.", "file")
    return found


@transaction.atomic
def keep_rates(*, content: bytes, name: str, by: str, now: datetime, via: str = "ui") -> int:
    """Take in a file of rates; the same day and currency again is replaced. Answers how many. Raises BadRule."""
    rows = {(currency, day): rate for currency, day, rate in read_rates(content)}
    days = [day for _, day in rows]
    with pg.cursor() as cursor:
        cursor.execute(_KEEP, {
            "currencies": pg.texts(currency for currency, _ in rows), "days": pg.texts(day.isoformat() for day in days),
            "rates": pg.texts(str(rate) for rate in rows.values()),
        })  # fmt: skip
    made = RateImport.objects.create(
        name=name[:200], rates=len(rows), first=min(days), last=max(days), by=by, at=now
    )  # fmt: skip
    audit.record(
        actor=by, via=via, action="rates.kept", object_type="rates", object_id=made.pk, at=now,
        summary=f"Took in {len(rows)} rates of {min(days)} to {max(days)}", after={"file": name[:200]},
    )  # fmt: skip
    return len(rows)
