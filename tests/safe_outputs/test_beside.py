"""Earlier releases beside a statistic: which, in which order, and which numbers are too close to the present ones."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from disclosure_control.profiles import RuleProfile
from disclosure_control.rulebook import Threshold
from safe_outputs.answers import TOTAL, Answer, Cell, TableOfCells, Verdict
from safe_outputs.asking import read_answer, stored_answer
from safe_outputs.evidence.beside import (
    MOST_COMPARED,
    MOST_SHOWN,
    EarlierOf,
    about,
    closeness,
    earlier_of,
    earlier_tables,
    in_order_of,
    threshold_of,
)
from safe_outputs.evidence.differencing import LIMIT, of_small_differences, small_differences
from safe_outputs.models import Statistic
from safe_outputs.releases.releasing import release
from safe_outputs.reviewing import recall
from safe_outputs.statistics import Condition, Crosstab, Measure, Private, plan_to_json
from tests.safe_outputs.factories import (
    PRIVATE_COUNT,
    RELEASE_KEY,
    TODAY,
    a_column,
    a_statistic,
    an_answer,
    approved,
    private_count,
)
from tests.safe_outputs.house import House, a_submitted_request, an_answered_statistic, the_request

THRESHOLD = Threshold(units=10, zero_is_safe=False, source="a handbook")
BY_SITE = Crosstab(dataset="rand_hie", dimensions=("site",))
BY_BOTH = Crosstab(dataset="rand_hie", dimensions=("plan", "site"))
ADULTS = (Condition(column="age", operator=">=", values=(18,)),)


def a_table(*names: str, **units: int | None) -> TableOfCells:
    """Numbers of persons by the categories in the keywords: `Dayton__free=7`; None is withheld."""
    return TableOfCells(
        dimensions=tuple(map(a_column, names)),
        measures=(a_column("persons"),),
        cells=tuple(_cell(tuple(codes.split("__")), value) for codes, value in units.items()),
    )


def _cell(codes: tuple[str, ...], value: int | None) -> Cell:
    codes = tuple(TOTAL if code == "all" else code for code in codes)
    if value is None:
        return Cell(codes=codes, status="primary", reason="few", values=(None,))
    return Cell(codes=codes, status="published", values=(value,))


def released(house: House, plan: Crosstab | Private, table: TableOfCells, **facts: Any) -> str:
    """The statistic of a release by rui's project."""
    title, audience = facts.pop("title", "Earlier"), facts.pop("audience", "publication")
    answer = an_answer(house.store, plan, table=table, **facts)

    def step(session: Session) -> str:
        statistic = a_statistic(session, house.store, author="rui", project_id="wren", answer=answer)
        request = approved(
            session,
            house.store,
            author="rui",
            project_id="wren",
            statistics=[statistic],
            title=title,
            audience=audience,
        )
        release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")
        return statistic.id

    return str(house.do(step))


def beside(
    house: House, plan: Crosstab | Private, table: TableOfCells, person: str = "cleo", **facts: Any
) -> EarlierOf:
    """What stands beside a statistic of rosa's request."""
    statistic = an_answered_statistic(house, plan, table=table, **facts)
    request = a_submitted_request(house, [statistic])

    def step(session: Session) -> EarlierOf:
        found = earlier_tables(session, the_request(session, request), person)
        row = session.get_one(Statistic, statistic)
        answer = read_answer(house.store, row)
        return earlier_of(house.store, str(row.answer), answer, found.of_the_people_in("rand_hie"))

    made: EarlierOf = house.do(step)
    return made


def differences(house: House, now: TableOfCells, then: TableOfCells) -> list[tuple[tuple[str, ...], int, int]]:
    present = an_answer(house.store, BY_SITE, table=now)
    earlier = an_answer(house.store, BY_SITE.model_copy(update={"where": ADULTS}), table=then)
    return [(each.codes, each.now, each.then) for each in small_differences(present, earlier, THRESHOLD)]


CLOSE = [(100, 91, True), (100, 90, False), (100, 109, True), (100, 110, False), (100, 100, False), (5, 0, True)]


@pytest.mark.parametrize(("now", "then", "close"), CLOSE)
def test_numbers_that_differ_by_fewer_than_the_threshold_are_found(
    house: House, now: int, then: int, close: bool
) -> None:
    found = differences(house, a_table("site", Dayton=now), a_table("site", Dayton=then))
    assert found == ([(("Dayton",), now, then)] if close else [])


def test_margins_are_compared_with_the_cells_of_smaller_tables(house: House) -> None:
    now = a_table("site", Dayton=100, Seattle=200, all=300)
    then = a_table("plan", "site", free__Dayton=40, all__Dayton=97, free__all=295, all__all=299)
    assert differences(house, now, then) == [(("Dayton",), 100, 97), ((TOTAL,), 300, 299)]


def test_withheld_numbers_are_not_compared(house: House) -> None:
    assert differences(house, a_table("site", Dayton=None), a_table("site", Dayton=5)) == []
    assert differences(house, a_table("site", Dayton=5), a_table("site", Dayton=None)) == []


def test_nothing_private_is_compared(house: House) -> None:
    private = an_answer(house.store, PRIVATE_COUNT, table=a_table("site", Dayton=100))
    exact = an_answer(house.store, BY_SITE, table=a_table("site", Dayton=99))
    assert small_differences(private, exact, THRESHOLD) == small_differences(exact, private, THRESHOLD) == ()


def test_the_same_table_of_the_same_data_is_no_difference(house: House) -> None:
    one = an_answer(house.store, BY_SITE, table=a_table("site", Dayton=100))
    other = an_answer(house.store, BY_SITE, table=a_table("site", Dayton=99))
    assert small_differences(one, other, THRESHOLD) == ()
    newer = other.model_copy(update={"source": other.source.model_copy(update={"version_digest": "d" * 64})})
    assert len(small_differences(one, newer, THRESHOLD)) == 1, "another version of the data is subtracted from this"


def test_the_note_names_the_limit_and_both_sources(house: House) -> None:
    now, then = a_table("site", Dayton=100, Seattle=50), a_table("site", Dayton=97, Seattle=45)
    earlier = an_answer(house.store, BY_SITE.model_copy(update={"where": ADULTS}), table=then)
    found = small_differences(an_answer(house.store, BY_SITE, table=now), earlier, THRESHOLD)
    note = of_small_differences(found, "persons", THRESHOLD)
    assert note.verdict is Verdict.REFER
    assert (note.value, note.limit) == ("a difference of 3", LIMIT)
    assert note.sentence.startswith("2 numbers differ from those of an earlier release by fewer than 10 persons")
    assert note.source.endswith("the threshold: a handbook")


def test_the_threshold_is_that_of_the_statistics_rules() -> None:
    assert threshold_of("ons-srs") == RuleProfile.load("ons-srs").threshold
    assert threshold_of("no-such-profile") is None


def test_an_earlier_table_is_laid_in_the_order_of_the_present_one(house: House) -> None:
    units = {"all__Seattle": 9, "free__Seattle": 30, "free__Dayton": 40, "free__Boston": 50}
    released(house, BY_BOTH, a_table("plan", "site", **units))
    found = beside(house, BY_SITE, a_table("site", Dayton=100, Seattle=200, all=300))
    (near,) = found.shown
    now = a_table("site", Dayton=100, Seattle=200, all=300)
    laid = in_order_of(stored_answer(house.store, near.earlier.answer).table, now)
    assert [each.name for each in laid.dimensions] == ["site", "plan"]
    assert [cell.codes for cell in laid.cells] == [
        ("Dayton", "free"),
        ("Seattle", TOTAL),
        ("Seattle", "free"),
        ("Boston", "free"),
    ]


CODES = st.lists(st.sampled_from(["a", "b", "c", TOTAL]), min_size=1, max_size=4, unique=True)


@given(CODES, CODES, CODES, st.booleans())
def test_laying_it_out_loses_and_adds_nothing(
    rows: list[str], columns: list[str], own: list[str], turned: bool
) -> None:
    names = ("x", "y") if not turned else ("y", "x")
    cells = tuple(Cell(codes=codes, status="published", values=(1,)) for codes in product(rows, columns))
    table = TableOfCells(dimensions=tuple(map(a_column, ("x", "y"))), measures=(a_column("persons"),), cells=cells)
    like = TableOfCells(
        dimensions=tuple(map(a_column, names)),
        measures=(a_column("persons"),),
        cells=tuple(Cell(codes=codes, status="published", values=(1,)) for codes in product(own, own)),
    )
    laid = in_order_of(table, like)
    places = [["x", "y"].index(each.name) for each in laid.dimensions]
    assert [each.name for each in laid.dimensions] == list(names)
    back = {tuple(cell.codes[places.index(place)] for place in (0, 1)) for cell in laid.cells}
    assert back == {each.codes for each in cells}
    first = [cell.codes[0] for cell in laid.cells]
    shared = [code for code in dict.fromkeys(first) if code in own]
    assert shared == [code for code in own if code in shared]


def test_the_closest_stand_first() -> None:
    answer = an_answer(_Nowhere(), BY_SITE)  # type: ignore[arg-type]
    plans = [
        BY_SITE,
        BY_SITE.model_copy(update={"where": ADULTS}),
        BY_BOTH,
        BY_BOTH.model_copy(update={"where": ADULTS}),
        Crosstab(dataset="rand_hie", dimensions=("site", "plan", "year")).model_copy(update={"where": ADULTS}),
        Crosstab(dataset="rand_hie", dimensions=("year",)),
    ]
    mixed = [plans[n] for n in (3, 0, 5, 2, 4, 1)]
    found = sorted(
        mixed, key=lambda each: closeness(about(plan_to_json(answer.plan)), about(plan_to_json(each))), reverse=True
    )
    assert found == plans


class _Nowhere:
    def put(self, content: bytes) -> str:
        return "f" * 64


def test_what_shares_a_measure_is_closer(house: House) -> None:
    mean = Measure(column="spending", aggregate="mean")
    answer = an_answer(house.store, BY_SITE.model_copy(update={"measure": mean}))
    measures = (mean, Measure(column="x", aggregate="sum"))
    alike, other = (plan_to_json(BY_BOTH.model_copy(update={"measure": each})) for each in measures)
    ours = about(plan_to_json(answer.plan))
    assert (
        closeness(ours, about(alike)) > closeness(ours, about(other)) == closeness(ours, about(plan_to_json(BY_BOTH)))
    )


def test_a_small_difference_is_shown_first_however_far_the_table(house: House) -> None:
    far = released(house, Crosstab(dataset="rand_hie", dimensions=("year",)), a_table("year", all=303), title="Far")
    for n in range(MOST_SHOWN + 1):
        where = (Condition(column="age", operator=">=", values=(n,)),)
        released(house, BY_SITE.model_copy(update={"where": where}), a_table("site", Dayton=50 * n), title=f"Near {n}")
    found = beside(house, BY_SITE, a_table("site", Dayton=1000, all=300))
    assert [each.earlier.title for each in found.shown][:1] == ["Far"]
    assert found.shown[0].earlier.statistic == far
    assert [(each.now, each.then) for each in found.shown[0].differences] == [(300, 303)]
    assert len(found.shown) == MOST_SHOWN
    assert len(found.others) == 2
    assert found.note is not None


def test_what_is_not_compared_is_counted(house: House) -> None:
    for n in range(MOST_COMPARED + 2):
        where = (Condition(column="age", operator=">=", values=(n,)),)
        released(house, BY_SITE.model_copy(update={"where": where}), a_table("site", Dayton=50 * n))
    found = beside(house, BY_SITE, a_table("site", Dayton=5_000))
    assert (len(found.shown), len(found.others), found.left) == (MOST_SHOWN, MOST_COMPARED - MOST_SHOWN, 2)


def test_exact_and_private_tables_are_never_laid_beside_each_other(house: House) -> None:
    released(house, private_count(1_000, by="plan"), a_table("plan", free=123))
    released(house, BY_SITE, a_table("site", Dayton=98))
    exact = beside(house, BY_BOTH, a_table("plan", "site", all__Dayton=100))
    assert [each.earlier.exact for each in exact.shown] == [True]
    assert (exact.apart, exact.note is not None) == (1, True)
    private = beside(house, PRIVATE_COUNT, a_table("site", Dayton=99))
    assert [each.earlier.exact for each in private.shown] == [False]
    assert (private.apart, private.note) == (1, None)


def test_who_sees_which_releases(house: House) -> None:
    """As in the list of what was released: checkers all; others what is public, and their own projects'."""
    released(house, BY_SITE, a_table("site", Dayton=98), title="For all")
    released(house, BY_BOTH, a_table("plan", "site", free__Dayton=9), title="For a team", audience="pre_publication")

    def titles(person: str) -> set[str]:
        found = beside(house, BY_SITE, a_table("site", Dayton=1_000), person)
        return {each.earlier.title for each in found.shown}

    assert titles("cleo") == {"For all", "For a team"}
    assert titles("rosa") == {"For all"}
    assert titles("rui") == {"For all", "For a team"}


def take_back(house: House) -> None:
    """Recall the only release of rui's project."""

    def step(session: Session) -> None:
        request = session.query(Statistic).filter_by(project_id="wren").one()
        holder = next(each for each in _requests(session) if each.items[0].statistic_id == request.id)
        recall(session, holder, person="rui", reason="It was wrong.", today=TODAY)

    house.do(step)


@pytest.mark.parametrize(("person", "shown"), [("cleo", 1), ("rosa", 0), ("rui", 1)])
def test_a_recalled_release_is_shown_to_no_other_project(house: House, person: str, shown: int) -> None:
    """Its files are handed out to nobody, so its tables do not come back through the page of another request."""
    released(house, BY_SITE, a_table("site", Dayton=98))
    take_back(house)
    found = beside(house, BY_BOTH, a_table("plan", "site", all__Dayton=100), person)
    assert (len(found.shown), len(found.others), found.note is not None) == (shown, 0, bool(shown))


def test_what_was_recalled_has_left_and_is_said_to_be_recalled(house: House) -> None:
    released(house, BY_SITE, a_table("site", Dayton=98))
    take_back(house)
    found = beside(house, BY_BOTH, a_table("plan", "site", all__Dayton=100))
    assert [each.earlier.recalled for each in found.shown] == [True]
    assert found.note is not None


def _requests(session: Session) -> list[Any]:
    from safe_outputs.models import ReleaseRequest  # noqa: PLC0415

    return session.query(ReleaseRequest).all()


def test_of_other_people_nothing_stands_there(house: House) -> None:
    released(house, BY_SITE, a_table("site", Dayton=98))
    statistic = an_answered_statistic(house, BY_BOTH)
    request = a_submitted_request(house, [statistic])

    def step(session: Session) -> list[Answer]:
        found = earlier_tables(session, the_request(session, request), "cleo")
        return list(found.of_the_people_in("another_dataset"))  # type: ignore[arg-type]

    assert house.do(step) == []


def test_a_request_is_not_beside_itself(house: House) -> None:
    statistic = an_answered_statistic(house, BY_SITE, table=a_table("site", Dayton=98))

    def step(session: Session) -> int:
        request = approved(session, house.store, statistics=[session.get_one(Statistic, statistic)])
        release(session, house.store, request, house.folder / "releases", key=RELEASE_KEY, actor="checker")
        return len(earlier_tables(session, request, "cleo").tables)

    assert house.do(step) == 0
