"""Plots are pictures that parse, ask for nothing, and hold what they were given and nothing more."""

from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safe_outputs.web.plots import Row, bars, months

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{each}" for each in ("svg", "title", "rect", "text", "line", "circle", "polyline")}
values = st.one_of(st.none(), st.floats(0, 1e6))
rows = st.lists(
    st.builds(
        lambda label, first, second: Row(label, (first, second), (str(first), str(second))),
        st.text("ab<>&\"'é", max_size=8),
        values,
        values,
    ),
    max_size=14,
)


def drawing(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - our own text, which the test is about


@given(rows)
@example([Row("a", (5e-324, None), ("0", "none"))])
def test_whatever_is_drawn_is_well_formed_and_inert(rows: list[Row]) -> None:
    for svg in (bars("A & B", ("one", "two"), rows), months("A & B", ("one", "two"), "days", rows)):
        picture = drawing(svg)
        assert {each.tag for each in picture.iter()} <= DRAWN
        told = [each.text for each in picture.iter(f"{SVG}text")]
        assert all(row.label in told or not row.label for row in rows)
        inside = [name for each in picture.iter() for name in each.attrib]
        assert not [name for name in inside if name.startswith("on") or "href" in name or name == "style"]


def test_a_bar_is_as_long_as_its_share_of_the_largest() -> None:
    svg = bars("T", ("count",), [Row("a", (10,), ("10",)), Row("b", (5,), ("5",)), Row("c", (None,), ("too few",))])
    lengths = [
        float(each.attrib["width"]) for each in drawing(svg).iter(f"{SVG}rect") if "%" not in each.attrib["width"]
    ]
    assert lengths == [320.0, 160.0]
    assert "too few" in svg


def test_a_point_stands_as_high_as_its_value() -> None:
    rows = [Row("Jan", (2.0, None), ("", "")), Row("Feb", (4.0, 8.0), ("", "")), Row("Mar", (None, None), ("", ""))]
    picture = drawing(months("T", ("median", "90 %"), "days", rows))
    heights = [float(each.attrib["cy"]) for each in picture.iter(f"{SVG}circle")][1:]
    lines = {float(each.attrib["y1"]): place * 2 for place, each in enumerate(picture.iter(f"{SVG}line"))}
    assert [lines[each] for each in heights] == [2, 4]


@pytest.mark.parametrize("most", [0.001, 0.3, 1, 6, 6.1, 59, 61, 1e6])
def test_the_scale_has_a_few_round_steps(most: float) -> None:
    grid = list(drawing(months("T", ("a",), "days", [Row("x", (most,), ("",))])).iter(f"{SVG}line"))
    assert 2 <= len(grid) <= 8
