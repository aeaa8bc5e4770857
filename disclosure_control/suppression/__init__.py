"""Suppression: withhold what the rules forbid, and as little else as keeps it from being derived.

The way is `system` (tables → one problem), `solve` (a pattern and its proof), `suppress` (what the caller sees).
"""

from disclosure_control.primary import suppress_primary
from disclosure_control.suppression.protected import ProtectedTable, Report
from disclosure_control.suppression.suppress import suppress

__all__ = ["ProtectedTable", "Report", "suppress", "suppress_primary"]
