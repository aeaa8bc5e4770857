"""Pictures of tables (being written)."""

from disclosure_control.table import Table


def table_html(table: Table) -> str:
    """The table as HTML."""
    return table.cells.to_html()
