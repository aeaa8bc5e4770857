"""The SQL subset: the same plan as the builder's, or a sentence."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from disclosure_control import MalformedPrivatePlan, PrivatePlan
from disclosure_control.privacy.expressions import (
    Arithmetic,
    Case,
    Coalesce,
    Compare,
    IsIn,
    IsMissing,
    Not,
    Number,
    Text,
    When,
    all_of,
    any_of,
)
from disclosure_control.privacy.keys import Key
from disclosure_control.privacy.measures import CountRows, CountUnits, Mean, Quantile, Sum, Variance
from disclosure_control.privacy.plan import Price
from disclosure_control.privacy.sql import plan_from_sql
from tests.disclosure_control.privacy.shapes import AGE, DATASET, FEMALE, SITE, SPENDING, WARD, adult

PRICE = Price(nano_rho=100_000_000)


def parsed(text: str, **facts: Any) -> PrivatePlan:
    return plan_from_sql(text, DATASET, price=PRICE, **facts)


def is_(left: Any, operator: Any, value: Any) -> Compare:
    right = Text(value=value) if isinstance(value, str) else Number(value=value)
    return Compare(operator=operator, left=left, right=right)


SAME: dict[str, tuple[str, dict[str, Any]]] = {
    "units": ("SELECT COUNT(DISTINCT person) AS n FROM visits", {"measures": [CountUnits(name="n")]}),
    "by a key, small letters": (
        "select site, count(*) as n from visits where age >= 18 group by site;",
        {"by": [Key(name="site", of=SITE)], "where": adult(), "measures": [CountRows(name="n")]},
    ),
    "every measure": (
        """SELECT SUM(age), AVG(spending) AS m, VAR_POP(age), STDDEV_POP(age), MEDIAN(age) AS med,
                  QUANTILE_DISC(spending, 0.25) AS q FROM "visits" """,
        {
            "measures": [
                Sum(name="sum_age", of=AGE),
                Mean(name="m", of=SPENDING),
                Variance(name="variance_age", of=AGE),
                Variance(name="standard_deviation_age", of=AGE, kind="standard_deviation"),
                Quantile(name="med", of=AGE),
                Quantile(name="q", of=SPENDING, q="0.25"),
            ]
        },
    ),
    "conditions": (
        """SELECT COUNT(*) FROM visits WHERE (site = 'North' OR site IN ('East', 'West')) AND NOT female
           AND spending BETWEEN -1.5 AND 10 AND ward IS NOT NULL AND age NOT IN (3, 4)""",
        {
            "measures": [CountRows(name="count_rows")],
            "where": all_of(
                any_of(is_(SITE, "==", "North"), IsIn(of=SITE, values=(Text(value="East"), Text(value="West")))),
                Not(of=FEMALE),
                is_(SPENDING, ">=", -1.5),
                is_(SPENDING, "<=", 10),
                Not(of=IsMissing(of=WARD)),
                Not(of=IsIn(of=AGE, values=(Number(value=3), Number(value=4)))),
            ),
        },
    ),
    "a calculation": (
        "SELECT SUM(age * 2 + spending - 1) AS s FROM visits WHERE COALESCE(spending, 0) <> 0",
        {
            "measures": [
                Sum(
                    name="s",
                    of=Arithmetic(
                        operator="-",
                        left=Arithmetic(
                            operator="+",
                            left=Arithmetic(operator="*", left=AGE, right=Number(value=2)),
                            right=SPENDING,
                        ),
                        right=Number(value=1),
                    ),
                )
            ],
            "where": is_(Coalesce(terms=(SPENDING, Number(value=0))), "!=", 0),
        },
    ),
    "a key that is a case, named": (
        """SELECT female, CASE WHEN age < 18 THEN 'child' ELSE 'adult' END AS g, COUNT(*) AS n FROM visits
           GROUP BY g, female""",
        {
            "by": [
                Key(name="female", of=FEMALE),
                Key(
                    name="g",
                    of=Case(
                        whens=(When(condition=is_(AGE, "<", 18), value=Text(value="child")),),
                        otherwise=Text(value="adult"),
                    ),
                ),
            ],
            "measures": [CountRows(name="n")],
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_sql_is_the_same_plan_with_the_same_hash_and_cost(case: str) -> None:
    text, facts = SAME[case]
    bounds: dict[str, Any] = {"groups_per_unit": 2, "rows_per_unit": 3}
    built = PrivatePlan.of(DATASET, price=PRICE, **facts, **bounds)
    found = parsed(text, **bounds)
    assert found == built
    assert (found.hash, found.cost(), found.sensitivity()) == (built.hash, built.cost(), built.sensitivity())


REFUSED = {
    "nothing": ("", "SELECT belongs here"),
    "another statement": ("DELETE FROM visits", "SELECT belongs here"),
    "with": ("WITH x AS (DELETE FROM visits RETURNING *) SELECT COUNT(*) FROM x", "SELECT belongs here"),
    "two statements": ("SELECT COUNT(*) FROM visits; DROP TABLE visits", "after the end"),
    "a comment": ("SELECT COUNT(*) FROM visits -- where", "after the end"),
    "a star": ("SELECT * FROM visits", "a bracket belongs here"),
    "a row": ("SELECT age FROM visits", "is what is grouped by"),
    "a key that is not grouped by": ("SELECT site, ward, COUNT(*) FROM visits GROUP BY site", "is what is grouped by"),
    "no measure": ("SELECT site FROM visits GROUP BY site", "asks for something"),
    "another table": ("SELECT COUNT(*) FROM secrets", "no table “secrets”"),
    "a schema": ("SELECT COUNT(*) FROM main.visits", "no function or schema"),
    "a join": ("SELECT COUNT(*) FROM visits JOIN visits", "after the end"),
    "two tables": ("SELECT COUNT(*) FROM visits, visits", "after the end"),
    "a sub-query": ("SELECT COUNT(*) FROM (SELECT 1)", "A name belongs here"),
    "a sub-query in a condition": ("SELECT COUNT(*) FROM visits WHERE age IN (SELECT 1)", "A constant belongs here"),
    "a file": ("SELECT COUNT(*) FROM read_csv('/etc/passwd')", "no function or schema"),
    "a function": ("SELECT COUNT(*) FROM visits WHERE length(site) > 3", "no function or schema"),
    "another aggregate": ("SELECT LIST(age) FROM visits", "no function or schema"),
    "an order": ("SELECT COUNT(*) FROM visits ORDER BY 1", "after the end"),
    "having": ("SELECT site, COUNT(*) FROM visits GROUP BY site HAVING COUNT(*) > 5", "after the end"),
    "a count of a column": ("SELECT COUNT(age) FROM visits", "COUNT counts records"),
    "distinct values": ("SELECT COUNT(DISTINCT age) FROM visits", "Only units can be counted"),
    "the unit as a key": ("SELECT person, COUNT(*) FROM visits GROUP BY person", "no column person"),
    "a column that is not there": ("SELECT AVG(income) FROM visits", "no column income"),
    "an exponent": ("SELECT COUNT(*) FROM visits WHERE age > 1e9", "after the end"),
    "a sign of another language": ("SELECT COUNT(*) FROM visits WHERE age > ?", "no part of the SQL"),
    "an open text": ("SELECT COUNT(*) FROM visits WHERE site = 'North", "no part of the SQL"),
    "brackets without end": ("SELECT COUNT(*) FROM visits WHERE " + "(" * 5000, "nested too deeply"),
    "not without end": ("SELECT COUNT(*) FROM visits WHERE " + "NOT " * 4000 + "female", "nested too deeply"),
    "case without end": ("SELECT SUM(" + "CASE WHEN female THEN " * 500 + ") FROM visits", "nested too deeply"),
    "a long one": ("SELECT COUNT(*) FROM visits" + " " * 20_001, "too long"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused_with_a_sentence(case: str) -> None:
    text, sentence = REFUSED[case]
    with pytest.raises(MalformedPrivatePlan, match=sentence):
        parsed(text)


WORDS = (
    "SELECT COUNT ( * ) DISTINCT person AS n FROM visits WHERE age = 1 'a' AND NOT IN , CASE WHEN END ; - + 1.5 IS NULL"
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS.split()), max_size=15).map(" ".join)))
def test_no_text_ends_in_another_error(text: str) -> None:
    with contextlib.suppress(MalformedPrivatePlan):
        parsed(text)
