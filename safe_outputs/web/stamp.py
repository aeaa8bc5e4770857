"""The stamp that a session's gate puts on every call: who calls, from which project, and when.

It is made outside the session's sandbox and is good for a minute, so that a kernel holds nothing worth stealing.
"""

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from governance.errors import SaferoomError
from safe_outputs.asking import Asker

SCHEME = "Saferoom-Session"
SECONDS = 60
_SALT = "safe_outputs.web.stamp"


class BadStamp(SaferoomError):
    """The call bears no stamp, or one that the gate did not make just now."""

    status = 401


def sign(key: str, person: str, project: str) -> str:
    """A stamp for one call, by the holder of the gate's key."""
    return URLSafeTimedSerializer(key, salt=_SALT).dumps([person, project])


def read(key: str, token: str, *, seconds: int = SECONDS) -> Asker:
    """Who is stamped. Raises `BadStamp` when it is forged, changed or older than `seconds`."""
    try:
        content = URLSafeTimedSerializer(key, salt=_SALT).loads(token, max_age=seconds)
    except SignatureExpired:
        raise BadStamp("The stamp of this call is too old. Ask again from your session.") from None
    except BadSignature:
        raise BadStamp("This call bears no stamp of a session's gate. Make it from a session.") from None
    match content:
        case [str(person), str(project)]:
            return Asker(person, project)
        case _:
            raise BadStamp("This call bears no stamp of a session's gate. Make it from a session.")
