"""How much of a file is taken, and from where on a number is named to a checker: one table, each with its reason."""

from datasets.ingress.limits import Limit

MEGA = 1_000_000

LIMITS: dict[str, Limit] = {
    "file": Limit(10 * MEGA, "bytes of any file", "No kind takes more."),
    "text": Limit(1 * MEGA, "bytes of text, code or markup", "Some 20,000 lines: more than a person reads."),
    "table": Limit(2 * MEGA, "bytes of a table", "An output is a table that people read; more is data."),
    "json": Limit(2 * MEGA, "bytes of JSON", "What nobody can read through, nobody can judge."),
    "notebook": Limit(5 * MEGA, "bytes of a notebook", "Its outputs are taken out; what is left is code and words."),
    "spreadsheet": Limit(2 * MEGA, "bytes of a workbook", "As of a table; the rest would be formatting."),
    "picture": Limit(10 * MEGA, "bytes of a picture", "A figure in print quality fits."),
    "drawing": Limit(
        5 * MEGA, "bytes of a drawing", "A figure of vectors fits; a cloud of a point for each person is data."
    ),
    "pixels": Limit(20 * MEGA, "pixels of a picture", "A page at 500 dots per inch; more is made to fill memory."),
    "side": Limit(20_000, "pixels on one side", "Wider pictures are made to fill memory."),
    "unpacked": Limit(40 * MEGA, "bytes of an unpacked workbook", "More is made to fill memory."),
    "ratio": Limit(200, "times the size when unpacked", "Honest workbooks shrink to a tenth; bombs to a thousandth."),
    "parts": Limit(500, "parts of a workbook", "A workbook has some parts for each sheet."),
    "sheets": Limit(50, "sheets of a workbook", "Each is read by a person."),
    "cells": Limit(200_000, "cells of a workbook", "An output is a table that people read; more is data."),
    "columns": Limit(1_000, "columns of a table", "More columns than that is no table that people read."),
    "depth": Limit(64, "levels of nesting", "Deeper JSON and XML is made to break what reads it."),
    "name": Limit(100, "characters in a file's name", "It is shown whole on every page and in every list."),
    "name_bytes": Limit(200, "bytes in a file's name", "File systems take 255."),
    "rows": Limit(500, "rows of a table before it looks like data about people", "Published tables are shorter."),
    "distinct": Limit(30, "rows before a column of different values looks like an identifier", "Fewer are categories."),
    "small": Limit(10, "the number below which a count may be too small", "The threshold of the ONS SRS profile."),
    "long_line": Limit(500, "characters in a line before it is named", "Nobody reads a longer one."),
}


def limit(name: str) -> int:
    """The number of one line of the table."""
    return LIMITS[name].most
