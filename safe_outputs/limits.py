"""How much a request may hold, and a project hand in: one table for the service, the gate's tests and the notebook.

Each limit is what output checkers can judge with care, or what one session may take of a machine that all share.
"""

MEGA = 1_000_000

MOST_GROUPS = 10
MOST_STATISTICS = 30
MOST_FILES = 200
MOST_EVIDENCE = 50

LARGEST_FILE = 10 * MEGA
LARGEST_REQUEST = 100 * MEGA
"""Of all files of one request together, evidence too."""

FILES_IN_A_WEEK = 1000
BYTES_IN_A_WEEK = 2000 * MEGA
"""What a project may hand in within seven days."""

LARGEST_BODY_OF_REQUEST = 4 * MEGA
"""Of a release request's JSON: more than the most files with their statements, so that a refusal says what it is."""

LONGEST_NAME = 255
LONGEST_STATEMENT = 1000

HELP = "Split it into several requests, or leave out what the audience does not need (archives are refused)."


def why_too_many(number: int, most: int, what: str) -> str | None:
    """Why a request cannot hold so many; None if it can. `what`: a plural."""
    if number <= most:
        return None
    return f"A request holds at most {most:,} {what}; this one has {number:,}, so nothing of it was kept. {HELP}"


def why_too_large(size: int, most: int, what: str) -> str | None:
    """Why so many bytes are too many; None if they are not."""
    if size <= most:
        return None
    return f"{what} may hold at most {in_megabytes(most)}; here are {in_megabytes(size)}, so nothing was kept. {HELP}"


def in_megabytes(size: int) -> str:
    """“10 MB”, with a tenth where it is not a whole number."""
    return f"{size / MEGA:,.1f} MB".replace(".0 ", " ")
