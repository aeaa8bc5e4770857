"""The ledger's tables, and the triggers by which the database refuses to edit what is written.

    ledger_schema    one row: the schema's version, and how entries are sealed; a writer locks it
    ledger_entry     what happened, in order, each entry with the hash of the one before; only ever appended to
    ledger_balance   granted and spent of each scope, in ρ and in δ, so that neither is summed up over history
    ledger_charge    charges as they stand now, with their results
    ledger_charged   the same charges by scope
    ledger_exact     the exact releases of each population

The entries are the truth; the other tables follow from them, and `verify` compares.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from disclosure_control.privacy.ledger.charges import TRANSITIONS, ChargeState

SCHEMA_VERSION = 3

metadata = MetaData()
schema = Table(
    "ledger_schema",
    metadata,
    Column("version", Integer, nullable=False),
    Column("seal", Text, nullable=False),
)
entry = Table(
    "ledger_entry",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("ledger_entry_of", "subject", "kind", "sequence"),
)
balance = Table(
    "ledger_balance",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("granted", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("spent_delta", BigInteger, nullable=False),
    Column("granted_delta", BigInteger, nullable=False),
    CheckConstraint("spent >= 0 AND spent <= granted", name="never_overspent"),
    CheckConstraint("spent_delta >= 0 AND spent_delta <= granted_delta", name="delta_never_overspent"),
)
charge = Table(
    "ledger_charge",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("request", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("nano_rho", BigInteger, nullable=False),
    Column("nano_delta", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("result", LargeBinary),
    CheckConstraint("nano_rho > 0", name="never_free"),
    CheckConstraint("nano_delta >= 0", name="no_negative_delta"),
    CheckConstraint(f"state IN ({', '.join(repr(str(each)) for each in ChargeState)})", name="known_state"),
    CheckConstraint("(state = 'committed') = (result IS NOT NULL)", name="result_with_commit"),
)
Index(
    "ledger_charge_once",
    charge.c.request,
    unique=True,
    sqlite_where=charge.c.state != "void",
    postgresql_where=charge.c.state != "void",
)
charged = Table(
    "ledger_charged",
    metadata,
    Column("charge_id", Text, ForeignKey("ledger_charge.id"), primary_key=True),
    Column("scope", Text, ForeignKey("ledger_balance.scope"), primary_key=True, index=True),
)
exact = Table(
    "ledger_exact",
    metadata,
    Column("scope", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("sequence", BigInteger, ForeignKey("ledger_entry.sequence"), nullable=False),
)

REFUSAL = "the ledger is never edited"

_MOVES = ", ".join(f"'{old}>{new}'" for old, news in TRANSITIONS.items() for new in sorted(news))
_SAME_CHARGE = " AND ".join(
    f"NEW.{each} = OLD.{each}" for each in ("id", "sequence", "request", "scopes", "nano_rho", "nano_delta", "at")
)

FORBIDDEN: tuple[tuple[str, str, str | None], ...] = (
    ("ledger_schema", "DELETE", None),
    ("ledger_entry", "UPDATE", None),
    ("ledger_entry", "DELETE", None),
    (
        "ledger_balance",
        "UPDATE",
        "NOT (NEW.scope = OLD.scope AND NEW.granted >= OLD.granted AND NEW.granted_delta >= OLD.granted_delta)",
    ),
    ("ledger_balance", "DELETE", None),
    ("ledger_charge", "INSERT", "NEW.state <> 'reserved'"),
    ("ledger_charge", "UPDATE", f"NOT ({_SAME_CHARGE} AND (OLD.state || '>' || NEW.state) IN ({_MOVES}))"),
    ("ledger_charge", "DELETE", None),
    ("ledger_charged", "UPDATE", None),
    ("ledger_charged", "DELETE", None),
    ("ledger_exact", "UPDATE", None),
    ("ledger_exact", "DELETE", None),
)
"""Table, what may not be done to its rows, and when (None: ever)."""


def create(connection: Connection, seal: str) -> None:
    """Make the tables and their triggers where there are none."""
    metadata.create_all(connection, checkfirst=False)
    if connection.dialect.name == "postgresql":
        connection.execute(text(_POSTGRESQL_REFUSE))
    for table in metadata.tables:
        guard(connection, table)
    connection.execute(schema.insert().values(version=SCHEMA_VERSION, seal=seal))


def guard(connection: Connection, table: str) -> None:
    """Make the triggers of one table."""
    make = {"sqlite": _sqlite_triggers, "postgresql": _postgresql_triggers}[connection.dialect.name]
    for statement in make(table):
        connection.execute(text(statement))


def _forbidden(wanted: str) -> list[tuple[str, str]]:
    return [(action, when or "") for table, action, when in FORBIDDEN if table == wanted]


def _sqlite_triggers(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table}"
        + (f" WHEN {when}" if when else "")
        + f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        for action, when in _forbidden(table)
    ]


_POSTGRESQL_REFUSE = (
    f"CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
)


def _postgresql_triggers(table: str) -> list[str]:
    rows = [
        f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table} FOR EACH ROW"
        + (f" WHEN ({when})" if when else "")
        + " EXECUTE FUNCTION ledger_refuse()"
        for action, when in _forbidden(table)
    ]
    return [*rows, f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION ledger_refuse()"]
