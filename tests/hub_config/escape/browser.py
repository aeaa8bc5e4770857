"""Attempts from a browser: requests that would carry what lies in a session out of it, or something into it.

An attempt succeeds when the server does what was asked. `PREPARED` is run in a kernel first, and makes the files.
"""

import base64
from typing import Any, Protocol

import httpx

from tests.hub_config.escape.attempt import Attempt, Closed, Control, Family, add

MARK = "row-20190-of-the-microdata"

PREPARED = f"""
import base64, json, os
from pathlib import Path
MARK = {MARK!r}
rows = "id,income\\n" + (MARK + ",1\\n") * 200
for name in ("rows.csv", "page.html", "note.md", "table.ipynb", "drawing.svg", "rows.parquet"):
    Path(name).write_text(rows)
Path("big.txt").write_text(MARK * 40_000)
Path("binary.txt").write_bytes(b"\\x89PNG\\xff" + MARK.encode())
data = Path(os.environ.get("DATA", str(Path.home() / ".local/share/jupyter")))
for place in ("kernels/evil", "labextensions/planted"):
    (data / place).mkdir(parents=True, exist_ok=True)
(data / "kernels/evil/kernel.json").write_text(
    json.dumps({{"argv": ["sleep", "5"], "display_name": "Evil", "language": "python"}})
)
(data / "labextensions/planted/planted.js").write_text(rows)
Path("aside").mkdir(exist_ok=True)
Path("aside/rows.md").write_text(rows)
for link, target in {{
    "passwd.txt": "/etc/passwd",
    "environ.txt": "/proc/self/environ", "linked": "aside",
    "register.txt": os.environ["REGISTER"], "root": "/",
}}.items():
    if not os.path.lexists(link):
        os.symlink(target, link)
def notebook(name, outputs=(), metadata=None, cell=None, **more):
    first = {{"cell_type": "code", "id": "a", "execution_count": 1, "source": "1", "metadata": cell or {{}}}}
    cells = [first | {{"outputs": list(outputs)}}, *more.get("cells", [])]
    tree = {{"nbformat": 4, "nbformat_minor": 5, "metadata": metadata or {{}}, "cells": cells}}
    Path(name).write_text(json.dumps(tree))
def shown(data, metadata=None):
    return {{"output_type": "display_data", "data": data, "metadata": metadata or {{}}}}
plain = {{"text/plain": "nothing"}}
notebook("plain.ipynb")
notebook("in_widgets.ipynb", metadata={{"widgets": {{"application/vnd.jupyter.widget-state+json": {{"state": MARK}}}}}})
notebook("in_metadata.ipynb", metadata={{"notes": MARK * 1000}})
notebook("in_cell_metadata.ipynb", cell={{"notes": MARK * 1000}})
notebook("in_bytes.ipynb", [shown(plain | {{"application/octet-stream": MARK}})])
notebook("in_script.ipynb", [shown({{"application/javascript": MARK}})])
notebook("in_chart.ipynb", [shown({{"application/vnd.vegalite.v5+json": {{"data": MARK}}}})])
notebook("in_output_metadata.ipynb", [shown(plain, {{"rows": MARK}})])
notebook("in_no_image.ipynb", [shown({{"image/png": MARK}})])
notebook("in_long_text.ipynb", [{{"output_type": "stream", "name": "stdout", "text": MARK * 40_000}}])
attached = {{"rows.csv": {{"text/csv": MARK}}}}
below = {{"cell_type": "markdown", "id": "b", "source": "a", "metadata": {{}}, "attachments": attached}}
notebook("in_attachment.ipynb", cells=[below])
"""


class Page(Protocol):
    """A signed-in person's way to a notebook server."""

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The server's answer to a request that a script of its page makes; `path` begins behind its address."""


LOCKED = "the table of open ways, which knows every route that JupyterLab needs and no other"
TYPES = "the contents service opens notebooks and text that people write, of bounded size"
NO_LINKS = "the contents service follows no link, nor opens what is hidden"
JUDGED = "a notebook's outputs, metadata and attachments are judged like a kernel's messages"


def _ask(
    name: str, tries: str, method: str, path: str, body: Any = None, *, stops: str = LOCKED, seek: str = ""
) -> None:
    def run(page: Page) -> str:
        answer = page.ask(method, path, body)
        if answer.status_code >= 300 or seek not in answer.text:
            raise Closed(f"{answer.status_code} {answer.text[:120]}")
        return f"{answer.status_code}, {len(answer.content)} bytes"

    add(Attempt(name, Family.BROWSER, tries, stops, Control.SERVER, run))


def _open(name: str, tries: str, path: str, query: str = "content=1", *, stops: str = TYPES, seek: str = MARK) -> None:
    _ask(name, tries, "GET", f"/api/contents/work/{path}?{query}", stops=stops, seek=seek)


_BYTES = base64.b64encode(b"\0\1" * 99).decode()
_UPLOAD = {"type": "file", "format": "base64", "content": _BYTES}
_NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}

_ask("download", "Download a file as it is.", "GET", "/files/work/rows.csv", seek=MARK)
_ask("download_as_attachment", "Download a file to keep it.", "GET", "/files/work/rows.csv?download=1", seek=MARK)
_ask("download_a_note", "Download even a file that may be opened.", "GET", "/files/work/note.md", seek=MARK)
_ask("download_its_head", "Ask for a download's headers alone.", "HEAD", "/files/work/rows.csv")
_ask("download_encoded", "Download by a path with encoded parts.", "GET", "/files/work/%72ows.csv", seek=MARK)
_ask("view", "Show a file as a page of this site.", "GET", "/view/work/page.html")
_ask("convert", "Convert a notebook to a page to keep.", "GET", "/nbconvert/html/work/plain.ipynb?download=true")
_ask("convert_to_script", "Convert a notebook to a program.", "GET", "/nbconvert/script/work/plain.ipynb")
_ask(
    "convert_what_is_sent",
    "Convert what is sent, by a template.",
    "POST",
    "/nbconvert/html",
    {"content": _NOTEBOOK, "name": "a"},
)
_ask("formats_of_conversion", "List what notebooks can be converted to.", "GET", "/api/nbconvert")
_ask("terminal", "Open a terminal.", "POST", "/api/terminals", {})
_ask("terminals", "List terminals.", "GET", "/api/terminals")
_ask("metrics", "Read the server's metrics.", "GET", "/metrics")
_ask("extensions_installed", "List and install extensions.", "GET", "/lab/api/extensions")
_ask("language_servers", "Ask for language servers, which read files of their own.", "GET", "/lsp/status")
_ask(
    "kernelspec_as_file",
    "Read the kernel's description, with its arguments.",
    "GET",
    "/kernelspecs/python3/kernel.json",
)
_ask(
    "events",
    "Write into the server's record of events.",
    "POST",
    "/api/events",
    {
        "schema_id": "https://events.jupyter.org/jupyter_server/contents_service/v1",
        "version": "1",
        "data": {"action": "get", "path": "x"},
    },
)
_ask("upload", "Bring in a binary file.", "PUT", "/api/contents/work/up.bin", _UPLOAD, stops=TYPES)
_ask(
    "upload_as_program",
    "Bring in bytes under a program's name.",
    "PUT",
    "/api/contents/work/up.py",
    _UPLOAD,
    stops=TYPES,
)
_ask(
    "upload_a_table",
    "Bring in a table.",
    "PUT",
    "/api/contents/work/up.csv",
    {"type": "file", "format": "text", "content": "1,2"},
    stops=TYPES,
)
_ask(
    "upload_in_pieces",
    "Bring in a large file in pieces.",
    "PUT",
    "/api/contents/work/up.txt",
    {"type": "file", "format": "text", "chunk": 1, "content": "a"},
    stops=TYPES,
)
_ask(
    "copy_a_table",
    "Copy a table in the file browser.",
    "POST",
    "/api/contents/work",
    {"copy_from": "work/rows.csv"},
    stops=TYPES,
)
_ask(
    "write_through_a_link",
    "Save a file through a link to a folder outside.",
    "PUT",
    "/api/contents/work/root/tmp/saferoom-up.txt",
    {"type": "file", "format": "text", "content": "a"},
    stops=NO_LINKS,
)

_open("open_a_table", "Open a table in the browser.", "rows.csv")
_open("open_a_table_as_text", "Open a table as if it were text.", "rows.csv", "type=file&format=text&content=1")
_open("open_as_bytes", "Open a table as bytes.", "rows.csv", "type=file&format=base64&content=1", seek="base64")
_open("open_a_note_as_bytes", "Open a note as bytes.", "note.md", "type=file&format=base64&content=1", seek="base64")
_open("hash_of_a_table", "Ask for a table's hash alone.", "rows.csv", "content=0&hash=1", seek="hash")
_open("open_a_large_text", "Open a large text.", "big.txt")
_open(
    "open_binary_as_text",
    "Open binary data under a text's name.",
    "binary.txt",
    "type=file&format=base64&content=1",
    seek="base64",
)
_open("open_a_page", "Open a page of HTML.", "page.html")
_open("open_a_drawing", "Open a drawing (SVG).", "drawing.svg")
_open("open_a_renamed_table", "Open a table under a notebook's name, as a file.", "table.ipynb", "type=file&content=1")
_open("open_a_notebook_as_file", "Open a notebook as a file.", "in_script.ipynb", "type=file&content=1")
_open("open_a_linked_file", "Open a file outside through a link.", "passwd.txt", stops=NO_LINKS, seek="root")
_open(
    "open_the_register_by_link",
    "Open the register through a link.",
    "register.txt",
    "content=1",
    stops=NO_LINKS,
    seek="content",
)
_open(
    "open_the_servers_environment",
    "Read the server's environment through a link.",
    "environ.txt",
    stops=NO_LINKS,
    seek="PATH",
)
_open("open_a_linked_folder", "Open a folder through a link.", "linked/rows.md", stops=NO_LINKS)
_open("list_a_linked_folder", "List a folder outside through a link.", "root/etc", stops=NO_LINKS, seek="passwd")

for _place in (
    "widgets",
    "metadata",
    "cell_metadata",
    "bytes",
    "script",
    "chart",
    "output_metadata",
    "no_image",
    "long_text",
    "attachment",
):
    _open(
        f"notebook_with_rows_in_{_place}",
        f"Carry rows in a notebook's file that a kernel wrote ({_place.replace('_', ' ')}).",
        f"in_{_place}.ipynb",
        stops=JUDGED,
    )

_ask(
    "kernel_of_ones_own",
    "Start a kernel from a planted description.",
    "POST",
    "/api/kernels",
    {"name": "evil"},
    stops="one kernelspec is allowed, and it lies where kernels cannot write",
)
_ask(
    "extension_of_ones_own",
    "Have the page load an extension that a kernel planted.",
    "GET",
    "/lab/extensions/planted/planted.js",
    stops="extensions are looked for where kernels cannot write",
    seek=MARK,
)
