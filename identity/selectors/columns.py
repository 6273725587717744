"""What columns of a table say of people."""

from collections.abc import Mapping, Sequence


def column_roles(columns: Mapping[str, Sequence[str]]) -> dict[str, str | None]:
    """The role of each column (email, phone, given, surname, city …) by its name or its values; see linkage's roles."""
    from identity.linkage.roles import recognise  # loads lists of names: only where a file is looked at

    return {name: guess.role for name, guess in recognise(columns).items()}
