"""Why a file is not taken."""

from governance.errors import Invalid


class FileNotTaken(Invalid):
    """The file is none that can be in a request. The sentence says what it is, why not, and what to do instead."""
