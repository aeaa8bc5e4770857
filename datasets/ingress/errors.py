"""Why something is not brought in.

    DatasetsError
    ├── NotTaken              422  the bytes, the name or the words are none that are taken in
    ├── NotYours              403  somebody else has to take this step, or may see this
    ├── UnknownIngress        404
    └── NotWritten            503  a delivery could not be written

A request in the wrong state raises `datasets.errors.WrongState`, content that changed `datasets.errors.DamagedFile`.
"""

from datasets.errors import DatasetsError
from governance.errors import Invalid, NotFound, Refused, Unavailable


class NotTaken(DatasetsError, Invalid):
    """What was sent is not taken in; each sentence says which file, why, and what to do. None quotes content."""

    @property
    def sentence(self) -> str:
        return " ".join(str(each) for each in self.args)


class NotYours(DatasetsError, Refused):
    """A right is missing."""


class UnknownIngress(DatasetsError, NotFound):
    """No request to bring something in of this name, or none that this person may see."""


class NotWritten(DatasetsError, Unavailable):
    """Accepted files could not be written to their project's folder; they stay accepted."""
