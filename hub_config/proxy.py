"""JupyterHub's proxy, reached and reaching over UNIX sockets only, but for the one port of the installation."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets import Bunch, TraitError, validate

from hub_config.processes import command_line

SOCKETS_FOR_NODE = Path(__file__).with_name("proxy_sockets.mjs")


class SocketProxy(ConfigurableHTTPProxy):
    """configurable-http-proxy, with routes to sockets and a careful look at whom it stops."""

    @validate("extra_routes")
    def _validate_extra_routes(self, proposal: Bunch) -> dict[str, str]:
        """Routes may lead to sockets, and to nothing else: JupyterHub's own check knows TCP only."""
        routes: dict[str, str] = proposal.value
        for prefix, target in routes.items():
            if not (prefix.startswith("/") and prefix.endswith("/") and target.startswith("http+unix://")):
                raise TraitError(f"The route {prefix} to {target} does not lead from a folder to a UNIX socket.")
        return routes

    async def restore_routes(self) -> None:
        """Also the routes to sockets, at once, when the proxy died and came back."""
        await super().restore_routes()
        for prefix, target in self.extra_routes.items():
            await self.add_route(prefix, target, {"extra": True})

    def _check_pid(self, pid: int) -> None:
        """Raise `ProcessLookupError` unless `pid` is this installation's proxy.

        JupyterHub stops whatever process has the number that it once wrote down; after a restart of the machine
        that may be anybody's.
        """
        super()._check_pid(pid)
        if self._api_socket not in command_line(pid):
            raise ProcessLookupError(pid)

    @property
    def _api_socket(self) -> Any:
        return unquote(urlparse(self.api_url).netloc)
