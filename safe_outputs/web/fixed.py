"""Parts of pages that follow from immutable content alone: laid out once, and kept by the digest of the content.

What is kept depends on nothing but what is in its key: not on who reads, not on the moment, not on the register. A
template of such a part is rendered with named values and no others, so that nothing else can get into it. What is true
for one reader or at one moment (the counts behind cells, what is left of a budget) is made anew each time.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import current_app
from markupsafe import Markup

from safe_outputs.evidence.budgets import Left
from safe_outputs.evidence.standing import StandingOf
from safe_outputs.reading import StatisticView
from safe_outputs.remembered import Remembered

if TYPE_CHECKING:
    from safe_outputs.web.statistic_part import StatisticPart

_LAID_OUT: "Remembered[StatisticPart]" = Remembered(200_000)
"""Of so many cells."""
_SHOWN: Remembered[Markup] = Remembered(32_000_000)
"""Of so many characters."""


def laid_out(
    view: StatisticView, counts_at: str, *, noted: bool, make: "Callable[[], StatisticPart]"
) -> "StatisticPart":
    """What `make` makes of a statistic without counts; `noted`: findings are marked on its cells."""
    found = _LAID_OUT.get((view.digest, view.id, noted), make, lambda _made: 10 + len(view.answer.table.cells))
    return replace(found, view=view, counts_at=counts_at)


def shown_statistic(each: "StatisticPart", standings: tuple[StandingOf, ...], left: Mapping[str, Left]) -> Markup:
    """The part of a request's page that shows one statistic."""
    view = each.view
    stands = tuple(of.sentence for of in standings if view.answer.source.dataset in of.datasets)
    if each.counts is not None or view.answer.charge is not None:
        return _render(each, stands, left)
    key = (view.digest, view.id, view.position, view.code, view.why_not_leave, each.counts_at, stands)
    return _SHOWN.get(key, lambda: _render(each, stands, {}), len)


def _render(each: "StatisticPart", stands: tuple[str, ...], left: Mapping[str, Left]) -> Markup:
    template = current_app.jinja_env.get_template("statistic.html")
    return Markup(template.render(each=each, stands=stands, left=left))  # noqa: S704 - the template escapes
