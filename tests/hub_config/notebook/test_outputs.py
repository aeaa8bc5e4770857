"""What of an output is shown. Each row: what a kernel says, and what stands under the cell."""

import base64
from typing import Any

import pytest

from hub_config.notebook.outputs import (
    MOST_IMAGE,
    MOST_TEXT,
    MOST_TRACEBACK,
    judge_bundle,
    judge_error,
    judge_output,
    judge_stream,
    shown_outputs,
    size_of,
)

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"pixels").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff" + b"pixels").decode()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text/plain", "1"),
        ("text/html", "<table></table>"),
        ("text/markdown", "# a"),
        ("text/latex", "$a$"),
        ("image/svg+xml", "<svg/>"),
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("application/json", {"a": [1, 2]}),
    ],
)
def test_what_honest_work_shows_is_shown_as_it_is(kind: str, value: Any) -> None:
    judged = judge_bundle({kind: value}, {})
    assert judged.content == {"data": {kind: value}, "metadata": {}}
    assert judged.held == ()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("application/javascript", "fetch('/')"),
        ("text/javascript", "alert(1)"),
        ("application/vnd.jupyter.widget-view+json", {"model_id": "1"}),
        ("application/vnd.jupyter.widget-state+json", {"state": {}}),
        ("application/vnd.vegalite.v5+json", {"data": {"values": [1]}}),
        ("application/vnd.plotly.v1+json", {"data": [1]}),
        ("application/geo+json", {}),
        ("application/pdf", PNG),
        ("application/octet-stream", PNG),
        ("application/vnd.apache.parquet", PNG),
        ("audio/wav", PNG),
        ("video/mp4", PNG),
        ("text/csv", "1,2"),
        ("TEXT/PLAIN", "a"),
        ("text/plain;charset=utf-7", "a"),
        ("made/up", "a"),
        ("image/png", "no base64 at all!"),
        ("image/png", base64.b64encode(b"id,income\n1,20000").decode()),
        ("image/jpeg", PNG),
        ("image/png", {"rows": 1}),
        ("text/plain", {"rows": 1}),
        ("text/html", [1, 2]),
        ("image/svg+xml", 5),
    ],
)
def test_what_is_not_listed_or_not_what_it_says_is_held_back(kind: str, value: Any) -> None:
    judged = judge_bundle({kind: value})
    assert judged.content is None
    assert "kind that is not shown here" in judged.held[0].sentence
    assert kind not in judged.held[0].kind or kind.startswith("image/")


def test_one_representation_held_back_leaves_the_others() -> None:
    judged = judge_bundle({"text/plain": "Slider()", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}})
    assert judged.content == {"data": {"text/plain": "Slider()"}, "metadata": {}}
    assert len(judged.held) == 1


@pytest.mark.parametrize(
    ("kind", "value", "most"),
    [
        ("text/plain", "x", MOST_TEXT),
        ("text/html", "<", MOST_TEXT),
        ("image/svg+xml", "x", MOST_IMAGE),
    ],
)
def test_the_limit_is_met_to_the_byte(kind: str, value: str, most: int) -> None:
    fits = value * (most - 2) if kind != "image/svg+xml" else None
    if fits is not None:
        assert judge_bundle({kind: fits}).content is not None
    held = judge_bundle({kind: value * (most - 1)})
    assert held.content is None
    assert f"{most // 1024:,} KiB" in held.held[0].sentence


def test_an_image_of_a_mebibyte_is_shown_and_a_larger_one_not() -> None:
    fits = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * (MOST_IMAGE * 3 // 4 - 64)).decode()
    assert judge_bundle({"image/png": fits, "text/plain": "<Figure>"}).content is not None
    assert judge_bundle({"image/png": fits + "AAAA" * 64}).content is None


def test_many_representations_do_not_add_up_past_the_limit() -> None:
    half = "x" * (MOST_TEXT // 2 + 10)
    judged = judge_bundle({"text/plain": half, "text/html": half, "image/png": PNG})
    assert judged.content is not None and set(judged.content["data"]) == {"image/png"}


def test_of_metadata_only_an_images_size_is_left() -> None:
    smuggled = {"image/png": {"width": 10, "height": 20.5, "rows": 7}, "other": "x" * 1000, "isolated": True}
    judged = judge_bundle({"image/png": PNG}, smuggled)
    assert judged.content == {"data": {"image/png": PNG}, "metadata": {"image/png": {"width": 10, "height": 20}}}
    hostile: Any
    for hostile in ({"image/png": {"width": 10**300, "height": True}}, [1], "x", {"image/png": [1]}):
        judged = judge_bundle({"image/png": PNG}, hostile)
        assert judged.content is not None and judged.content["metadata"] == {}


@pytest.mark.parametrize("data", [None, [], "x", 1, {}])
def test_a_bundle_that_is_none_is_held_back(data: Any) -> None:
    assert judge_bundle(data).content is None


def test_printed_text_is_shown_up_to_the_limit() -> None:
    assert judge_stream("stdout", "a\n").content == {"name": "stdout", "text": "a\n"}
    assert judge_stream("stdout", "x" * (MOST_TEXT - 2)).content is not None
    assert judge_stream("stdout", "x" * (MOST_TEXT - 1)).content is None
    assert judge_stream("smuggled " * 100, ["a", "b"]).content == {"name": "stdout", "text": "ab"}
    assert judge_stream("stderr", {"rows": 1}).content == {"name": "stderr", "text": ""}


def test_bytes_count_not_signs() -> None:
    assert judge_stream("stdout", "€" * (MOST_TEXT // 2)).content is None


def test_a_long_traceback_is_cut_and_says_so() -> None:
    short = {"ename": "E", "evalue": "v", "traceback": ["a"], "extra": "x"}
    assert judge_error(short).content == {"ename": "E", "evalue": "v", "traceback": ["a"]}
    judged = judge_error({"ename": "E" * 10**6, "evalue": "v" * 10**6, "traceback": ["x" * MOST_TRACEBACK]})
    assert judged.content is not None and size_of(judged.content) < 12_000
    assert "held back" in judged.content["traceback"][1]
    assert judge_error({"ename": {}, "evalue": [], "traceback": [1]}).content == {
        "ename": "",
        "evalue": "",
        "traceback": [],
    }


def test_the_same_rule_judges_the_outputs_of_a_notebooks_file() -> None:
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "x" * MOST_TEXT},
        {"output_type": "display_data", "data": {"application/javascript": "x"}, "metadata": {}},
        {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {"a": 1}, "execution_count": 1},
        {"output_type": "made_up", "rows": 1},
        "no output",
    ]
    shown, held = shown_outputs(outputs)
    assert [each["output_type"] for each in shown] == [
        "display_data",
        "display_data",
        "execute_result",
        *["display_data"] * 2,
    ]
    assert shown[2] == {
        "output_type": "execute_result",
        "data": {"text/plain": "2"},
        "metadata": {},
        "execution_count": 1,
    }
    assert all("held back" in shown[place]["data"]["text/plain"] for place in (0, 1, 3, 4))
    assert len(held) == 4


def test_an_execution_count_is_a_number() -> None:
    hostile: Any
    for hostile in ("x" * 100, 10**9, -1, True, None, {}):
        output = {"output_type": "execute_result", "data": {"text/plain": "2"}, "execution_count": hostile}
        judged = judge_output(output)
        assert judged.content is not None and judged.content["execution_count"] is None
