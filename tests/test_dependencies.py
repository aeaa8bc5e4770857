"""What Saferoom takes from others: described in docs/dependencies.md, declared where it is used, locked with hashes."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import metadata, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGES = ("disclosure_control", "governance", "datasets", "safe_outputs", "hub_config")
LOCKS = ("build", "service", "session")

# Needed without an import of ours.
NOT_IMPORTED = {
    "govuk-frontend-jinja": "its templates are loaded",
    "gunicorn": "hub_config starts it as a program",
    "jupyterlab": "sessions start it as a program",
    "pg8000": "SQLAlchemy loads it for a PostgreSQL address",
}


def read(path: str) -> str:
    return (CHECKOUT / path).read_text(encoding="utf-8")


def requirements_of(lines: list[str]) -> dict[str, Requirement]:
    wanted = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in wanted}


PROJECT = tomllib.loads(read("pyproject.toml"))
CLIENT = tomllib.loads(read("packaging/saferoom-client/pyproject.toml"))
SERVICE = requirements_of(PROJECT["project"]["dependencies"])
DEVELOPMENT = requirements_of(PROJECT["dependency-groups"]["dev"])
OPTIONAL = requirements_of([each for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra])
SESSION = requirements_of(read("requirements/session.in").splitlines())
BUILD = requirements_of(read("requirements/build.in").splitlines())
NPM = json.loads(read("package.json"))["dependencies"]
DEBIAN = [line.split()[0] for line in read("requirements/debian.txt").splitlines() if not line.startswith("#")]

DECLARED = {
    "The service": set(SERVICE),
    "Development": set(DEVELOPMENT),
    "The researchers' environment": set(SESSION),
    "Building and locking": set(BUILD),
    "From npm": set(NPM),
    "From Debian": set(DEBIAN),
}


# ---------------------------------------------------------------------------------------------- described


def documented() -> dict[str, list[list[str]]]:
    """Heading -> the rows of its table, each a list of cells."""
    tables: dict[str, list[list[str]]] = {}
    heading = ""
    for line in read("docs/dependencies.md").splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        elif line.startswith("| `"):
            tables.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return tables


@pytest.mark.parametrize("heading", DECLARED)
def test_the_table_lists_what_is_used_and_nothing_else(heading: str) -> None:
    names = [row[0].strip("`") for row in documented()[heading]]
    assert len(names) == len(set(names)), f"docs/dependencies.md, “{heading}”: listed twice"
    listed = set(names) if heading.startswith("From") else {canonicalize_name(name) for name in names}
    missing, unused = DECLARED[heading] - listed, listed - DECLARED[heading]
    assert not missing, f"docs/dependencies.md, “{heading}”: describe {sorted(missing)}"
    assert not unused, f"docs/dependencies.md, “{heading}”: {sorted(unused)} is not used; take it out"


def test_no_table_is_left_without_a_declaration() -> None:
    assert documented().keys() == DECLARED.keys()


def test_every_row_says_what_for_what_instead_which_licence_and_who_keeps_it() -> None:
    incomplete = [row[0] for rows in documented().values() for row in rows if len(row) != 5 or not all(row)]
    assert not incomplete


# ---------------------------------------------------------------------------------------------- declared


def imports_of(folder: str) -> set[str]:
    """Distributions that the modules in a folder import, ours and Python's own left out."""
    providers = packages_distributions()
    roots: set[str] = set()
    for path in (CHECKOUT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                roots.add((node.module or "").partition(".")[0])
    others = roots - set(PACKAGES) - {"tests"} - sys.stdlib_module_names
    return {canonicalize_name(providers[root][0]) for root in others if not root.startswith("_")}


def test_what_the_packages_import_is_declared_and_what_is_declared_is_imported() -> None:
    imported = set().union(*(imports_of(package) for package in PACKAGES))
    assert imported - SERVICE.keys() - OPTIONAL.keys() == set(), "imported, but not declared in pyproject.toml"
    assert SERVICE.keys() - imported == NOT_IMPORTED.keys(), "declared in pyproject.toml, but not imported"


def test_what_is_optional_is_imported_and_there_for_development() -> None:
    imported = set().union(*(imports_of(package) for package in PACKAGES))
    assert OPTIONAL.keys() <= imported
    assert {name: str(each) for name, each in OPTIONAL.items()} == {name: str(DEVELOPMENT[name]) for name in OPTIONAL}


def test_what_the_tests_import_is_declared() -> None:
    assert imports_of("tests") - SERVICE.keys() - DEVELOPMENT.keys() == set()


def test_what_the_notebook_client_imports_is_in_the_researchers_environment() -> None:
    client = requirements_of(CLIENT["project"]["dependencies"])
    assert imports_of("safe_outputs/client") <= client.keys() <= SESSION.keys()


def test_a_package_on_both_sides_of_the_wall_has_one_range_and_one_version() -> None:
    client = requirements_of(CLIENT["project"]["dependencies"])
    sides = (SERVICE, DEVELOPMENT, SESSION, client)
    for name in SESSION.keys() & (SERVICE.keys() | DEVELOPMENT.keys() | client.keys()):
        ranges = {str(side[name].specifier) for side in sides if name in side}
        assert len(ranges) == 1, f"{name}: {ranges}"
        assert pins("service").get(name) == pins("session")[name]


def test_the_page_components_are_those_that_their_templates_were_written_for() -> None:
    described = metadata("govuk-frontend-jinja")["Description"]
    assert f"GOV.UK%20Frontend-v{NPM['govuk-frontend']}-" in described


# ---------------------------------------------------------------------------------------------- locked


def pins(lock: str) -> dict[str, list[str]]:
    """Name -> pinned versions, each with its marker (two where Python versions differ)."""
    found: dict[str, list[str]] = {}
    for line in read(f"requirements/{lock}.txt").splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix(" \\"))
            pin = f"{requirement.specifier} {requirement.marker or ''}".strip()
            found.setdefault(canonicalize_name(requirement.name), []).append(pin)
    return found


@pytest.mark.parametrize(
    ("lock", "wanted"), [("build", BUILD), ("service", SERVICE | DEVELOPMENT), ("session", SESSION)]
)
def test_the_lock_holds_what_is_declared(lock: str, wanted: dict[str, Requirement]) -> None:
    locked = pins(lock)
    for name, requirement in wanted.items():
        assert name in locked, f"{name} is not in requirements/{lock}.txt; run: make lock"
        versions = re.findall(r"==([^\s;]+)", " ".join(locked[name]))
        assert all(requirement.specifier.contains(version) for version in versions), f"{name}; run: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_carries_hashes(lock: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9])", read(f"requirements/{lock}.txt"))[1:]
    assert len(blocks) == sum(map(len, pins(lock).values()))
    for block in blocks:
        assert re.match(r"[a-z0-9-]+==\S+( ; .+)? \\\n", block), block.splitlines()[0]
        assert re.search(r"^    --hash=sha256:[0-9a-f]{64}", block, re.MULTILINE), block.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_registry_a_machine_or_a_place_on_it(lock: str) -> None:
    told = re.findall(
        r"https?:|file:|/home|/root|/tmp|--(?:extra-)?index-url|--find-links", read(f"requirements/{lock}.txt")
    )
    assert told == []


def test_npm_checks_every_file_and_runs_no_script() -> None:
    lock = json.loads(read("package-lock.json"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert set(NPM) <= {name.removeprefix("node_modules/") for name in packages}
    assert [name for name, package in packages.items() if not package["integrity"].startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert "registry." not in read("package-lock.json") + read(".npmrc")
    assert lock["packages"][""]["dependencies"] == NPM
    assert "ignore-scripts=true" in read(".npmrc").splitlines()


@pytest.mark.parametrize("name", NPM)
def test_npm_versions_are_exact(name: str) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", NPM[name])
