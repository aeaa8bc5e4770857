"""CSV read a second time, letter by letter, by nobody's library: what a page shows is compared with it (RFC 4180)."""


def cells_of(text: str, delimiter: str) -> list[list[str]]:
    """The rows of a text whose quotation marks are in their places. Lines end in CR LF, LF or CR."""
    rows: list[list[str]] = []
    row: list[str] = []
    cell, quoted, place = "", False, 0
    while place < len(text):
        letter = text[place]
        if quoted and text.startswith('""', place):
            cell, place = cell + '"', place + 1
        elif letter == '"' and (quoted or not cell):
            quoted = not quoted
        elif quoted or letter not in {delimiter, "\r", "\n"}:
            cell += letter
        elif letter == delimiter:
            row, cell = [*row, cell], ""
        else:
            rows, row, cell = [*rows, [*row, cell]], [], ""
            place += text.startswith("\r\n", place)
        place += 1
    return rows if text.endswith(("\r", "\n")) else [*rows, [*row, cell]]
