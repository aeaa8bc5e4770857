"""Every way into the notebook server, as a table: what JupyterLab needs for honest work is open, all else is closed.

A route is named by the pattern with which it is registered (without the server's address) and the name of what handles
it. A route that is not in the table is closed, so a new version of Jupyter opens nothing by itself; a test walks the
routes of a running server and fails on one that stands in neither list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from hub_config.notebook.documents import MOST_NOTEBOOK
from hub_config.notebook.outputs import KIB


class Counts(Enum):
    """How an answer stands to the day's budget."""

    CONSTANT = "the same for everybody: part of the software, or what the browser itself sent before"
    ANSWER = "counted, and given even when the budget is used up: it tells that work goes on"
    CONTENT = "counted, and refused when the budget is used up: files and their names, which kernels make"


SMALL = 64 * KIB
SETTINGS = 256 * KIB
LARGEST_BODY = 3 * MOST_NOTEBOOK
"""A notebook as JSON inside JSON, and what the browser says around it."""


@dataclass(frozen=True)
class Way:
    """An open method of a route: how its answer counts, how large a body may be, and which paths it is limited to."""

    counts: Counts = Counts.ANSWER
    body: int = 0
    only: re.Pattern[str] | None = None


CONSTANT = Way(Counts.CONSTANT)
CONTENT = Way(Counts.CONTENT)
ANSWER = Way()
ASK = Way(body=SMALL)
FIND = {"GET": CONSTANT, "HEAD": CONSTANT}

_PATH = r"(?P<path>(?:(?:/[^/]+)+|/?))"
_KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
_SESSION = r"(?P<session_id>\w+-\w+-\w+-\w+-\w+)"
_NAME = r"(?P<kernel_name>[\w\.\-%]+)"
_LOGO = re.compile(r"/kernelspecs/[\w.-]+/logo-(32x32\.png|64x64\.png|svg\.svg)")

Route = tuple[str, str]

OPEN: Mapping[Route, Mapping[str, Way]] = {
    # the page and its parts
    ("/", "MainHandler"): {"GET": CONSTANT},
    ("/?", "RedirectWithParams"): {"GET": CONSTANT},
    ("/.*/", "TrailingSlashHandler"): {"GET": CONSTANT},
    (
        r"/(?P<mode>lab|doc)(?P<workspace>/workspaces/[a-zA-Z0-9\-\_]+)?(?P<tree>/tree/.*)?",
        "LabHandler",
    ): {"GET": ANSWER},
    ("/lab/.*", "NotFoundHandler"): {"GET": ANSWER},
    ("/static/lab/(.*)", "FileFindHandler"): FIND,
    ("/lab/extensions/(.*)", "FileFindHandler"): FIND,
    ("/lab/api/themes/(.*)", "ThemesHandler"): FIND,
    ("/static/(.*)", "FileFindHandler"): FIND,
    (r"/(robots\.txt)", "FileFindHandler"): FIND,
    (r"/(favicon\.ico)", "FileFindHandler"): FIND,
    (r"/(robots\.txt|favicon\.ico)", "PublicStaticFileHandler"): FIND,
    ("/lab/api/translations/?", "TranslationsHandler"): {"GET": CONSTANT},
    ("/lab/api/translations/(?P<locale>.*)", "TranslationsHandler"): {"GET": CONSTANT},
    # her settings and the layout of her page, in the server's home
    ("/lab/api/settings/?", "SettingsHandler"): {"GET": ANSWER},
    ("/lab/api/settings/(?P<schema_name>.+)", "SettingsHandler"): {"GET": ANSWER, "PUT": Way(body=SETTINGS)},
    ("/lab/api/workspaces/?", "WorkspacesHandler"): {"GET": ANSWER},
    ("/lab/api/workspaces/(?P<space_name>.+)", "WorkspacesHandler"): {
        "GET": ANSWER,
        "PUT": Way(body=SETTINGS),
        "DELETE": ANSWER,
    },
    (r"/api/config/(?P<section_name>\w+)", "ConfigHandler"): {"GET": ANSWER},
    # who she is, and whether the server is there
    ("/api", "APIVersionHandler"): {"GET": ANSWER},
    ("/api/status", "APIStatusHandler"): {"GET": ANSWER},
    ("/api/me", "IdentityHandler"): {"GET": ANSWER},
    ("/logout", "JupyterHubLogoutHandler"): {"GET": ANSWER},
    ("/oauth_callback", "JupyterHubOAuthCallbackHandler"): {"GET": ANSWER},
    # files
    (f"/api/contents{_PATH}", "ContentsHandler"): {
        "GET": CONTENT,
        "PUT": Way(body=LARGEST_BODY),
        "POST": ASK,
        "PATCH": ASK,
        "DELETE": ANSWER,
    },
    (f"/api/contents{_PATH}/checkpoints", "CheckpointsHandler"): {"GET": ANSWER, "POST": ASK},
    (
        rf"/api/contents{_PATH}/checkpoints/(?P<checkpoint_id>[\w-]+)",
        "ModifyCheckpointsHandler",
    ): {"POST": ASK, "DELETE": ANSWER},
    (f"/api/contents{_PATH}/trust", "TrustNotebooksHandler"): {"POST": ASK},
    # kernels
    ("/api/kernelspecs", "MainKernelSpecHandler"): {"GET": ANSWER},
    (f"/api/kernelspecs/{_NAME}", "KernelSpecHandler"): {"GET": ANSWER},
    (f"/kernelspecs/{_NAME}/(?P<path>.*)", "KernelSpecResourceHandler"): {"GET": Way(Counts.CONSTANT, only=_LOGO)},
    ("/api/kernels", "MainKernelHandler"): {"GET": ANSWER, "POST": ASK},
    (f"/api/kernels/{_KERNEL}", "KernelHandler"): {"GET": ANSWER, "DELETE": ANSWER},
    (f"/api/kernels/{_KERNEL}/(?P<action>restart|interrupt)", "KernelActionHandler"): {"POST": ASK},
    (f"/api/kernels/{_KERNEL}/channels", "KernelWebsocketHandler"): {"GET": ANSWER},
    ("/api/sessions", "SessionRootHandler"): {"GET": ANSWER, "POST": ASK},
    (f"/api/sessions/{_SESSION}", "SessionHandler"): {"GET": ANSWER, "PATCH": ASK, "DELETE": ANSWER},
    ("/api/events/subscribe", "SubscribeWebsocket"): {"GET": ANSWER},
}
"""What is open. A method that is not named is closed."""

CLOSED: Mapping[Route, str] = {
    ("/files/(.*)", "FilesHandler"): "hands out files as they are",
    (f"/view{_PATH}", "ViewHandler"): "shows files as pages of this site",
    (r"/nbconvert/(?P<format>\w+)", "NbconvertPostHandler"): "makes files to take away, and runs templates",
    (rf"/nbconvert/(?P<format>\w+){_PATH}", "NbconvertFileHandler"): "makes files to take away, and runs templates",
    ("/api/nbconvert", "NbconvertRootHandler"): "lists what it makes",
    (r"/terminals/websocket/(\w+)", "TermSocket"): "a shell of the server, outside every sandbox",
    ("/api/terminals", "TerminalRootHandler"): "a shell of the server, outside every sandbox",
    (r"/api/terminals/(\w+)", "TerminalHandler"): "a shell of the server, outside every sandbox",
    ("/lab/api/extensions", "ExtensionHandler"): "installs code into the server",
    ("/lab/api/plugins", "PluginHandler"): "switches parts of the page on again",
    ("/lab/api/build", "BuildHandler"): "builds code into the page",
    ("/lab/api/listings/(.*)", "ListingsHandler"): "asks other hosts",
    ("/lab/api/licenses/(.*)", "LicensesHandler"): "makes files to take away",
    ("/lab/api/update", "CheckForUpdateHandler"): "asks other hosts",
    ("/lab/api/news", "NewsHandler"): "asks other hosts",
    ("/lsp/status", "LanguageServersHandler"): "runs programs beside the server",
    ("/lsp/ws/(?P<language_server>.*)", "LanguageServerWebSocketHandler"): "runs programs beside the server",
    ("/metrics", "PrometheusMetricsHandler"): "tells of the server, not of her work",
    ("/api/shutdown", "ShutdownHandler"): "ends the session past the hub",
    ("/api/events", "EventHandler"): "writes events in the server's name",
    ("/api/resolvePath", "PathResolverHandler"): "tells where files lie",
    ("/api/spec.yaml", "APISpecHandler"): "not needed",
    ("/api/security/csp-report", "CSPReportHandler"): "writes into the server's log",
    ("/api/notebooks/?(.*)", "NotebooksRedirectHandler"): "another name for the contents",
    ("(.*)", "Template404"): "there is nothing",
    ("/login", "LoginFormHandler"): "a way in past the hub",
    ("/logout", "LogoutHandler"): "a way in past the hub",
}
"""What is registered, and why it is closed. For the reader and the test: what stands nowhere is closed as well."""
