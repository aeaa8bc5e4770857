"""Names and texts as parts of SQL. Queries here are generated from a valid catalogue, never taken from a person."""

from collections.abc import Iterable


def name(identifier: str) -> str:
    """An identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'


def names(identifiers: Iterable[str]) -> str:
    """Identifiers, quoted, with commas between them."""
    return ", ".join(name(identifier) for identifier in identifiers)


def text(value: str) -> str:
    """A text, quoted. Raises `ValueError` for the one character that SQL cannot hold."""
    if "\0" in value:
        raise ValueError("A text for SQL cannot hold a NUL character.")
    return "'" + value.replace("'", "''") + "'"
