"""What the model believes before it has seen a base. Pure.

One row of probabilities for each fact and class, in the order of `levels.LEVELS`. They are plausible rates, chosen by
reasoning about people (how often is a name mistyped, how often do two strangers share a birth date) and not fitted to
any set. Training starts here and weighs them like 60 pairs. Classes: N two strangers, M one person, H two of one
household, T twins, J two generations of one name, L namesakes of two families in one home. What a class leaves out is
as between strangers: two of a household have given names and birth dates like any two people; surname, home and
telephone are what they share.
"""

from collections.abc import Mapping, Sequence

from identity.linkage.levels import LEVELS, STANDARD, field_of

Rows = Mapping[str, Sequence[float]]

START: dict[str, dict[str, list[float]]] = {
    "given": {
        "M": [0.780, 0.080, 0.070, 0.020, 0.030, 0.010, 0.010],
        "N": [0.004, 0.003, 0.004, 0.030, 0.9545, 0.0005, 0.004],
        "T": [0.0005, 0.020, 0.018, 0.080, 0.879, 0.0005, 0.002],
        "J": [0.900, 0.040, 0.030, 0.005, 0.0145, 0.0005, 0.010],
        "L": [0.900, 0.040, 0.030, 0.005, 0.0145, 0.0005, 0.010],
    },
    "middle": {
        # Many people have none, so whether there is one is a fact of the person too (`presence` follows the base).
        "M": [0.2064, 0.0168, 0.0168, 0.160, 0.600],
        "N": [0.0008, 0.0016, 0.0776, 0.320, 0.600],
        # Middle names are handed down.
        "H": [0.0032, 0.0016, 0.0752, 0.320, 0.600],
    },
    "surname": {
        # A woman may have married, so that her surname differs tells less.
        "M": [0.800, 0.090, 0.030, 0.030, 0.020, 0.030],
        "N": [0.0015, 0.002, 0.012, 0.7340, 0.0005, 0.250],
        "H": [0.790, 0.040, 0.020, 0.108, 0.002, 0.040],
        "T": [0.919, 0.040, 0.010, 0.020, 0.001, 0.010],
        "J": [0.939, 0.040, 0.010, 0.008, 0.001, 0.002],
        "L": [0.002, 0.002, 0.012, 0.7335, 0.0005, 0.250],
    },
    "birth_date": {
        # The last two where one of them tells no more than a year.
        "M": [0.800, 0.085, 0.028, 0.019, 0.019, 0.044, 0.005],
        "N": [0.000044, 0.0014, 0.0058, 0.0475, 0.895256, 0.001, 0.049],
        "T": [0.855, 0.057, 0.019, 0.0095, 0.0095, 0.048, 0.002],
        # A generation lies between them.
        "J": [0.0001, 0.003, 0.004, 0.0029, 0.940, 0.0005, 0.0495],
    },
    "phone": {
        # Many have a landline and a mobile phone, and a new number every few years.
        "M": [0.680, 0.050, 0.020, 0.250],
        "N": [0.00001, 0.001, 0.010, 0.98899],
        "H": [0.300, 0.020, 0.020, 0.660],
    },
    "email": {
        # Most people have more than one address, and a second one is often quite unlike the first.
        "M": [0.550, 0.100, 0.050, 0.070, 0.230],
        "N": [0.00001, 0.003, 0.010, 0.060, 0.92699],
    },
    "number": {
        "M": [0.900, 0.060, 0.020, 0.020],
        "N": [0.00001, 0.0005, 0.005, 0.99449],
        # The number of the head of the house is given for a wife or a child.
        "H": [0.010, 0.0005, 0.005, 0.9845],
    },
    "location": {
        "M": [0.600, 0.105, 0.070, 0.040, 0.060, 0.120, 0.005],
        "N": [0.0002, 0.0003, 0.002, 0.004, 0.040, 0.9530, 0.0005],
        "H": [0.780, 0.078, 0.050, 0.020, 0.030, 0.040, 0.002],
    },
    "place": {
        "M": [0.780, 0.050, 0.060, 0.110],
        "N": [0.0025, 0.004, 0.040, 0.9535],
        "H": [0.910, 0.020, 0.040, 0.030],
    },
    "sex": {
        "M": [0.970, 0.030],
        "N": [0.500, 0.500],
    },
    "other": {
        "M": [0.750, 0.100, 0.150],
        "N": [0.050, 0.010, 0.940],
        # Nobody knows what a further column holds: it may as well be a fact of the home, which the base shows.
        "H": [0.300, 0.050, 0.650],
    },
}

# Pairs of each class for one record of the base.
PAIRS_A_RECORD = {"M": 0.2, "H": 0.5}
# Twins and generations are tied to the households: a class that may grow freely explains the nicknames and slips of
# one person as two people. A fiftieth of the pairs of a household are twins; a quarter are parent and child, of whom
# three in a hundred bear one name. Of pairs of lodgers, students or prisoners some bear one given name by chance, which
# two of one family do not.
TIED = {"T": 0.02, "J": 0.0075, "L": 0.0006}
# Two of one household who bear one given name though no generation lies between them: nobody names two children
# alike, so it does not matter how common the name is.
SAME_NAME = 0.0005
# Two of one household who use one mailbox.
SHARED_MAILBOX = 0.03
# A small base is a sample of a larger population: two namesakes in a list of ten people are two people.
LEAST_BASE = 20_000


def usual_share(column: str) -> float:
    """The share of people who hold one value of a column, in a base of which nothing is known."""
    return _USUAL.get(column, 0.05)


_USUAL = {"given": 0.004, "surname": 0.0015, "birth_date": 0.000046, "phones": 0.00001, "emails": 0.00001,
          "numbers": 0.00001, "postcode": 0.002, "city": 0.04}  # fmt: skip


def rows_of(comparison: str) -> dict[str, list[float]]:
    """The rows of one comparison."""
    return {name: list(row) for name, row in START[field_of(comparison)].items()}


def presence(row: Sequence[float], strangers: Sequence[float], *, one_person: bool) -> list[float]:
    """A row of `middle` whose shares of pairs of which one has a name, or neither, fit those among strangers.

    Of two records of one person half as many are the only one that has it as of two strangers, if what is written down
    is a matter of chance.
    """
    one, neither = strangers[-2], strangers[-1]
    if one_person:
        one, neither = one / 2, neither + one / 4
    both = 1.0 - one - neither
    return [value * both / sum(row[:-2]) for value in row[:-2]] + [one, neither]


def start_rows(comparisons: Sequence[str] = STANDARD) -> dict[str, dict[str, list[float]]]:
    """The rows of all comparisons of a base."""
    rows = {one: rows_of(one) for one in comparisons}
    if any(len(row) != len(LEVELS[field_of(one)]) for one, held in rows.items() for row in held.values()):
        raise AssertionError("a row of start values and the levels of its comparison differ in length")
    return rows
