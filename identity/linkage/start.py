"""The values the model starts with, before it has been trained on a base. Pure.

One row of probabilities for each fact and class, in the order of `comparing.LEVELS`. They are plausible rates, chosen
by reasoning about people (how often is a name mistyped, how often do two strangers share a birth date) and not fitted
to any set. Classes: N two strangers, M one person, H two of one household, T twins, J two generations of one name.
What a class leaves out is as between strangers: two of a household have given names, birth dates, addresses and
numbers like any two people; surname, home and telephone are what they share.
"""

START: dict[str, dict[str, list[float]]] = {
    "given": {
        "M": [0.830, 0.070, 0.050, 0.015, 0.025, 0.010],
        "N": [0.004, 0.003, 0.004, 0.020, 0.9685, 0.0005],
        "T": [0.0005, 0.020, 0.020, 0.080, 0.879, 0.0005],
        "J": [0.900, 0.040, 0.040, 0.005, 0.0145, 0.0005],
    },
    "surname": {
        "M": [0.850, 0.060, 0.030, 0.060],
        "N": [0.0015, 0.002, 0.012, 0.9845],
        "H": [0.800, 0.030, 0.020, 0.150],
        "T": [0.920, 0.040, 0.010, 0.030],
        "J": [0.940, 0.040, 0.010, 0.010],
    },
    "birth_date": {
        "M": [0.860, 0.080, 0.030, 0.010, 0.020],
        "N": [0.000046, 0.0015, 0.006, 0.050, 0.942454],
        "T": [0.900, 0.060, 0.020, 0.010, 0.010],
        # A generation lies between them.
        "J": [0.0001, 0.003, 0.004, 0.0029, 0.990],
    },
    "phone": {
        # Many have a landline and a mobile phone, and a new number every few years.
        "M": [0.680, 0.050, 0.020, 0.250],
        "N": [0.00001, 0.001, 0.010, 0.98899],
        "H": [0.450, 0.030, 0.020, 0.500],
        "T": [0.450, 0.030, 0.020, 0.500],
        "J": [0.450, 0.030, 0.020, 0.500],
    },
    "email_0": {
        # Most people have more than one address, and a second one is often quite unlike the first.
        "M": [0.550, 0.100, 0.050, 0.060, 0.240],
        "N": [0.00001, 0.0005, 0.002, 0.010, 0.98749],
        "H": [0.030, 0.001, 0.003, 0.010, 0.956],
    },
    "email_1": {
        "M": [0.550, 0.100, 0.050, 0.070, 0.230],
        "N": [0.00001, 0.003, 0.010, 0.060, 0.92699],
        "H": [0.030, 0.004, 0.012, 0.060, 0.894],
        "T": [0.010, 0.004, 0.012, 0.060, 0.914],
    },
    "email_2": {
        "M": [0.550, 0.110, 0.050, 0.080, 0.210],
        "N": [0.00002, 0.030, 0.060, 0.200, 0.70998],
        "H": [0.030, 0.030, 0.060, 0.200, 0.680],
        "T": [0.010, 0.030, 0.060, 0.200, 0.700],
        "J": [0.020, 0.030, 0.060, 0.200, 0.690],
    },
    "number": {
        "M": [0.900, 0.060, 0.020, 0.020],
        "N": [0.00001, 0.0005, 0.005, 0.99449],
    },
    "location": {
        "M": [0.640, 0.100, 0.050, 0.030, 0.060, 0.120],
        "N": [0.0002, 0.0003, 0.002, 0.004, 0.040, 0.9535],
        "H": [0.800, 0.070, 0.040, 0.020, 0.030, 0.040],
        "T": [0.750, 0.070, 0.050, 0.020, 0.050, 0.060],
        "J": [0.780, 0.070, 0.040, 0.020, 0.040, 0.050],
    },
    "sex": {
        "M": [0.970, 0.030],
        "N": [0.500, 0.500],
        "H": [0.350, 0.650],
        "T": [0.600, 0.400],
        "J": [0.900, 0.100],
    },
}

# Pairs of each class for one record of the base. Of the pairs in a household a quarter are parent and child, and of
# those three in a hundred bear one name; twins are tied to households in the same way: a
# class that may grow freely explains nicknames and slips of one person as two people.
PAIRS_A_RECORD = {"M": 0.2, "H": 0.5, "T": 0.5 * 0.02, "J": 0.5 * 0.0075}

SPEC = {
    "kind": "fellegi-sunter",
    "probabilities": START,
    "pairs_a_record": PAIRS_A_RECORD,
    # A small base is a sample of a larger population: two namesakes in a list of ten people are two people.
    "least_base": 20_000,
    # Frequencies of values are mixed with this many imaginary records at the start values, and a rare value may not
    # count more than four times as much as a usual one: there the evidence is that it is rare *here*.
    "frequency_records": 1_000,
    "rarest": 0.25,
    "link_above": 0.95,
    "review_above": 0.50,
}
