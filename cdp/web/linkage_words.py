"""What record linkage calls things, in the words of the people who use the pages. Pure."""

_LABELS = {
    "prior": "before anything is compared", "given": "given name", "middle": "middle name", "surname": "surname",
    "birth_date": "date of birth",
    "phone": "telephone", "email": "e-mail address", "number": "customer or card number", "location": "home address",
    "place": "town, where a street is missing", "sex": "sex",
    "email_0": "e-mail address, names unlike", "email_1": "e-mail address, one name alike",
    "email_2": "e-mail address, both names alike",
}  # fmt: skip

_LEVELS = {
    "exact": "the same", "near": "one slip", "two slips": "two slips", "same": "the same", "different": "different",
    "close": "nearly the same", "similar": "similar", "related": "short form or related",
    "swapped": "swapped with surname",
    "the only name": "the only name of one", "different, a woman": "different, a woman",
    "a middle name": "a middle name of the other", "address elsewhere": "the same in another town",
    "partial": "within a month", "weak": "within a year", "the same year": "same year, the day unknown",
    "another year": "another year, the day unknown", "one has none": "only one has one",
    "same mailbox name": "same, other provider", "address": "the same", "address nearly": "nearly the same",
    "postcode": "same postcode", "postcode nearly": "similar postcode", "city": "same town",
}  # fmt: skip


def label(name: str) -> str:
    """A comparison or a part of a weight as words."""
    return _LABELS.get(name, name.partition(":")[2] or name).replace("_", " ")


def level(words: str) -> str:
    """A level as words; what is in words already stays."""
    return _LEVELS.get(words, words).replace("_", " ")


_STAGES = {
    "read": "Read everybody", "block": "Find pairs that may match", "compare": "Compare them",
    "train": "Learn from them", "score": "Weigh each pair", "write": "Write the difference",
}  # fmt: skip


def stage(name: str) -> str:
    """A stage of a run as words."""
    return _STAGES.get(name, name.replace("_", " "))
