"""How an answer looks in a notebook: the verdict word first, then why, then what to do."""

from html import escape

import pandas as pd

from safe_outputs.answers import NANO, WITHHELD_SIGN, Answer, Cell, TableOfCells, price_in_words, shown, shown_code
from safe_outputs.client.picture import picture

_WITHHELD = "background:repeating-linear-gradient(45deg,#ddd,#ddd 3px,#fff 3px,#fff 6px);color:#0b0c0c"
NOBODY = "no group has enough to be told of"


def as_frame(table: TableOfCells) -> pd.DataFrame:
    """The table as a pandas frame: one row a cell, withheld values missing, and its `status`.

    Noisy values have the ends of their 95 % interval beside them, `_low` and `_high`.
    """
    names = [column.name for column in (*table.dimensions, *table.measures)]
    ranged = [
        place for place in range(len(table.measures)) if any(cell.ranges and cell.ranges[place] for cell in table.cells)
    ]
    ends = [f"{table.measures[place].name}_{end}" for place in ranged for end in ("low", "high")]
    rows = [
        [
            *cell.codes,
            *cell.values,
            *(end for place in ranged for end in cell.ranges[place] or (None, None)),
            cell.status,
        ]
        for cell in table.cells
    ]
    return pd.DataFrame(rows, columns=[*names, *ends, "status"])


def as_text(answer: Answer) -> str:
    """The answer in plain text."""
    places = range(len(answer.table.measures) if answer.table.cells else 0)
    blocks = [_text_grid(answer.table, position) for position in places]
    legend = [f"  {WITHHELD_SIGN} withheld: {reason}" for reason in _reasons(answer.table)]
    findings = [f"  {each.rule}: {each.sentence} {each.fix}".rstrip() for each in answer.findings]
    promised = [f"  {each}" for each in (answer.exemption, answer.standing) if each]
    return "\n\n".join([*blocks, "\n".join([*legend, f"  {headline(answer)}", *findings, *promised])])


def as_html(answer: Answer) -> str:
    """The answer as an HTML fragment: no script, no colour alone; every text is escaped."""
    places = range(len(answer.table.measures) if answer.table.cells else 0)
    tables = "".join(_html_grid(answer.table, position) for position in places)
    legend = "".join(f"<li>{WITHHELD_SIGN} withheld: {escape(reason)}</li>" for reason in _reasons(answer.table))
    findings = "".join(
        f"<li><b>{escape(each.rule)}</b>: {escape(each.sentence)} {escape(each.fix)} "
        f"<small>Limit: {escape(each.limit)}. Source: {escape(each.source)}.</small></li>"
        for each in answer.findings
    )
    promised = "".join(f"<p>{escape(each)}</p>" for each in (answer.exemption, answer.standing) if each)
    shown_first = f"<p><b>{escape(headline(answer))}</b></p>{tables}{picture(answer)}"
    return f"<div>{shown_first}<ul>{legend}{findings}</ul>{promised}</div>"


def headline(answer: Answer) -> str:
    """Verdict, what was withheld or paid, and where the numbers come from, in one line."""
    parts = [answer.verdict.value]
    if answer.withheld:
        parts.append(f"{answer.withheld} of {len(answer.table.cells)} cells withheld")
    if not answer.table.cells:
        parts.append(NOBODY)
    if answer.noise is not None:
        parts.append(f"{answer.noise.in_words} at 95 %")
    if answer.charge is not None:
        left = min(answer.charge.remaining.values())
        parts.append(f"{price_in_words(answer.charge)} paid, {left / NANO:g} left")
    if answer.preview is not None:
        left = min(answer.preview.remaining.values())
        return " · ".join(
            [
                "preview, with made-up numbers",
                *parts[1:],
                f"would cost {price_in_words(answer.preview)} of {left / NANO:g} left",
            ]
        )
    parts.append(f"{answer.provenance} from {answer.source.dataset} v{answer.source.version}")
    return " · ".join(parts)


def _reasons(table: TableOfCells) -> list[str]:
    return sorted({cell.reason for cell in table.cells if cell.reason})


def _grid(table: TableOfCells, position: int) -> tuple[list[str], list[str], dict[tuple[str, str], Cell]]:
    """Rows × columns of one measure: the last dimension across, the others down."""
    across = len(table.dimensions) > 1
    cells = {
        (" · ".join(codes[:-1] if across else codes), codes[-1] if across else ""): cell
        for cell in table.cells
        for codes in [tuple(map(shown_code, cell.codes))]
    }
    rows = list(dict.fromkeys(row for row, _ in cells))
    columns = list(dict.fromkeys(column for _, column in cells)) if across else [""]
    return rows, [column or table.measures[position].label for column in columns], cells


def _text_grid(table: TableOfCells, position: int) -> str:
    rows, columns, cells = _grid(table, position)
    across = len(table.dimensions) > 1
    frame = pd.DataFrame(
        [[_shown(cells.get((row, column if across else "")), table, position) for column in columns] for row in rows],
        index=rows,
        columns=columns,
    )
    measure = table.measures[position]
    unit = f" ({measure.unit})" if measure.unit else ""
    return f"{measure.label}{unit}\n{frame.to_string()}"


def _html_grid(table: TableOfCells, position: int) -> str:
    rows, columns, cells = _grid(table, position)
    across = len(table.dimensions) > 1
    measure = table.measures[position]
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(
        f'<tr><th scope="row" style="white-space:nowrap">{escape(row)}</th>'
        + "".join(_html_cell(cells.get((row, column if across else "")), table, position) for column in columns)
        + "</tr>"
        for row in rows
    )
    caption = escape(f"{measure.label}{f' ({measure.unit})' if measure.unit else ''}")
    return f"<table><caption>{caption}</caption><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_cell(cell: Cell | None, table: TableOfCells, position: int) -> str:
    text = escape(_shown(cell, table, position))
    if cell is None or cell.status == "published":
        return f"<td>{text}</td>"
    return f'<td style="{_WITHHELD}" title="withheld: {escape(cell.reason or "")}">{text}</td>'


def _shown(cell: Cell | None, table: TableOfCells, position: int) -> str:
    return "" if cell is None else shown(cell.values[position], table.measures[position])
