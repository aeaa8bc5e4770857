"""What is taken in, what is refused with a sentence, and what a steward is told."""

import time

import pytest

from datasets.ingress.errors import NotTaken
from datasets.ingress.limits import KINDS, LIMITS, limit
from datasets.ingress.names import why_not_name
from datasets.ingress.scan import File, Report, examine, refusals
from tests.datasets.ingress_corpus import BAD_NAMES, FOUND, HONEST, REFUSED, TABLE


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_file_is_refused_with_a_sentence(case: str) -> None:
    name, content, said = REFUSED[case]
    with pytest.raises(NotTaken) as refused:
        examine(File(name, content))
    sentence = refused.value.sentence
    assert said in sentence
    assert sentence.endswith(".") and f"“{name}”" in sentence
    assert "alert" not in sentence and "4711" not in sentence


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(NotTaken) as refused:
        examine(File(name, TABLE))
    assert refused.value.sentence.isprintable()
    assert not set(refused.value.sentence) & set("\u202e\u200b\x00\n")


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_file_is_taken_and_nothing_is_found(name: str) -> None:
    report = examine(File(name, HONEST[name]))
    assert report.findings == ()


@pytest.mark.parametrize("case", FOUND)
def test_what_a_steward_should_look_at_is_named_with_its_lines(case: str) -> None:
    name, content, what, lines = FOUND[case]
    found = [each for each in examine(File(name, content)).findings if what in each.what]
    assert [each.lines for each in found] == [lines]


def test_a_finding_names_its_column_and_counts_all_but_lists_twenty_lines() -> None:
    table = b"id,mail\n" + b"".join(b"%d,a%d@example.org\n" % (n, n) for n in range(50))
    (found,) = examine(File("t.csv", table)).findings
    assert (found.where, found.times, found.lines) == ("mail", 50, tuple(range(2, 22)))


def test_a_report_survives_being_kept() -> None:
    report = examine(File("t.csv", b"id,mail\n1,ada@example.org\n"))
    assert Report.from_json(report.as_json()) == report
    assert (report.kind, report.lines, report.rows) == ("look-up table", 2, 1)


@pytest.mark.parametrize("ending", KINDS)
def test_every_kind_is_judged_by_its_bytes(ending: str) -> None:
    """The name opens no door: the same archive is refused under each."""
    with pytest.raises(NotTaken, match="an archive"):
        examine(File(f"a{ending}", REFUSED["a zip bomb as a table"][1]))


@pytest.mark.parametrize("ending", KINDS)
def test_every_kind_has_its_most_bytes(ending: str) -> None:
    most = limit(KINDS[ending].size)
    with pytest.raises(NotTaken, match=f"at most {most:,}"):
        examine(File(f"a{ending}", b"a" * (most + 1)))


def test_every_limit_has_a_reason() -> None:
    assert all(each.most > 0 and len(each.reason) > 20 for each in LIMITS.values())


def test_files_are_judged_together() -> None:
    table = File("t.csv", TABLE)
    assert refusals([table]) == ()
    assert "No file was sent" in refusals([])[0]
    assert "11 files were sent" in refusals([File(f"t{n}.csv", TABLE) for n in range(11)])[0]
    assert "the same name" in refusals([table, File("T.CSV", TABLE)])[0]
    large = [File(f"{n}.csv", b"code\n" + b"1234567,\n" * 10) for n in range(1)] + [File("a.txt", b"a" * 899_999)]
    assert any("too large together" in each for each in refusals(large))


def test_each_refused_file_has_its_sentence() -> None:
    bad = [File("a.csv", REFUSED["a zip bomb as a table"][1]), File("t.csv", TABLE), File("b.py", b"")]
    first, second = refusals(bad)
    assert "“a.csv”" in first and "“b.py”" in second


def test_a_good_name_is_good() -> None:
    assert [why_not_name(name) for name in HONEST] == [None] * len(HONEST)


SLOW = {
    "open tags": ("a.md", b"# Notes\n" + (b"<a " * 3_000 + b"\n") * 20),
    "words in a tag": ("a.md", b"# Notes\n" + (b"<a" + b" on" * 3_000 + b"\n") * 20),
    "nearly a data URL": ("a.txt", (b"data:" * 1_900 + b"\n") * 20),
    "nearly a token": ("a.txt", (b"eyJ-" * 2_400 + b"\n") * 20),
    "nearly a password": ("a.txt", (b"password" * 1_200 + b"\n") * 20),
    "nearly an address": ("a.txt", (b"://a:" * 1_900 + b"\n") * 20),
    "nearly e-mail": ("t.csv", b"a\n" + (b"a" * 9_000 + b"\n") * 90),
    "nearly telephone": ("t.csv", b"a\n" + (b"0(1" * 3_000 + b"\n") * 90),
    "many letters of two alphabets": ("a.txt", ("аa" * 4_900 + "\n").encode() * 13),
    "as many rows as may be": ("t.csv", b"a,b\n" + b"0123456789012345678,-1\n" * 20_000),
}


@pytest.mark.parametrize("case", SLOW)
def test_no_file_takes_long_to_scan(case: str) -> None:
    """Bounded work, in seconds of processor time, for files that are made to be slow."""
    name, content = SLOW[case]
    before = time.process_time()
    assert refusals([File(name, content)]) == (), "refused early, so that nothing was searched"
    assert time.process_time() - before < 4
