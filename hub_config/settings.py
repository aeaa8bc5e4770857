"""Settings: one frozen object, made at the entry point from a TOML file, the environment and flags.

Later sources win: defaults, file, environment (`SAFEROOM_PORT=…`), flags. A key that nobody knows is an error
wherever it stands. `Settings.environment()` hands the same settings to a child process.
"""

import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from governance.addresses import require_address
from governance.errors import Invalid, Refused
from governance.zones import UTC_NAME, require_zone
from hub_config import protections
from hub_config.openid_provider import MalformedProvider, OpenIDProvider, words
from hub_config.protections import Protection
from safe_outputs.notifications.post import Security

PREFIX = "SAFEROOM_"
CONFIG_FILE = "SAFEROOM_CONFIG"
CHECKOUT = Path(__file__).resolve().parent.parent
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST_RUN_PATH = 40
"""A socket's path has at most 107 bytes; the longest name below the run folder, a kernel's channel, has 60."""


class SettingsError(Invalid):
    """A setting is unknown or has a value that cannot be used. Names the source, the line and the key."""


class UnsafeFolder(Refused):
    """A folder that others could write to, or that belongs to somebody else."""


class Settings(BaseModel):
    """Where state lies, where Saferoom listens, and which programs it starts."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    state: Path = Path("state")
    run: Path = Path()
    bind: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    public_url: str | None = None
    session_python: Path = CHECKOUT / ".session" / "bin" / "python"
    session_lock: Path = CHECKOUT / "requirements" / "session.txt"
    proxy_command: Path = CHECKOUT / "node_modules" / ".bin" / "configurable-http-proxy"
    examples: Path = CHECKOUT / "examples"
    register_database: str | None = None
    ledger_database: str | None = None
    checker_memory_mb: int | None = Field(default=None, ge=500)
    checker_temp_gb: int = Field(default=16, ge=1)
    check_rights_seconds: int = Field(default=20, ge=1, le=60)
    session_memory_mb: int = Field(default=4096, ge=512)
    session_processes: int = Field(default=256, ge=32)
    session_cpu_percent: int = Field(default=200, ge=10)
    session_scratch_mb: int = Field(default=512, ge=16)
    session_output_mb: int = Field(default=64, ge=1)
    project_disk_mb: int = Field(default=10240, ge=16)
    without: str = ""
    time_zone: str = UTC_NAME
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Security = Security.STARTTLS
    smtp_user: str = ""
    smtp_authorities: Path | None = None
    smtp_from: str = ""
    mail_folder: Path | None = None
    servers_in_front: int = Field(default=0, ge=0, le=5)
    idle_sign_in_minutes: int = Field(default=8 * 60, ge=5, le=24 * 60)
    idle_session_minutes: int = Field(default=2 * 60, ge=5, le=7 * 24 * 60)
    metrics: bool = False
    openid_issuer: str = ""
    openid_name: str = "your organisation"
    openid_authorize_url: str = ""
    openid_token_url: str = ""
    openid_keys_url: str = ""
    openid_userdata_url: str = ""
    openid_client_id: str = ""
    openid_username_claim: str = "preferred_username"
    openid_required_amr: str = ""
    openid_required_acr: str = ""

    @field_validator(
        "state",
        "session_python",
        "session_lock",
        "proxy_command",
        "examples",
        "tls_certificate",
        "tls_key",
        "smtp_authorities",
        "mail_folder",
    )
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else absolute(path)

    @model_validator(mode="before")
    @classmethod
    def _default_run(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {"run": default_run(Path(values.get("state") or "state"))} | values

    @field_validator("run")
    @classmethod
    def _fits_sockets(cls, run: Path) -> Path:
        if not run.is_absolute() or str(run) != str(run).lower() or len(str(run)) > LONGEST_RUN_PATH:
            raise ValueError(
                f"a folder for sockets needs an absolute, lower-case path of at most {LONGEST_RUN_PATH} characters"
            )
        return run

    @field_validator("public_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is None or re.fullmatch(r"https?://[^/?#]+/?", url):
            return url and url.rstrip("/")
        raise ValueError("an address like https://saferoom.example.org is needed, without a path")

    @field_validator("register_database", "ledger_database")
    @classmethod
    def _without_password(cls, address: str | None, field: ValidationInfo) -> str | None:
        """Settings travel in the environment of processes, where no secret may be (I12)."""
        if address is None or _is_postgresql_without_password(address):
            return address
        name = str(field.field_name).removesuffix("_database")
        raise ValueError(
            f"an address like postgresql://{name}@/{name}?unix_sock=/run/postgresql/.s.PGSQL.5432 is needed, without a "
            "password: let PostgreSQL know Saferoom by its operating-system user (peer)"
        )

    @field_validator("without")
    @classmethod
    def _known_protections(cls, names: str) -> str:
        return ",".join(sorted(protections.named(names)))

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return require_zone(name)
        except Invalid as error:
            raise ValueError(error.sentence) from None

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if self.smtp_host and self.mail_folder:
            raise ValueError("smtp_host and mail_folder are two ways for e-mail; give one of them")
        if not self.smtp_host and self.smtp_from + self.smtp_user:
            raise ValueError("smtp_from and smtp_user belong to a mail server; give smtp_host as well")
        if self.smtp_host and self.smtp_security is Security.NONE and self.smtp_host not in LOOPBACK:
            raise ValueError("smtp_security = none is for a mail server on this machine; use starttls or tls")
        if self.smtp_host:
            _address_of_sender(self.smtp_from)
        return self

    @property
    def sends_mail(self) -> bool:
        """Whether there is a way for e-mail to leave."""
        return bool(self.smtp_host or self.mail_folder)

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together; give both or neither")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        try:
            self.openid_provider()
        except MalformedProvider as error:
            raise ValueError(error.sentence) from None
        return self

    def openid_provider(self) -> OpenIDProvider | None:
        """The organisation that signs people in, or None where the register's passwords do.

        Raises:
            MalformedProvider: some of its settings are there, but not all, or not safe.
        """
        named = ("issuer", "authorize_url", "token_url", "keys_url", "userdata_url", "client_id")
        addresses = {name: getattr(self, f"openid_{name}") for name in named}
        if not any(addresses.values()) and not self.openid_required_amr + self.openid_required_acr:
            return None
        return OpenIDProvider(
            **addresses,
            name=self.openid_name,
            username_claim=self.openid_username_claim,
            required_amr=frozenset(words(self.openid_required_amr)),
            required_acr=words(self.openid_required_acr),
        )

    @property
    def does_without(self) -> frozenset[Protection]:
        """The protections that the operator named as ones to do without."""
        return protections.named(self.without)

    @property
    def tls(self) -> bool:
        """Whether the browser speaks TLS, here or at a server in front."""
        return self.hub_url.startswith("https://")

    @property
    def listen_url(self) -> str:
        """Where the proxy listens; all other sockets of Saferoom are UNIX sockets."""
        return f"{'https' if self.tls_certificate else 'http'}://{_bracketed(self.bind)}:{self.port}"

    @property
    def hub_url(self) -> str:
        """The address that people type, without a slash at its end."""
        return self.public_url or self.listen_url

    @property
    def outputs_url(self) -> str:
        return self.hub_url + OUTPUTS_PREFIX

    @property
    def database(self) -> Path:
        return self.state / "register.sqlite"

    @property
    def database_url(self) -> str:
        """Where register, queue and audit chain are kept: in the state folder, unless a PostgreSQL is named."""
        return self.register_database or f"sqlite:///{self.database}"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint of the audit chain that the service kept for itself."""
        return self.state / "audit" / "checkpoint.json"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def ledger(self) -> Path:
        return self.state / "checker" / "ledger.sqlite"

    @property
    def ledger_url(self) -> str:
        """Where the privacy ledger is kept: in the state folder, unless a PostgreSQL database is named."""
        return self.ledger_database or f"sqlite:///{self.ledger}"

    @property
    def datasets(self) -> Path:
        return self.state / "datasets"

    @property
    def copies(self) -> Path:
        return self.state / "copies"

    @property
    def store(self) -> Path:
        return self.state / "store"

    @property
    def releases(self) -> Path:
        return self.state / "releases"

    @property
    def sessions(self) -> Path:
        return self.state / "sessions"

    @property
    def projects(self) -> Path:
        """The folders that the members of a project share."""
        return self.state / "projects"

    @property
    def incoming(self) -> Path:
        """What researchers brought in, in one folder for each project (`datasets.ingress.delivery`)."""
        return self.state / "incoming"

    @property
    def hub(self) -> Path:
        """JupyterHub's own state: its database and the process ids that it wrote down."""
        return self.state / "hub"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def demo_file(self) -> Path:
        return self.state / "demo.json"

    @property
    def hub_socket(self) -> Path:
        return self.run / "hub.sock"

    @property
    def proxy_pid_file(self) -> Path:
        return self.hub / "proxy.pid"

    @property
    def proxy_api_socket(self) -> Path:
        return self.run / "proxy.sock"

    @property
    def outputs_socket(self) -> Path:
        return self.run / "outputs.sock"

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """Every folder that a running Saferoom writes to, parents first."""
        return (
            self.state,
            self.secrets,
            self.checkpoint.parent,
            self.ledger.parent,
            self.datasets,
            self.copies,
            self.store,
            self.releases,
            self.sessions,
            self.projects,
            self.incoming,
            self.hub,
            self.log,
            self.run,
        )

    def prepare(self) -> None:
        """Make the folders, for this user alone. Calling it again changes nothing.

        Raises:
            UnsafeFolder: one of them belongs to somebody else, can be written to by others, or is a link.
        """
        for folder in self.folders:
            make_private(folder)

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, from which `load({})` makes an equal object."""
        values = self.model_dump(exclude_none=True)
        return {PREFIX + key.upper(): _as_text(value) for key, value in values.items()}


OUTPUTS_PREFIX = "/services/outputs/"


def default_run(state: Path) -> Path:
    """The folder for the sockets of a state folder: short, because the paths of sockets are."""
    digest = hashlib.sha256(os.fsencode(absolute(state))).hexdigest()[:10]
    return Path(f"/tmp/saferoom-{os.geteuid()}-{digest}")  # noqa: S108 - `make_private` refuses one of somebody else


def absolute(path: Path) -> Path:
    """The path without `..`, its links as they are: an environment's interpreter is one."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve follows links


def load(flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from file, environment and flags (those that are None were not given).

    Raises:
        SettingsError: a key is unknown, or a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    file = given.pop("config", None) or environ.get(CONFIG_FILE)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file:
        _merge(values, origins, *_read_file(Path(file)))
    _merge(values, origins, *_read_environment(environ))
    _merge(values, origins, given, {key: f"--{key.replace('_', '-')}" for key in given})
    return _validated(values, origins)


def make_private(folder: Path, owner: int | None = None) -> None:
    """Make `folder` with mode 700 where it is missing; raise `UnsafeFolder` if others have a hand in it.

    It may belong to this user, or to `owner` where one is named.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeFolder(f"{folder} is a link or a file, not a folder. Choose another place for it.")
    if found.st_uid not in (os.geteuid(), owner):
        raise UnsafeFolder(f"{folder} belongs to another user (uid {found.st_uid}). Choose a folder of your own.")
    if found.st_mode & 0o022:
        raise UnsafeFolder(f"Others can write to {folder}. Take that right away (chmod go-w) and start again.")


def _read_file(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}. Check SAFEROOM_CONFIG or --config.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} is no valid TOML: {error}. Correct that line.") from None
    return values, {key: f"{file}, line {_line_of(text, key)}, {key}" for key in values}


def _read_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    names = [name for name in environ if name.startswith(PREFIX) and name != CONFIG_FILE]
    keys = {name.removeprefix(PREFIX).lower(): name for name in names}
    return {key: environ[name] for key, name in keys.items()}, {
        key: f"environment variable {name}" for key, name in keys.items()
    }


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _merge(values: dict[str, Any], origins: dict[str, str], new: dict[str, Any], where: dict[str, str]) -> None:
    values.update(new)
    origins.update(where)


def _validated(values: dict[str, Any], origins: dict[str, str]) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        problems = [_explain(problem["type"], problem["loc"], problem["msg"], origins) for problem in error.errors()]
    raise SettingsError(" ".join(problems))


def _explain(kind: str, where: tuple[int | str, ...], message: str, origins: dict[str, str]) -> str:
    key = str(where[0]) if where else ""
    origin = origins.get(key, key or "settings")
    if kind == "extra_forbidden":
        return f"{origin}: no such setting; known are {', '.join(Settings.model_fields)}."
    return f"{origin}: {message.removeprefix('Value error, ').removesuffix('.')}."


def _address_of_sender(address: str) -> None:
    try:
        require_address(address)
    except Invalid as error:
        raise ValueError(f"smtp_from: {error.sentence}") from None


def _is_postgresql_without_password(address: str) -> bool:
    try:
        url = make_url(address)
    except ArgumentError:
        return False
    return url.get_backend_name() == "postgresql" and url.password is None and "password" not in url.query


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
