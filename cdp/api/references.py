"""How an address or a body names a profile: by id, or by any of its identifiers as `kind:value`."""

from cdp.api import parsing
from cdp.api.problems import Problem, invalid_field
from identity import selectors, services


def profile_id(reference: str) -> int | None:
    """The present profile of an id (retired ones lead to their survivor) or of `kind:value`, if any."""
    number = parsing.row_id(reference)
    if number is not None:
        return selectors.current_ids([number]).get(number)
    kind, value = kind_and_value(reference)
    return profile_of_identifier(kind, value) if kind else None


def kind_and_value(reference: str) -> tuple[str, str]:
    """`kind:value` apart; the kind is empty when there is none."""
    kind, colon, value = reference.partition(":")
    if kind in {"record", "external"} and colon:  # kinds that have a colon of their own
        second, _, value = value.partition(":")
        kind = f"{kind}:{second}"
    return (kind, value) if colon else ("", reference)


def profile_of_identifier(kind: str, value: str) -> int | None:
    """The profile that has the identifier, whose value is standardised as on its way in."""
    canonical = services.standardise(kind, value)
    return selectors.find_profile(kind, canonical) if canonical else None


def expect_profile(reference: str) -> int:
    """The profile that an address names, or a 404."""
    found = profile_id(reference)
    if found is None:
        raise Problem("not-found", "No profile has this id or identifier.")
    return found


def profile_in_body(reference: str, pointer: str) -> int:
    """The profile that a field of the body names, or a 422 that points at it."""
    found = profile_id(reference)
    if found is None:
        raise invalid_field(pointer, "No profile has this id or identifier.", "not-found")
    return found


def identifier_id(reference: str) -> int | None:
    """An identifier by id or by `kind:value`. A profile's id is the id of its founding identifier, so both work."""
    number = parsing.row_id(reference)
    if number is not None:
        return number if selectors.current_ids([number]) else None
    owner = profile_id(reference)
    view = selectors.profile_view(owner) if owner is not None else None
    return next((one.id for one in view.identifiers if _names(reference, one.kind, one.value)), None) if view else None


def identifiers_of(profile: int, references: list[str]) -> list[int]:
    """The profile's identifiers that the body's list names, or a 422 that points at the one that is not its own."""
    view = selectors.profile_view(profile)
    own = view.identifiers if view else ()
    found = []
    for index, reference in enumerate(references):
        number = parsing.row_id(reference)
        mine = (one.id for one in own if one.id == number or _names(reference, one.kind, one.value))
        identifier = next(mine, None)
        if identifier is None:
            raise invalid_field(f"/identifiers/{index}", "The profile has no such identifier.", "not-found")
        found.append(identifier)
    return found


def _names(reference: str, kind: str, value: str) -> bool:
    raw = reference.removeprefix(f"{kind}:")
    return raw != reference and services.standardise(kind, raw) == value
