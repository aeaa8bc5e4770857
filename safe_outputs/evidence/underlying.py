"""The number of units behind each cell of an exact statistic, and what the largest contribute: for output checkers.

These are true numbers, also of withheld cells. They lie in the store apart from the answer, so that they are in no
package and in nothing that a project is shown, and the register names them by their hash. The hash is salted: who knows
everything else that a vote is bound to could otherwise try small counts until the hashes are the same.

Of a private statistic there are none. `Underlying` cannot be made for one, so nothing could keep or show them.
"""

import secrets
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from safe_outputs.errors import NotPermitted, Tampered
from safe_outputs.models import Statistic
from safe_outputs.statistics import Crosstab, Private, canonical, plan_hash
from safe_outputs.store import Store, digest_of


class TrueBesideNoise(NotPermitted):
    """True numbers were asked for beside noisy ones."""

    def __init__(self) -> None:
        super().__init__(
            "This statistic has noise, so nobody is shown the true numbers behind it: the noise would be worth "
            "nothing. Judge it by its stated error."
        )


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CountedCell(_Frozen):
    """How many units a cell has. `shares`: what its largest unit, its two largest and so on contribute, as parts."""

    codes: tuple[str, ...]
    units: Annotated[int, Field(ge=0)]
    shares: tuple[float, ...] = ()


class Underlying(_Frozen):
    """What lies behind the cells of one exact statistic."""

    form: Literal["saferoom-underlying/1"] = "saferoom-underlying/1"
    plan: Crosstab
    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    cells: tuple[CountedCell, ...]


def require_exact(plan: Crosstab | Private) -> Crosstab:
    """The plan, of which true numbers may exist. Raises `TrueBesideNoise` for any other than an exact one."""
    if not isinstance(plan, Crosstab):
        raise TrueBesideNoise
    return plan


def underlying(plan: Crosstab | Private, cells: Iterable[CountedCell]) -> Underlying:
    """What lies behind an exact statistic, with a salt of its own. Raises `TrueBesideNoise`."""
    return Underlying(plan=require_exact(plan), salt=secrets.token_hex(32), cells=tuple(cells))


def keep(store: Store, found: Underlying) -> str:
    """Put it into the store; returns its hash."""
    return store.put(canonical(found.model_dump(mode="json")))


def read(store: Store, statistic: Statistic, plan: Crosstab | Private) -> Underlying | None:
    """What lies behind a statistic; None for one of before it was kept.

    Raises:
        TrueBesideNoise: the plan is a private one.
        Tampered: it was changed, or is of another statistic.
    """
    asked = require_exact(plan)
    if statistic.underlying is None:
        return None
    found = Underlying.model_validate_json(store.get(statistic.underlying))
    if plan_hash(found.plan) != plan_hash(asked):
        raise Tampered("The counts that are kept are those of another statistic. Tell the operator.")
    return found


def hashed(store: Store, statistic: Statistic) -> dict[str, Any]:
    """What a request's hash has of it; nothing where there is none, so that older hashes last. Raises `Tampered`."""
    return {} if statistic.underlying is None else {"underlying": digest_of(store.get(statistic.underlying))}
