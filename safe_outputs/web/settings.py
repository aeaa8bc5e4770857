"""What the outputs web service is told at its start: one frozen object, made by the entry point and passed down."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from governance.errors import Invalid
from governance.zones import UTC_NAME, zones

SHORTEST_KEY = 32


class WebSettingsError(Invalid):
    """A setting of the outputs service cannot be used. Names the setting."""


@dataclass(frozen=True)
class WebSettings:
    """Where the service reads and writes, and how it is reached. Raises `WebSettingsError`.

    `incoming` is the folder of what researchers bring in, by project; `session_lock` the lock of their environment.

    `prefix` is the path under which the hub's proxy serves it, `public_url` the address that people type (prefix
    included), `hub_prefix` the path of the hub itself. `notices` stand on top of every page. `metrics_token` is what a
    scraper of `/metrics` shows; without one there are no metrics. `time_zone` is the one of those who are not signed
    in, or have chosen none, and `sends_mail` whether there is a way for e-mail. Where the hub's API is, and the
    service's token there, `HubOAuth` reads from the JUPYTERHUB_* variables that the hub sets.
    """

    database_url: str
    store: Path
    releases: Path
    incoming: Path
    session_lock: Path
    public_url: str
    session_key: str = field(repr=False)
    gate_key: str = field(repr=False)
    prefix: str = "/services/outputs/"
    hub_prefix: str = "/hub/"
    notices: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)
    time_zone: str = UTC_NAME
    sends_mail: bool = False

    def __post_init__(self) -> None:
        for name in ("session_key", "gate_key"):
            if len(getattr(self, name)) < SHORTEST_KEY:
                raise WebSettingsError(f"{name} has to be a secret of at least {SHORTEST_KEY} characters.")
        if self.metrics_token is not None and len(self.metrics_token) < SHORTEST_KEY:
            raise WebSettingsError(f"metrics_token has to be a secret of at least {SHORTEST_KEY} characters, or none.")
        for name in ("prefix", "hub_prefix"):
            value = getattr(self, name)
            if not (value.startswith("/") and value.endswith("/")):
                raise WebSettingsError(f"{name} has to begin and end with a slash; it is “{value}”.")
        if self.time_zone not in zones():
            raise WebSettingsError(f"time_zone has to be a time zone like Europe/Paris; “{self.time_zone}” is none.")
        if urlsplit(self.public_url).scheme not in {"http", "https"}:
            raise WebSettingsError("public_url has to be an address that begins with http:// or https://.")

    @property
    def secure(self) -> bool:
        """Whether browsers reach the service over TLS, so that its cookies may travel over nothing else."""
        return urlsplit(self.public_url).scheme == "https"

    def address(self, path: str) -> str:
        """The full address of a page of this service; `path` without the prefix."""
        return f"{self.public_url.rstrip('/')}/{path.lstrip('/')}"
