"""The real part of the demo: a year of a grocer's receipts, mailings and coupons (see data/SOURCE.md). Pure reading.

Times are those of the data (2017); the player moves the year so that it ends today.
"""

import csv
import gzip
import hashlib
import io
import lzma
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "data"
FIRST_DAY = date(2017, 1, 1)
LAST_MOMENT = datetime(2018, 1, 1, 4, 0, tzinfo=UTC)
"""Just after the last receipt (03:47 on 1 January, UTC; the evening of 31 December where it was printed)."""

_WITHOUT_DEMOGRAPHICS = 449

_Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One product on a receipt, in Segment's words for products."""

    product_id: str
    name: str
    category: str
    department: str
    brand: str
    quantity: int
    price: float


@dataclass(frozen=True, slots=True)
class Basket:
    """One receipt: what a household bought at one moment."""

    id: str
    at: datetime
    store_id: str
    lines: tuple[Line, ...]
    revenue: float
    discount: float

    @property
    def department(self) -> str:
        """The department that took most of the money."""
        return max(self.lines, key=lambda line: (line.price * line.quantity, line.department)).department


@dataclass(frozen=True, slots=True)
class Mailing:
    """A campaign that was sent to a household."""

    campaign_id: str
    campaign_type: str
    starts: date
    ends: date


@dataclass(frozen=True, slots=True)
class Redemption:
    """A coupon of a campaign that was handed in."""

    campaign_id: str
    coupon: str
    on: date


@dataclass(frozen=True, slots=True)
class Household:
    """Who lives together, as far as the data tells: a number, bands of age and income, adults and children."""

    id: int
    age: str
    income: str
    adults: int
    kids: int
    baskets: Sequence[Basket] = field(default=(), repr=False)
    mailings: Sequence[Mailing] = field(default=(), repr=False)
    redemptions: Sequence[Redemption] = field(default=(), repr=False)


def households(*, others: int = _WITHOUT_DEMOGRAPHICS) -> list[Household]:
    """The households with demographics, and `others` of those without, by id: the same ones every time."""
    told = {int(row["household_id"]): row for row in _rows("completejourney_demographics.csv.gz")}
    receipts = _receipts()
    silent = sorted((number for number in receipts if number not in told), key=_scattered)
    chosen = sorted({number for number in told if number in receipts} | set(silent[:others]))
    products, mailings, redemptions = _products(), _mailings(), _redemptions()
    return [
        _household(
            number,
            told.get(number),
            [_basket(rows, products) for rows in receipts[number]],
            mailings.get(number, ()),
            redemptions.get(number, ()),
        )
        for number in chosen
    ]


def _household(
    number: int,
    told: _Row | None,
    baskets: list[Basket],
    mailings: Sequence[Mailing],
    redemptions: Sequence[Redemption],
) -> Household:
    baskets.sort(key=lambda basket: (basket.at, basket.id))
    about = told or {}
    composition = about.get("household_comp", "")
    return Household(
        id=number,
        age=about.get("age", ""),
        income=about.get("income", ""),
        adults=0 if not composition else 1 if composition.startswith("1") else 2,
        kids=int(about.get("kids_count", "0").rstrip("+")),
        baskets=tuple(baskets),
        mailings=tuple(mailings),
        redemptions=tuple(redemptions),
    )


def _rows(name: str) -> Iterator[_Row]:
    packed = (FOLDER / name).read_bytes()
    plain = lzma.decompress(packed) if name.endswith(".xz") else gzip.decompress(packed)
    yield from csv.DictReader(io.StringIO(plain.decode("utf-8"), newline=""))


def _products() -> dict[str, _Row]:
    return {row["product_id"]: row for row in _rows("completejourney_products.csv.gz")}


def _receipts() -> dict[int, list[list[_Row]]]:
    """The lines of each receipt, by household."""
    receipts: dict[str, list[_Row]] = defaultdict(list)
    for row in _rows("completejourney_transactions_sample.csv.xz"):
        receipts[row["basket_id"]].append(row)
    found: dict[int, list[list[_Row]]] = defaultdict(list)
    for rows in receipts.values():
        found[int(rows[0]["household_id"])].append(rows)
    return found


def _basket(rows: Sequence[_Row], products: Mapping[str, _Row]) -> Basket:
    rows = sorted(rows, key=lambda row: row["product_id"])
    return Basket(
        id=rows[0]["basket_id"],
        at=datetime.fromisoformat(rows[0]["transaction_timestamp"]),
        store_id=rows[0]["store_id"],
        lines=tuple(_line(row, products.get(row["product_id"], {})) for row in rows),
        revenue=round(sum(float(row["sales_value"]) for row in rows), 2),
        discount=round(sum(float(row["retail_disc"]) + float(row["coupon_disc"]) for row in rows), 2),
    )


def _line(row: _Row, product: _Row) -> Line:
    # Fuel and the like are sold in thousands of small units; a shop's event says 1 and the price of the whole.
    quantity = int(float(row["quantity"]))
    quantity = quantity if 1 <= quantity <= 50 else 1
    return Line(
        product_id=row["product_id"],
        name=_words(product.get("product_type", "")) or "Other",
        category=_words(product.get("product_category", "")) or "Other",
        department=_words(product.get("department", "")) or "Other",
        brand=_words(product.get("brand", "")) or "Other",
        quantity=quantity,
        price=round(float(row["sales_value"]) / quantity, 2),
    )


def _words(text: str) -> str:
    return " ".join(text.split()).capitalize()


def _mailings() -> dict[int, list[Mailing]]:
    campaigns = {row["campaign_id"]: row for row in _rows("completejourney_campaign_descriptions.csv.gz")}
    found: dict[int, list[Mailing]] = defaultdict(list)
    for row in _rows("completejourney_campaigns.csv.gz"):
        campaign = campaigns[row["campaign_id"]]
        found[int(row["household_id"])].append(
            Mailing(
                campaign_id=row["campaign_id"],
                campaign_type=campaign["campaign_type"],
                starts=date.fromisoformat(campaign["start_date"]),
                ends=date.fromisoformat(campaign["end_date"]),
            )
        )
    return found


def _redemptions() -> dict[int, list[Redemption]]:
    found: dict[int, list[Redemption]] = defaultdict(list)
    for row in _rows("completejourney_coupon_redemptions.csv.gz"):
        found[int(row["household_id"])].append(
            Redemption(
                campaign_id=row["campaign_id"], coupon=row["coupon_upc"], on=date.fromisoformat(row["redemption_date"])
            )
        )
    return found


def _scattered(number: int) -> str:
    """An order that has nothing to do with the number's size, the same on every machine."""
    return hashlib.sha256(str(number).encode()).hexdigest()
