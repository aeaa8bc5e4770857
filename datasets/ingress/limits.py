"""How much may be brought in, and of which kinds: one table of numbers, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The most that is taken, and why not more."""

    most: int
    unit: str
    reason: str

    @property
    def words(self) -> str:
        return f"{self.most:,} {self.unit}"


LIMITS: dict[str, Limit] = {
    "files": Limit(10, "files in one request", "A steward reads every file before she accepts it."),
    "total": Limit(900_000, "bytes in one request", "A form of the service takes 1 MiB, its fields included."),
    "code": Limit(200_000, "bytes of code or text", "That is some 5,000 lines, more than a person reads at once."),
    "notebook": Limit(400_000, "bytes of a notebook", "Without outputs a notebook is code and words."),
    "table": Limit(900_000, "bytes of a look-up table", "A look-up table translates codes. More is data."),
    "rows": Limit(20_000, "rows of a look-up table", "More rows than codes of a classification are people's data."),
    "columns": Limit(50, "columns of a look-up table", "A code, its names in some languages, its groups."),
    "line": Limit(10_000, "characters in a line", "Nobody reads a longer one; it is packed code or data."),
    "long_line": Limit(500, "characters in a line", "From here on a line is named to the steward."),
    "name": Limit(80, "characters in a file's name", "It is shown whole on every page and in every list."),
    "purpose": Limit(2_000, "characters of purpose", "What it is, where from and what for needs no more."),
    "waiting": Limit(20, "requests of a project that wait", "A queue that nobody can read through protects nobody."),
    "depth": Limit(64, "levels of nesting", "Deeper JSON is made to break what reads it."),
}


def limit(name: str) -> int:
    """The number of one line of the table."""
    return LIMITS[name].most


@dataclass(frozen=True)
class Kind:
    """A kind of file that is taken in: what people call it, and the line of `LIMITS` that bounds its bytes."""

    words: str
    size: str


CODE, TABLE, NOTEBOOK = "code", "table", "notebook"

KINDS: dict[str, Kind] = {
    ".py": Kind("Python code", CODE),
    ".r": Kind("R code", CODE),
    ".sql": Kind("SQL", CODE),
    ".md": Kind("Markdown", CODE),
    ".txt": Kind("text", CODE),
    ".toml": Kind("TOML", CODE),
    ".json": Kind("JSON", CODE),
    ".yaml": Kind("YAML", CODE),
    ".csv": Kind("look-up table", TABLE),
    ".tsv": Kind("look-up table", TABLE),
    ".ipynb": Kind("notebook", NOTEBOOK),
}
"""By the end of the name. The name only says what the file has to be; the bytes are judged by themselves."""

_CODE_ENDINGS = ", ".join(end for end, kind in KINDS.items() if kind.size == CODE)
TAKEN = f"code and text ({_CODE_ENDINGS}), look-up tables (.csv, .tsv) and notebooks without outputs (.ipynb)"
