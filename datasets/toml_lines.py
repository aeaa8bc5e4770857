"""Where a key stands in a TOML text, so that an error can name its line.

`tomllib` gives values without positions. The scanner here walks the same grammar and remembers the lines;
it relies on `tomllib` having accepted the text, and judges nothing itself.
"""

import re
import tomllib
from bisect import bisect_right
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:\\.|[^\\])*?"""(?:"{0,2}(?!"))', re.DOTALL),
    re.compile(r"'''.*?'''(?:'{0,2}(?!'))", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def line_of(text: str, path: Path) -> int:
    """The line, from 1, of the key at `path`; of the nearest table around it where the key is not there.

    Array elements are numbered from 0: `("columns", 3, "lower")`. A text that is no TOML gives 1.
    """
    lines = key_lines(text)
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def key_lines(text: str) -> dict[Path, int]:
    """The line of every key, table and array element of a TOML text; empty for a text that is no TOML."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    scanner = _Scanner(text.replace("\r\n", " \n"))
    scanner.document()
    return scanner.lines


def syntax_error_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    """The line at which `tomllib` gave up; the last one where it ran out of text."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found.group(1)) if found else max(1, len(text.splitlines()))


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.newlines = [place.start() for place in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {}
        self.last_element: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        self.blank()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.blank()

    def header(self) -> Path:
        is_array = self.text.startswith("[[", self.at)
        line = self.line()
        self.at += 2 if is_array else 1
        keys = self.dotted_key()
        self.at = self.text.index("]", self.at) + (2 if is_array else 1)
        path = self.table_path(keys, is_array)
        self.remember(path, line)
        return path

    def table_path(self, keys: tuple[str, ...], is_array: bool) -> Path:
        """The path of a table whose header is `keys`; arrays of tables on the way get their last index."""
        path: Path = ()
        for key in keys[:-1]:
            path = self.inside((*path, key))
        path = (*path, keys[-1])
        if not is_array:
            return self.inside(path)
        self.last_element[path] = self.last_element.get(path, -1) + 1
        return self.inside(path)

    def inside(self, path: Path) -> Path:
        return (*path, self.last_element[path]) if path in self.last_element else path

    def pair(self, table: Path) -> None:
        line = self.line()
        path: Path = (*table, *self.dotted_key())
        self.remember(path, line)
        self.at = self.text.index("=", self.at) + 1
        self.blank()
        self.value(path)

    def value(self, path: Path) -> None:
        match self.text[self.at]:
            case "[":
                self.elements(path)
            case "{":
                self.inline_table(path)
            case '"' | "'":
                self.string()
            case _:
                self.take(_SCALAR)

    def elements(self, path: Path) -> None:
        index = 0
        while self.next_item("]"):
            self.remember((*path, index), self.line())
            self.value((*path, index))
            index += 1

    def inline_table(self, path: Path) -> None:
        while self.next_item("}"):
            self.pair(path)

    def next_item(self, end: str) -> bool:
        """Step over the opening bracket or a comma. False, and behind the closing one, at the end."""
        self.blank()
        if self.text[self.at] != end:
            self.at += 1
            self.blank()
        if self.text[self.at] != end:
            return True
        self.at += 1
        return False

    def dotted_key(self) -> tuple[str, ...]:
        keys = []
        while True:
            self.spaces()
            keys.append(self.simple_key())
            self.spaces()
            if self.text[self.at] != ".":
                return tuple(keys)
            self.at += 1

    def simple_key(self) -> str:
        if self.text[self.at] not in "\"'":
            return self.take(_BARE_KEY)
        return str(tomllib.loads(f"key = {self.string()}")["key"])

    def string(self) -> str:
        for pattern in _STRINGS:
            if pattern.match(self.text, self.at):
                return self.take(pattern)
        raise ValueError(f"No TOML string at line {self.line()}.")

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"No TOML at line {self.line()}.")
        self.at = found.end()
        return found.group()

    def blank(self) -> None:
        self.take(_BLANK)

    def spaces(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def line(self) -> int:
        return bisect_right(self.newlines, self.at - 1) + 1

    def remember(self, path: Path, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
