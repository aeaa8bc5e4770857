"""A locked notebook server's configuration, and what its page leaves out. Pure: facts in, JSON values out."""

from pathlib import Path
from typing import Any

from hub_config.notebook.budget import BYTES_A_DAY
from hub_config.notebook.messages import REQUESTS
from hub_config.notebook.outputs import KIB
from hub_config.notebook.routes import LARGEST_BODY

LARGEST_REQUEST = 1024 * KIB
"""Bytes of one message from the browser to a kernel: the code of a cell."""

SECONDS_TO_TRUST_A_COOKIE = 10
"""For so long after the hub was asked about a cookie, it is not asked again: a copied one outlives sign-out by this."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "form-action 'self'",
        "base-uri 'self'",
        "object-src 'none'",
        "frame-src 'none'",
        "frame-ancestors 'none'",
    )
)
"""As strict as JupyterLab bears. It compiles the schemas of its settings (`unsafe-eval`) and writes styles into the
page; no script that stands in the page itself runs, so none in an output does."""

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def locked_configuration(
    *, root: Path, server_home: Path, kernel: str, bytes_a_day: int = BYTES_A_DAY, by_hub: bool = True
) -> dict[str, Any]:
    """The parts of `jupyter_server_config.json` that lock a server.

    `root` is what JupyterLab shows; `server_home` keeps the budget's ledger, checkpoints and signatures, and no kernel
    sees it; `kernel` is the one kernelspec. `by_hub` says that the hub, and no token, tells who may use the server.
    """
    authorizer = "HubAuthorizer" if by_hub else "LockedAuthorizer"
    return {
        "ServerApp": {
            "root_dir": str(root),
            "terminals_enabled": False,
            "disable_check_xsrf": False,
            "allow_origin": "",
            "allow_origin_pat": "",
            "max_body_size": LARGEST_BODY,
            "quit_button": False,
            "reraise_server_extension_failures": True,
            "jpserver_extensions": {
                "hub_config.notebook.lockdown": True,
                "jupyter_server_terminals": False,
                "jupyter_lsp": False,
                "notebook_shim": False,
            },
            "authorizer_class": f"hub_config.notebook.lockdown.{authorizer}",
            "contents_manager_class": "hub_config.notebook.contents.LockedContents",
            "kernel_manager_class": "hub_config.notebook.kernels.LockedKernels",
            "kernel_websocket_connection_class": "hub_config.notebook.connection.LockedConnection",
            "tornado_settings": {
                "xsrf_cookie_kwargs": {"samesite": "Strict"},
                "headers": HEADERS,
                "websocket_max_message_size": LARGEST_REQUEST,
            },
        },
        "HubOAuth": {"cache_max_age": SECONDS_TO_TRUST_A_COOKIE},
        "SessionLock": {"bytes_a_day": bytes_a_day, "ledger": str(server_home / "shown-today.json")},
        "LockedContents": {"root_dir": str(root), "checkpoint_folder": str(server_home / "checkpoints")},
        "LockedKernels": {
            "default_kernel_name": kernel,
            "kernel_manager_class": "hub_config.notebook.kernels.LockedKernel",
            "allowed_message_types": list(REQUESTS),
            "allow_tracebacks": True,
        },
        "KernelManager": {"transport": "ipc"},
        "KernelSpecManager": {"allowed_kernelspecs": [kernel], "ensure_native_kernel": False},
        "LabApp": {
            "extension_manager": "readonly",
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
    }


CLOSED_PARTS = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/apputils-extension:licenses-client",
    "@jupyterlab/apputils-extension:licenses-plugin",
    "@jupyterlab/apputils-extension:print",
    "@jupyterlab/audio-extension",
    "@jupyterlab/csvviewer-extension",
    "@jupyterlab/debugger-extension",
    "@jupyterlab/docmanager-extension:download",
    "@jupyterlab/docmanager-extension:open-browser-tab",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/fileeditor-extension:language-server",
    "@jupyterlab/filebrowser-extension:download",
    "@jupyterlab/filebrowser-extension:open-browser-tab",
    "@jupyterlab/filebrowser-extension:open-url",
    "@jupyterlab/filebrowser-extension:share-file",
    "@jupyterlab/help-extension:jupyter-forum",
    "@jupyterlab/help-extension:resources",
    "@jupyterlab/htmlviewer-extension",
    "@jupyterlab/imageviewer-extension",
    "@jupyterlab/javascript-extension",
    "@jupyterlab/lsp-extension",
    "@jupyterlab/notebook-extension:copy-output",
    "@jupyterlab/notebook-extension:export",
    "@jupyterlab/notebook-extension:language-server",
    "@jupyterlab/pdf-extension",
    "@jupyterlab/pluginmanager-extension",
    "@jupyterlab/terminal-extension",
    "@jupyterlab/vega5-extension",
    "@jupyterlab/video-extension",
    "@jupyterlab/workspaces-extension",
)
"""Parts of JupyterLab's page that lead to what the server has closed."""


def page_configuration(*, name: str) -> dict[str, Any]:
    """The parts of `labconfig/page_config.json` that take away what is closed. `name` stands in the page's title."""
    return {
        "appName": name,
        "buildAvailable": False,
        "buildCheck": False,
        "disabledExtensions": dict.fromkeys(CLOSED_PARTS, True),
    }


def settings_overrides() -> dict[str, Any]:
    """`labconfig/default_setting_overrides.json`: entries and buttons of what is closed are gone."""
    no_hidden_files = {"command": "filebrowser:toggle-hidden-files", "disabled": True}
    return {
        "@jupyterlab/filebrowser-extension:widget": {"toolbar": [{"name": "uploader", "disabled": True}]},
        "@jupyterlab/mainmenu-extension:plugin": {
            "menus": [
                {"id": "jp-mainmenu-file", "items": [{"command": "filemenu:shutdown", "disabled": True}]},
                {"id": "jp-mainmenu-view", "items": [no_hidden_files]},
            ]
        },
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    }
