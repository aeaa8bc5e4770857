"""The catalogue entry of a dataset: what the owner offers, and on which terms its statistics may leave.

An entry is a TOML file. What is read is frozen and valid; what is not valid is refused with file, line and key.
"""

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path as FilePath
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializeAsAny, ValidationError

from datasets.catalogue_errors import catalogue_error, syntax_error
from datasets.columns import RESERVED_WORDS, Column, ColumnRole, Identifier, Part, Problem, Text
from datasets.errors import CatalogueError, ForbiddenColumn, UnknownColumn
from datasets.release_policy import ReleaseTerms, first_terms

FORMATS = {".csv": "csv", ".parquet": "parquet"}


class SourceFile(Part):
    """The owner's file: a path beside the catalogue, or a file inside an installed package or its wheel."""

    file: Annotated[str | None, Field(min_length=1, description="a path, relative to the catalogue")] = None
    package: Annotated[
        str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of an import package")
    ] = None
    resource: Annotated[str | None, Field(min_length=1, description="a path inside the package")] = None
    sha256: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{64}$", description="the file's SHA-256, 64 hexadecimal digits")
    ] = None
    citation: Text
    licence: Text

    @property
    def name(self) -> str:
        """The file as a person would name it."""
        return self.file if self.file is not None else f"{self.resource} in {self.package}"

    @property
    def format(self) -> str:
        """`csv` or `parquet`."""
        return FORMATS[self._suffix]

    @property
    def _suffix(self) -> str:
        return PurePosixPath(self.file or self.resource or "").suffix.lower()

    def problems(self) -> Iterator[Problem]:
        inside = (self.package, self.resource)
        if (self.file is None) == (inside == (None, None)) or (self.file is None and None in inside):
            yield Problem(path=(), wrong="one file is needed", expected="either file, or package and resource")
            return
        key = "file" if self.file is not None else "resource"
        if self._suffix not in FORMATS:
            yield Problem(path=(key,), wrong="no known format", expected="a name that ends in .csv or .parquet")
        resource = PurePosixPath(self.resource or "")
        if resource.is_absolute() or ".." in resource.parts:
            yield Problem(path=("resource",), wrong="leads out of the package", expected="a path inside it")


class UnitOfCount(Part):
    """What is counted, and whose contributions a rule bounds: a person, a household, a business."""

    column: Identifier
    singular: Text
    plural: Text
    missing: Annotated[Literal["reject", "drop"], Field(description='"reject" or "drop"')] = "reject"


class Catalogue(Part):
    """One dataset as its owner offers it.

    `population` names the people (or businesses) that it is about: datasets of one population share what the privacy
    ledger keeps of it. Left out, it is the dataset's name; `people` is the name in either case.
    """

    name: Identifier
    title: Text
    description: Text
    owner: Text
    steward: Text
    table: Identifier
    source: SourceFile
    unit: UnitOfCount
    population: Annotated[Identifier | None, Field(exclude_if=lambda name: name is None)] = None
    columns: Annotated[tuple[Column, ...], Field(description="a list of columns")]
    release: SerializeAsAny[ReleaseTerms]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The catalogue of a canonical JSON text, of this or an earlier form. Raises `CatalogueError` for any other."""
        try:
            value: Any = json.loads(text)
            terms = first_terms(value["release"])
            if terms is None:
                return cls.model_validate_json(text)
            present = terms.model_dump(mode="json", exclude={"exact", "private"})
            found = cls.model_validate_json(json.dumps({**value, "release": present}))
            return found.model_copy(update={"release": terms})
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise CatalogueError(
                "A catalogue that was stored as JSON cannot be read. It may have been edited, or written by another "
                "release of Saferoom; make the version or the copy anew."
            ) from error

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces. Equal catalogues give equal texts."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def people(self) -> str:
        """The name of the population."""
        return self.population or self.name

    @property
    def unit_column(self) -> Column:
        return self.column(self.unit.column)

    @property
    def kept(self) -> tuple[Column, ...]:
        """The columns that a version holds: all but the direct identifiers, in the catalogue's order."""
        return tuple(column for column in self.columns if column.role is not ColumnRole.DIRECT_IDENTIFIER)

    @property
    def variables(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.is_variable)

    def column(self, name: str) -> Column:
        """The column of that name. Raises `UnknownColumn`."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownColumn(
            f"“{name}” is no column of {self.title}. It has: {', '.join(each.name for each in self.kept)}."
        )

    def approved(self, names: Iterable[str]) -> Self:
        """This catalogue with the named columns only, in its own order, and the unit column always.

        Raises:
            UnknownColumn: a name that is none of its columns, or no variable is left.
            ForbiddenColumn: a direct identifier.
        """
        wanted = {self.column(name).name for name in names}
        for column in self.columns:
            if column.name in wanted and column.role is ColumnRole.DIRECT_IDENTIFIER:
                raise ForbiddenColumn(
                    f"“{column.name}” identifies a {self.unit.singular} directly, so no project may have it. "
                    "Leave it out of the agreement."
                )
        columns = tuple(column for column in self.kept if column.name in wanted | {self.unit.column})
        if len(columns) < 2:
            raise UnknownColumn(f"No variable of {self.title} was named. Name at least one.")
        return self.from_json(self.model_copy(update={"columns": columns}).to_json())

    def problems(self) -> Iterator[Problem]:
        if self.table in RESERVED_WORDS or self.table in {column.name for column in self.columns}:
            yield Problem(
                path=("table",),
                wrong=f"“{self.table}” is a word of SQL or a column's name",
                expected="a name that leaves queries unambiguous",
            )
        yield from self._unit_problems()
        yield from self._name_problems()
        yield from self._leak_problems()

    def _unit_problems(self) -> Iterator[Problem]:
        roles = {column.name: column.role for column in self.columns}
        if self.unit.column not in roles:
            yield Problem(
                path=("unit", "column"),
                wrong=f"there is no column “{self.unit.column}”",
                expected="one of columns",
            )
        for number, column in enumerate(self.columns):
            if (column.role is ColumnRole.UNIT) != (column.name == self.unit.column):
                yield Problem(
                    path=("columns", number, "role"),
                    wrong=f"“{column.role.value}” for column “{column.name}”",
                    expected=f'"unit" for “{self.unit.column}”, which unit.column names, and for no other',
                )
        if not self.variables:
            yield Problem(path=("columns",), wrong="no column is a variable", expected="at least one variable")

    def _name_problems(self) -> Iterator[Problem]:
        counts = Counter(column.name for column in self.columns)
        for number, column in enumerate(self.columns):
            if counts[column.name] > 1:
                yield Problem(
                    path=("columns", number, "name"),
                    wrong=f"“{column.name}” names {counts[column.name]} columns",
                    expected="names that differ",
                )

    def _leak_problems(self) -> Iterator[Problem]:
        hidden = {name for column in self.columns if not column.is_variable for name in column.sources}
        for number, column in enumerate(self.columns):
            if column.is_variable and hidden & set(column.sources):
                yield Problem(
                    path=("columns", number, "source"),
                    wrong="the source holds the unit or a direct identifier",
                    expected="a source that identifies nobody",
                )


def load_catalogue(path: FilePath) -> Catalogue:
    """The catalogue entry in a TOML file.

    Raises:
        CatalogueError: one sentence per problem, in the order of the file, each of the form
            “<file>, line <n>, <key>: <what is wrong>; expected <…>.”
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(
            f"{path.name}: the catalogue cannot be read ({type(error).__name__}); expected a TOML file in UTF-8 "
            f"at {path}."
        ) from error
    return parse_catalogue(text, path.name)


def parse_catalogue(text: str, file_name: str) -> Catalogue:
    """The catalogue entry in a TOML text; `file_name` is for errors. Raises `CatalogueError`."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise syntax_error(error, text, file_name) from error
    try:
        return Catalogue.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise catalogue_error(error, text, file_name, Catalogue) from error
