"""Errors of this package that a person may see.

    DatasetsError
    ├── CatalogueError        422  the catalogue entry is malformed
    ├── SourceError           422  the owner's file is missing, or does not hold what the catalogue says
    ├── UnknownColumn         422  an agreement names a column that the dataset does not have
    ├── ForbiddenColumn       403  an agreement names a direct identifier
    ├── WrongRole             403  somebody else has to take this step
    ├── NoAgreement           403  the project may not use the dataset
    ├── WithdrawnVersion      403  the data owner has withdrawn the version
    ├── UnknownVersion        404
    ├── WrongState            409  the version is not in a state that allows the step
    ├── DamagedFile           500  a file is not the one that was recorded
    └── CopyUnreadable        503  a project copy cannot be opened

No text holds a value of the data: columns and counts only.
"""

from governance.errors import Conflict, Invalid, NotFound, Refused, SaferoomError, Unavailable


class DatasetsError(SaferoomError):
    """The base of this package's errors."""


class CatalogueError(DatasetsError, Invalid):
    """The catalogue entry is malformed. The text names file, line, key, what is wrong and what was expected."""


class SourceError(DatasetsError, Invalid):
    """The owner's file cannot be taken in."""


class UnknownColumn(DatasetsError, Invalid):
    """A column that the dataset does not have."""


class ForbiddenColumn(DatasetsError, Refused):
    """A direct identifier, which no project may have."""


class WrongRole(DatasetsError, Refused):
    """The step belongs to a person with another role or organisation."""


class NoAgreement(DatasetsError, Refused):
    """The project has no agreement in force on this dataset."""


class WithdrawnVersion(DatasetsError, Refused):
    """The version was withdrawn by its data owner."""


class UnknownVersion(DatasetsError, NotFound):
    """No such dataset, or no such version of it."""


class WrongState(DatasetsError, Conflict):
    """The version's state does not allow this step."""


class DamagedFile(DatasetsError):
    """A file differs from the one whose digest was recorded."""


class CopyUnreadable(DatasetsError, Unavailable):
    """A project copy cannot be opened."""
