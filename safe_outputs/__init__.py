"""Safe outputs. In a researcher's notebook: `import safe_outputs as so`, then `so.connect()`.

The names below belong to the notebook client and load when they are first used, so that the service, whose
packages live beside the client, never imports it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safe_outputs.client import Refused, connect, crosstab, file, group, private, request

__all__ = ["Refused", "connect", "crosstab", "file", "group", "private", "request"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("safe_outputs.client"), name)
    raise AttributeError(f"safe_outputs has no “{name}”. In a notebook it offers: {', '.join(__all__)}.")
