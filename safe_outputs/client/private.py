"""Differentially private statistics: noise is added by the checker and paid for from the budget."""

from safe_outputs.client.asking import Asked, ask
from safe_outputs.client.gate import Refused
from safe_outputs.client.room import Column, Source, Where
from safe_outputs.statistics import PrivateCount

NANO = 1_000_000_000


def count(
    source: Source,
    *,
    by: Column | None = None,
    rho: float,
    groups_per_unit: int = 1,
    where: Where | None = None,
) -> Asked:
    """Distinct units, in all or for every public key of `by`, with noise.

    Args:
        rho: the price, in ρ of zero-concentrated differential privacy; less is noisier and cheaper.
        groups_per_unit: in how many groups one unit may count at most. Where units belong to more (a person to
            several years), counts are too low; ask for more groups, at the price of more noise.

    Raises:
        Refused: with the reason, for example how much budget is left.
    """
    if not 0 < rho < float("inf"):
        raise Refused("rho is the price of the statistic: a positive number, for example 0.05.", 422)
    return ask(
        lambda: PrivateCount(
            dataset=source.name,
            by=by.name if by is not None else None,
            groups_per_unit=groups_per_unit,
            nano_rho=max(1, round(rho * NANO)),
            where=where.conditions if where is not None else (),
        )
    )
