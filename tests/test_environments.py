"""Two environments: the service's, which runs these tests, and the researchers' (.session), which knows none of it."""

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
SESSION = CHECKOUT / ".session"
# What client and checker share: descriptions, without a file, clock or database in them.
SHARED = {"__init__.py", "answers.py", "limits.py", "statistics.py", "py.typed"}


def in_session(code: str) -> subprocess.CompletedProcess[str]:
    """Run code as a kernel's Python would see it: isolated from the checkout and from the user's own packages."""
    command = [str(SESSION / "bin" / "python"), "-I", "-W", "error", "-c", code]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120, check=False)


def client_modules() -> list[str]:
    paths = sorted((CHECKOUT / "safe_outputs" / "client").rglob("*.py"))
    names = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.parametrize("package", ["datasets", "disclosure_control", "governance", "hub_config"])
def test_a_notebook_does_not_find_our_packages(package: str) -> None:
    ended = in_session(f"import {package}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{package}'"


@pytest.mark.parametrize("distribution", ["saferoom", "Flask", "gunicorn", "opendp", "pyotp", "pip"])
def test_the_researchers_environment_lacks_what_only_the_service_needs(distribution: str) -> None:
    assert distribution_is_in_session("pandas")
    assert not distribution_is_in_session(distribution)


def distribution_is_in_session(name: str) -> bool:
    code = f"import importlib.metadata as m; print(any(True for _ in m.distributions(name={name!r})))"
    return in_session(code).stdout == "True\n"


def test_the_notebook_client_is_installed_as_it_stands_here_and_nothing_beside_it() -> None:
    (site,) = SESSION.glob("lib/python3*/site-packages")
    installed = {
        path.relative_to(site / "safe_outputs"): path.read_bytes()
        for path in (site / "safe_outputs").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    ours = CHECKOUT / "safe_outputs"
    wanted = [ours / name for name in SHARED]
    wanted += [path for path in (ours / "client").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert installed == {path.relative_to(ours): path.read_bytes() for path in wanted}


def test_every_module_of_the_client_imports_in_a_notebook_without_a_warning() -> None:
    ended = in_session("\n".join(f"import {module}" for module in client_modules()))
    assert (ended.returncode, ended.stderr) == (0, "")
