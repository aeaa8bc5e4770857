"""The peers' environments: each peer in one of its own, under `build/benchmarks`, made once.

Peers are run as programs, never imported: their dependencies conflict with ours, and gconfid is under the GPL.
"""

import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = {
    "acro": ("acro==1.0.2", "pyarrow"),
    "gconfid": ("gconfid==2.0.4",),
    "cell-key-perturbation": ("cell-key-perturbation==3.1.0", "pandas>=2.3,<3", "pyarrow"),
}
ROOT = Path(__file__).resolve().parents[2] / "build" / "benchmarks"


def python_of(peer: str) -> Path:
    """The Python of the peer's environment, which is made if it is not there."""
    folder = ROOT / peer
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(REQUIREMENTS[peer])
    if not (stamp.exists() and stamp.read_text() == wanted):
        print(f"setting up {peer} in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        subprocess.run([*pip, *REQUIREMENTS[peer]], check=True)  # noqa: S603 - the list above
        stamp.write_text(wanted)
    return python
