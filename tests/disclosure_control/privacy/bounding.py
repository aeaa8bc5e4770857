"""Bounded sums in plain Python, one unit at a time, as documented; an implementation of its own."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import product
from typing import Any

from disclosure_control import PrivatePlan
from disclosure_control.privacy.catalogue import plain
from disclosure_control.privacy.measures import Series
from tests.disclosure_control.privacy.reference import Record, value_of

CHANCE_BITS = 14
MASK = (1 << 64) - 1


def split_mix(number: int) -> int:
    """The finalizer of SplitMix64."""
    number &= MASK
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ number >> 27) * 0x94D049BB133111EB & MASK
    return number ^ number >> 31


def expected(
    asked: PrivatePlan,
    records: Sequence[Record],
    salt: int,
    *,
    unit_hash: Callable[[Any], int] = lambda unit: unit,
    key_hash: Callable[[tuple[Any, ...]], int] | None = None,
) -> dict[str, list[Any]]:
    """As `PrivatePlan.bounded`. `unit_hash` and `key_hash` are what goes into the choice of groups."""
    units: dict[Hashable, list[Record]] = defaultdict(list)
    for record in records:
        if record[asked.dataset.unit] is not None:
            units[record[asked.dataset.unit]].append(record)
    sums: dict[Series, dict[Any, int]] = {series: defaultdict(int) for series in asked.design.series}
    seen: set[tuple[str, ...]] = set()
    for unit, rows in units.items():
        groups = _groups(asked, rows)
        start = split_mix(unit_hash(unit) ^ salt)

        def order(code: tuple[Any, ...], start: int = start) -> tuple[int, Any]:
            number = key_hash(code) if key_hash else _number(asked, code)
            chance = split_mix(start + number * 0x9E3779B97F4A7C15) >> (64 - CHANCE_BITS)
            ties = _places(asked, code)
            return chance, tuple(-each for each in ties) if salt & 1 else ties

        for code in sorted(groups, key=order)[: asked.groups_per_unit]:
            seen.add(_labels(asked, code))
            for series in asked.design.series:
                for place, number in _added(asked, series, groups[code], rows).items():
                    sums[series][(*_labels(asked, code), *place)] += number
    codes = sorted(seen) if asked.design.unknown else _all_codes(asked)
    found = {asked.design.names[series]: _in_order(asked, series, sums[series], codes) for series in sums}
    return found | ({"groups": codes} if asked.design.unknown else {})


def _in_order(asked: PrivatePlan, series: Series, numbers: dict[Any, int], codes: list[tuple[str, ...]]) -> list[Any]:
    if asked.margins:
        return [sum(numbers[code] for code in codes if _within(code, total)) for total in _totals(asked)]
    if series.grid is None:
        return [numbers[code] for code in codes]
    return [[numbers[(*code, each)] for each in range(series.grid.bins)] for code in codes]


def _groups(asked: PrivatePlan, rows: Sequence[Record]) -> dict[tuple[Any, ...], list[Record]]:
    found: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for row in rows:
        if asked.where is not None and value_of(asked.where, row, rows, asked.dataset) is not True:
            continue
        code = tuple(value_of(key.of, row, rows, asked.dataset) for key in asked.by)
        known = all(each is not None for each in code)
        if known and (asked.design.unknown or _labels(asked, code) in _all_codes(asked)):
            found[code].append(row)
    return found


def _all_codes(asked: PrivatePlan) -> list[tuple[str, ...]]:
    codes: list[tuple[str, ...]] = [()]
    for domain in asked.design.domains:
        codes = [(*code, value) for code in codes for value in domain.values]
    return codes


def _totals(asked: PrivatePlan) -> list[tuple[str, ...]]:
    return list(product(*((*domain.values, "_T") for domain in asked.design.domains)))


def _within(code: tuple[str, ...], total: tuple[str, ...]) -> bool:
    return all(wanted in {value, "_T"} for value, wanted in zip(code, total, strict=True))


def _labels(asked: PrivatePlan, code: tuple[Any, ...]) -> tuple[str, ...]:
    def label(value: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        return plain(value) if isinstance(value, Decimal) else str(value)

    return tuple(label(each) for each in code)


def _places(asked: PrivatePlan, code: tuple[Any, ...]) -> tuple[int, ...]:
    """The places of a group's keys among their values (unknown keys: numbers, in multiples of their own)."""
    if not asked.design.unknown:
        return (_all_codes(asked).index(_labels(asked, code)),)
    return tuple(_whole(asked, key.of, each) for key, each in zip(asked.by, code, strict=True))


def _number(asked: PrivatePlan, code: tuple[Any, ...]) -> int:
    if not asked.design.unknown:
        return _places(asked, code)[0]
    ((key,), (place,)) = asked.by, _places(asked, code)
    return place - asked.design.compiler.number(key.of, "")[1].lower


def _whole(asked: PrivatePlan, of: Any, value: Decimal) -> int:
    return int(value.scaleb(asked.design.compiler.number(of, "")[1].places))


def _added(
    asked: PrivatePlan, series: Series, rows: Sequence[Record], unit_rows: Sequence[Record]
) -> dict[tuple[int, ...], int]:
    """What a unit with these rows in a group adds to the series there, by its bin."""
    if series.kind == "units":
        return {(): 1}
    present = []
    for row in rows:
        values = {of: value_of(of, row, unit_rows, asked.dataset) for of in series.given}
        values |= {each.of: value_of(each.of, row, unit_rows, asked.dataset) for each in series.factors}
        if all(values[of] is not None for of in series.given):
            present.append({of: _whole(asked, of, value) for of, value in values.items() if value is not None})
    kept = min(len(present), asked.rows_per_unit)
    if series.kind == "rows" or not present:
        return {(): kept} if kept else {}
    if series.grid is not None:
        bins: dict[tuple[int, ...], int] = defaultdict(int)
        for numbers in present:
            above = numbers[series.given[0]] - series.grid.lower
            bins[(2 * (above // series.grid.step) + (above % series.grid.step > 0),)] += 1
        return {place: count * 1024 * kept // len(present) for place, count in bins.items()}
    total = 0
    for numbers in present:
        product = 1
        for factor in series.factors:
            product *= int(Fraction(numbers[factor.of] - factor.centre, 1 << factor.coarse))
        total += product
    return {(): int(Fraction(total * kept, len(present)) * Fraction(2) ** series.shift)}
