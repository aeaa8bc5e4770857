"""Tables with totals: counts by all keys, by fewer, and in all, of the same bounded contributions, so they add up.

Units are bounded once, in the groups of all keys, and totals are sums over these groups. So true cells add up whatever
the data is, and one unit changes as many numbers of each level as it has groups.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from disclosure_control.hierarchy import TOTAL
from disclosure_control.privacy.bounded import Bounded, Codes, Integers
from disclosure_control.privacy.design import Design
from disclosure_control.privacy.keys import Domain


def codes_with_totals(domains: Sequence[Domain]) -> tuple[Codes, ...]:
    """The groups and their totals, the total of each key after its values; the last key runs fastest."""
    return tuple(product(*((*domain.values, TOTAL) for domain in domains)))


def with_totals(found: Bounded, design: Design) -> Bounded:
    """The sums with their totals, if the plan asks for them."""
    if not design.margins:
        return found
    form = [len(domain.values) for domain in design.domains]
    sums = {name: _added(each.reshape(form)) for name, each in found.sums.items()}
    return replace(found, codes=codes_with_totals(design.domains), sums=sums)


def _added(cells: Integers) -> Integers:
    for axis in range(cells.ndim):
        cells = np.concatenate([cells, cells.sum(axis=axis, keepdims=True)], axis=axis)
    return cells.ravel()
