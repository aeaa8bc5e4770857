"""Every page that could have been sent as it was kept is rendered anew in every test, and the two are compared."""

import re
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask

from safe_outputs.web import unchanged
from safe_outputs.web.unchanged import Kept, Key, Pages, Shared
from tests.safe_outputs.house import UNTOLD, WATCHED, House

TIMES = re.compile(r">[^<>]*</time>|(due in|overdue by) [^<.]*")


def compare_with_rendered_anew(app: Flask, house: House) -> None:
    """Fail whatever test changes a page by something of which the audit chain does not tell."""
    app.extensions[unchanged.EXTENSION] = Comparing()
    WATCHED.add(house.folder)


class KeptOtherwise(AssertionError):
    """A page that is kept is not the page that is true."""


class NothingShared(Shared):
    """What other pages have asked the register is asked again."""

    def under(self, _mark: str) -> dict[Hashable, Any]:
        return {}


@dataclass(frozen=True)
class Comparing(Pages):
    """Finds nothing, so that every page is rendered; what is kept for the same address and mark has to be the same."""

    shared: Shared = field(default_factory=NothingShared)

    def find(self, _key: Key | None) -> Kept | None:
        return None

    def keep(self, key: Key | None, page: Kept) -> None:
        if key is None:
            return
        before = self.kept.known((key, UNTOLD[0]))
        if before is not None and before.left == page.left and told(before) != told(page):
            raise KeptOtherwise(f"{key}: {told(before)} is {told(page)}")
        if before is None:
            self.kept.keep((key, UNTOLD[0]), page, 1)


def told(page: Kept) -> tuple[object, ...]:
    """What a page says, but for how long ago things were."""
    return TIMES.sub("", "\n".join(page.pieces)), [replace(each, actor="") for each in page.views]
