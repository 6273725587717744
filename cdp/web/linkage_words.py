"""What record linkage calls things, in the words of the people who use the pages. Pure."""

_LABELS = {
    "prior": "before anything is compared", "given": "given name", "surname": "surname", "birth_date": "date of birth",
    "phone": "telephone", "email": "e-mail address", "number": "customer or card number", "location": "home address",
    "sex": "sex", "email_0": "e-mail address, names unlike", "email_1": "e-mail address, one name alike",
    "email_2": "e-mail address, both names alike",
}  # fmt: skip

_LEVELS = {
    "exact": "the same", "near": "the same but for a slip", "different": "different", "similar": "similar",
    "close": "nearly the same", "same": "the same", "related": "a short form or related name",
    "swapped": "swapped with the surname", "the only name": "the only name of one of them",
    "partial": "two parts the same, or within a month", "weak": "the same year, or within a year",
    "two slips": "the same but for two slips",
    "same mailbox name": "the same name at another provider", "address": "the same",
    "address nearly": "nearly the same", "postcode": "the same postcode", "postcode nearly": "nearly the same postcode",
    "city": "the same town",
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
