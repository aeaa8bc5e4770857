"""`saferoom render`: the register's session in the form that was asked for, or one sentence why not."""

import argparse
import json
from pathlib import Path

import pytest

from governance.errors import NotFound, Refused
from hub_config.commands import COMMANDS, main, parser
from hub_config.elsewhere import NotRenderable, command
from tests.hub_config.elsewhere.described import DIGEST, unit_directives
from tests.hub_config.elsewhere.pods import pod, validate
from tests.hub_config.house import House

CLUSTER = f"""
namespace = "sessions"
hub_namespace = "saferoom"
image = "registry.example.org/saferoom/session@{DIGEST}"
gate = "10.96.0.12"

[programs]
server = "/opt/service/bin/python"
kernel = "/opt/session/bin/python"
kernel_folders = ["/opt/session"]
server_folders = ["/opt/service"]

[doors]
statistics = 21001
hub = 21002
"""


@pytest.fixture
def provided(house: House) -> House:
    """A house in which ada's project has its copy."""
    house.provide_data("heron")
    return house


def given(form: str, *more: str, person: str = "ada") -> argparse.Namespace:
    words = ["render", form, "--person", person, "--project", "heron", *more]
    return parser(COMMANDS, chosen="render").parse_args(words)


def cluster_file(folder: Path, text: str = CLUSTER) -> str:
    (folder / "cluster.toml").write_text(text)
    return str(folder / "cluster.toml")


def rendered(provided: House, capsys: pytest.CaptureFixture[str], form: str, *more: str) -> str:
    assert command.run(provided.settings, given(form, *more)) == 0
    return capsys.readouterr().out


def test_unit_is_the_registers_session(provided: House, capsys: pytest.CaptureFixture[str]) -> None:
    unit = unit_directives(rendered(provided, capsys, "systemd", "--uid", "200001", "--gid", "200002"))
    assert unit["Description"] == ["Saferoom session ada--heron"]
    assert unit["User"] == ["200001"] and unit["Group"] == ["200002"]
    assert f"{provided.settings.projects}/heron:/home/researcher/project" in unit["BindPaths"]


def test_kubernetes_gets_a_pod_and_objects(provided: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = cluster_file(tmp_path)
    validate(pod(json.loads(rendered(provided, capsys, "kubespawner", "--cluster", file))))
    made = json.loads(rendered(provided, capsys, "kubernetes", "--cluster", file))
    for each in made["items"]:
        validate(each)
    kinds = [each["kind"] for each in made["items"]]
    assert kinds == ["NetworkPolicy", "NetworkPolicy", "ConfigMap", "PersistentVolumeClaim", "PersistentVolumeClaim"]


def test_filter_is_json(provided: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(rendered(provided, capsys, "seccomp"))["defaultAction"] == "SCMP_ACT_ALLOW"


def test_who_may_not_work_in_the_project_is_refused(provided: House) -> None:
    with pytest.raises(Refused):
        command.run(provided.settings, given("seccomp", person="steve"))


def test_without_a_register_one_sentence_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["render", "seccomp", "--person", "ada", "--project", "heron", "--state", str(tmp_path / "none")]
    assert main(words) == 1
    assert "There is no register in" in capsys.readouterr().err


def test_session_that_never_was_has_no_numbers(provided: House) -> None:
    with pytest.raises(NotFound, match="--uid and --gid"):
        command.run(provided.settings, given("systemd"))


def test_cluster_has_to_be_described(provided: House, tmp_path: Path) -> None:
    with pytest.raises(NotRenderable, match="--cluster"):
        command.run(provided.settings, given("kubespawner"))
    with pytest.raises(NotFound, match="cannot be read"):
        command.run(provided.settings, given("kubespawner", "--cluster", str(tmp_path / "none.toml")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("namespace = ", "namespaces = "),
        ("[doors]", "[door]"),
        ("statistics = 21001", ""),
        ("[programs]", "programs = 3\n[program]"),
        (DIGEST, "sha256:0"),
        ("10.96.0.12", "hub.saferoom.svc"),
        ('gate = "', "gate = '"),
    ],
)
def test_description_that_is_not_whole_is_refused(old: str, new: str) -> None:
    assert old in CLUSTER
    with pytest.raises(NotRenderable):
        command.cluster_of(CLUSTER.replace(old, new, 1))
