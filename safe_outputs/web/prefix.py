"""The hub's proxy passes on whole paths: this takes the service's prefix off, so that routes are written without it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class UnderPrefix:
    """A WSGI application that answers below `prefix` and knows nothing elsewhere."""

    def __init__(self, application: "WSGIApplication", prefix: str) -> None:
        self._application = application
        self._root = prefix.rstrip("/")

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == self._root or path.startswith(f"{self._root}/"):
            environ["SCRIPT_NAME"] = self._root
            environ["PATH_INFO"] = path[len(self._root) :] or "/"
            return self._application(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"There is nothing here. Saferoom's outputs service begins at {self._root}/\n".encode()]
