"""What pages with lists have in common: a search and pages in the address, so that both work without a script.

Every list has a name, which is its anchor on the page; `NAME-page` in the address is the number of its page. What an
address says wrongly is taken for nothing said.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request, url_for

from safe_outputs.lists.desk import Page, Range, Search
from safe_outputs.transitions import IN_WORDS, RequestState

FURTHEST = 100_000
LONGEST = 200
STATES = {state.value: words for state, words in IN_WORDS.items() if state is not RequestState.DRAFT}


def search() -> Search:
    """What the address looks for."""
    title, project, author = (request.args.get(name, "").strip()[:LONGEST] for name in ("title", "project", "author"))
    state = request.args.get("state", "")
    return Search(title, project, author, RequestState(state) if state in STATES else None)


def range_of(name: str, size: int) -> Range:
    """Which page of this list the address names."""
    text = request.args.get(f"{name}-page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(FURTHEST)) else 1
    return Range(min(max(number, 1), FURTHEST), size)


@dataclass(frozen=True)
class Group:
    """One list of a page, with what stands there when it is empty. `searched`: it holds what was looked for, alone."""

    anchor: str
    heading: str
    page: Page
    empty: str
    searched: bool

    @property
    def total(self) -> int:
        return self.page.total

    @property
    def without_lines(self) -> str:
        """What stands in place of the lines."""
        if self.total:
            return "This page has no lines any more. Go to another one."
        return "Nothing here fits what you look for." if self.searched else self.empty

    @property
    def told(self) -> str:
        """“Requests 26 to 50 of 312”."""
        first = self.page.range.offset + 1
        return f"{first:,} to {first + len(self.page.lines) - 1:,} of {self.total:,}"

    def links(self) -> Iterator[tuple[str, str]]:
        """The other pages that one goes to from here: what the link says, and where it leads."""
        number, last = self.page.range.number, self.page.pages
        wanted = {"First": 1, "Previous": number - 1, "Next": number + 1, "Last": last}
        possible = {
            "First": number > 1,
            "Previous": 2 < number <= last,
            "Next": number < last - 1,
            "Last": number < last,
        }
        yield from ((words, self._address(wanted[words])) for words in wanted if possible[words])

    def _address(self, number: int) -> str:
        query = urlencode({**_kept(), f"{self.anchor}-page": str(number)})
        return f"{url_for(request.endpoint or '')}?{query}#{self.anchor}"


def _kept() -> Mapping[str, str]:
    """What the address says now, but for what means nothing."""
    return {name: value for name, value in request.args.items() if value}
