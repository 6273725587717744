"""What the engines call differently, and how values are written so that both read the same."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What the engines call differently."""

    overlap: str
    item: str  # the nth item of a list, from 1; NULL where there is none
    words: str
    hashing: str
    bytes: str
    begins: str
    explode: str
    listing: str
    divide: str
    without: str
    # Whether the SQL of `screening` is understood; elsewhere every candidate is compared.
    screens: bool
    # The columns of several values that hold anything in this base: what is empty is not compared.
    filled: frozenset[str] = frozenset({"kin", "formals", "others", "emails", "phones", "numbers"})

    def overlaps(self, left: str, right: str) -> str:
        """Whether two lists share a value."""
        return f"{self.overlap}({left}, {right})"

    def array(self, value: str) -> str:
        """A list of one value."""
        return self.listing.format(value)

    def unnest(self, column: str) -> str:
        """A row for each value of a list."""
        return f"{self.explode}({column})"

    def hash(self, *values: str) -> str:
        """A 64-bit hash."""
        return f"{self.hashing}({', '.join(values)})"

    def digit(self, number: str, place: int, radix: int) -> str:
        """A digit of a number, counted from the right."""
        return f"(({number} {self.divide} cast({radix**place} as bigint)) % {radix})"

    def modulo(self, value: str, every: int) -> str:
        """A number below `every` that is spread evenly, and the same in every engine."""
        return f"({shuffled(value)} % {every})"

    def nth(self, column: str, n: int) -> str:
        """An item of a list column."""
        return self.item.format(column=column, n=n)


DUCKDB = Dialect(
    overlap="list_has_any",
    item="{column}[{n}]",
    words="string_split",
    hashing="hash",
    bytes="strlen",
    begins="starts_with",
    explode="unnest",
    listing="[{}]",
    divide="//",
    without="exclude",
    screens=True,
)
SPARK = Dialect(
    overlap="arrays_overlap",
    item="get({column}, {n} - 1)",
    words="split",
    hashing="xxhash64",
    bytes="octet_length",
    begins="startswith",
    explode="explode",
    listing="array({})",
    divide="div",
    without="except",
    screens=False,
)


def number(value: float) -> str:
    """A literal that every engine reads as a double: without an exponent it would be a decimal to some."""
    return f"{value:.17e}"


def shuffled(value: str) -> str:
    """An integer without order, the same in every engine."""
    return f"(({value}) % 1000003 * 7919 % 1000003)"
