"""A plan made ready: its expressions compiled, its groups known, its series with what each of them pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.hierarchy import TOTAL
from disclosure_control.privacy.catalogue import WORD, PublicDataset
from disclosure_control.privacy.compiled import Compiler
from disclosure_control.privacy.expressions import Expression
from disclosure_control.privacy.keys import Domain, Key, cells_of, domain_of
from disclosure_control.privacy.measures import UNITS, CountRows, CountUnits, Measure, Room, Series, Sum, series_of
from disclosure_control.privacy.mechanisms import Kind
from disclosure_control.privacy.sensitivity import Sensitivity, sensitivity_of, sensitivity_with_totals

MOST_NUMBERS = 4_000_000


@dataclass(frozen=True)
class Design:
    """All that bounding and noise need to know.

    Attributes:
        keys: SQL of each key over decoded columns, beside its `domains`.
        groups: in how many groups one unit counts at most (K, or all groups if they are fewer).
        made_of: the series of each measure, by its name.
        parts: each series' part of the price; they add up to 1.
        names: a name for each series.
        margins: whether the groups' totals are answered too.
    """

    dataset: PublicDataset
    compiler: Compiler
    where: str | None
    keys: tuple[str, ...]
    domains: tuple[Domain, ...]
    unknown: bool
    groups: int
    rows: int
    measures: tuple[Measure, ...]
    made_of: dict[str, tuple[Series, ...]]
    parts: dict[Series, Fraction]
    names: dict[Series, str]
    kind: Kind
    margins: bool

    @property
    def series(self) -> tuple[Series, ...]:
        return tuple(self.parts)

    def sensitivity(self, series: Series) -> Sensitivity:
        if self.margins:
            return sensitivity_with_totals(series, self.groups, self.rows, len(self.domains))
        return sensitivity_of(series, self.groups, self.rows)

    def split(self, nano_rho: int) -> dict[Series, int]:
        """What each series pays, in billionths of ρ; never more than the price together.

        Raises:
            MalformedPrivatePlan: too little for one of them.
        """
        found = {series: int(nano_rho * part) for series, part in self.parts.items()}
        if min(found.values()) < self.groups:
            raise MalformedPrivatePlan("The price is too small for so many measures. Pay more, or ask for fewer.")
        return found


def designed(
    dataset: PublicDataset,
    where: Expression | None,
    by: Sequence[Key],
    measures: Sequence[Measure],
    *,
    unknown: bool,
    groups: int,
    rows: int,
    kind: Kind,
    margins: bool = False,
) -> Design:
    """The plan made ready. Raises `MalformedPrivatePlan`, which says what does not fit, before any data is read."""
    compiler = Compiler(dataset)
    condition = None if where is None else compiler.truth(where, "The filter")[0]
    domains = tuple(domain_of(key, compiler, unknown=unknown) for key in by)
    cells = 0 if unknown else cells_of(domains, margins=margins)
    groups_of_a_unit = groups if unknown else min(groups, prod(len(domain.values) for domain in domains))
    if margins:
        _require_totals(domains, measures, groups_of_a_unit, unknown=unknown)
    made_of = _made_of(measures, compiler, Room(dataset.most_units, rows))
    parts = _parts(measures, made_of, unknown=unknown)
    design = Design(
        dataset=dataset,
        compiler=compiler,
        where=condition,
        keys=tuple(compiler.compile(key.of).sql for key in by),
        domains=domains,
        unknown=unknown,
        groups=groups_of_a_unit,
        rows=rows,
        measures=tuple(measures),
        made_of=made_of,
        parts=parts,
        names=_names(made_of),
        kind=kind,
        margins=margins,
    )
    _require_headroom(design, cells)
    return design


def _require_totals(domains: Sequence[Domain], measures: Sequence[Measure], groups: int, *, unknown: bool) -> None:
    """Raise `MalformedPrivatePlan` unless totals are sums of the groups, and numbers of what the groups count."""
    if unknown:
        raise MalformedPrivatePlan(
            "Groups of unknown keys are not all told of, so they have no totals. Ask by public keys, or without totals."
        )
    if not domains:
        raise MalformedPrivatePlan("Totals need a key that they are totals over. Name one, or ask without totals.")
    if any(not isinstance(each, CountUnits | CountRows) for each in measures):
        raise MalformedPrivatePlan("Only counts have totals that add up. Ask for other measures in another statistic.")
    if groups > 1 and any(isinstance(each, CountUnits) for each in measures):
        raise MalformedPrivatePlan(
            "A unit that counts in several groups would count several times in their totals. Take groups_per_unit=1, "
            "or count rows."
        )
    if any(TOTAL in domain.values for domain in domains):
        raise MalformedPrivatePlan(f"A key has the value “{TOTAL}”, which is the total's code. Ask without totals.")


def _made_of(measures: Sequence[Measure], compiler: Compiler, room: Room) -> dict[str, tuple[Series, ...]]:
    summed = frozenset(each.of for each in measures if isinstance(each, Sum))
    return {each.name: series_of(each, compiler, room, summed) for each in measures}


def _parts(
    measures: Sequence[Measure], made_of: dict[str, tuple[Series, ...]], *, unknown: bool
) -> dict[Series, Fraction]:
    """A measure's share goes to its series in equal parts; a series that several measures use gets all their parts."""
    found: dict[Series, Fraction] = {}
    if unknown and not any(isinstance(each, CountUnits) for each in measures):
        found[UNITS] = Fraction(1)  # which keys are told of is paid as one measure more
    for measure in measures:
        series = made_of[measure.name]
        for each in series:
            found[each] = found.get(each, Fraction(0)) + Fraction(measure.share, len(series))
    total = sum(found.values())
    return {series: part / total for series, part in found.items()}


def _names(made_of: dict[str, tuple[Series, ...]]) -> dict[Series, str]:
    found = {UNITS: "units"}
    for measure, several in made_of.items():
        for place, series in enumerate(several):
            plain = "rows" if series.kind == "rows" and not series.given else f"{series.kind}:{measure}:{place}"
            found.setdefault(series, plain)
    return found


def _require_headroom(design: Design, cells: int) -> None:
    """Every sum of all contributions, and what one unit changes, stays within 64 bits."""
    for series in design.series:
        most = series.per_group(design.rows) * (design.groups if design.margins else 1)
        if design.dataset.most_units * most > WORD or design.groups * most > WORD:
            raise MalformedPrivatePlan(
                "A sum over all units does not fit into 64 bits. Ask for fewer rows per unit or narrower bounds, or "
                "ask the data steward for a lower ceiling of units."
            )
        numbers = cells * (series.grid.bins if series.grid else 1)
        if numbers > MOST_NUMBERS:
            raise MalformedPrivatePlan(
                f"A quantile in {cells:,} groups with so many candidates is too much. Take fewer steps or groups."
            )
