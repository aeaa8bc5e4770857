"""A plan made ready: its expressions compiled, its groups known, its series with what each of them pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from disclosure_control.errors import MalformedPrivatePlan
from disclosure_control.privacy.catalogue import WORD, PublicDataset
from disclosure_control.privacy.compiled import Compiler
from disclosure_control.privacy.expressions import Expression
from disclosure_control.privacy.keys import Domain, Key, cells_of, domain_of
from disclosure_control.privacy.measures import UNITS, CountUnits, Measure, Room, Series, Sum, series_of
from disclosure_control.privacy.mechanisms import Kind
from disclosure_control.privacy.sensitivity import Sensitivity, sensitivity_of

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

    @property
    def series(self) -> tuple[Series, ...]:
        return tuple(self.parts)

    def sensitivity(self, series: Series) -> Sensitivity:
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
) -> Design:
    """The plan made ready. Raises `MalformedPrivatePlan`, which says what does not fit, before any data is read."""
    compiler = Compiler(dataset)
    condition = None if where is None else compiler.truth(where, "The filter")[0]
    domains = tuple(domain_of(key, compiler, unknown=unknown) for key in by)
    cells = 0 if unknown else cells_of(domains)
    made_of = _made_of(measures, compiler, Room(dataset.most_units, rows))
    parts = _parts(measures, made_of, unknown=unknown)
    design = Design(
        dataset=dataset,
        compiler=compiler,
        where=condition,
        keys=tuple(compiler.compile(key.of).sql for key in by),
        domains=domains,
        unknown=unknown,
        groups=groups if unknown else min(groups, cells),
        rows=rows,
        measures=tuple(measures),
        made_of=made_of,
        parts=parts,
        names=_names(made_of),
        kind=kind,
    )
    _require_headroom(design, cells)
    return design


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
        most = series.per_group(design.rows)
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
