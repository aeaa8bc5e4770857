"""What a service process works with: its settings, the register's database, and the secrets it may read."""

from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Engine

from governance.database import open_database
from hub_config.secrets import Secrets
from hub_config.settings import Settings


@dataclass(frozen=True)
class Installation:
    """One running Saferoom, as one of its processes sees it."""

    settings: Settings
    engine: Engine
    secrets: Secrets

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the register of a prepared state folder."""
        return cls(settings, open_database(settings.database_url), Secrets(settings.secrets))

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """Itself: there is one per process, and traitlets copies what it is configured with."""
        return self
