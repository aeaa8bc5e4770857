"""What `saferoom doctor` finds, and what keeps Saferoom from starting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub_config import doctor, limits, sandbox
from hub_config.doctor import CHECKS, Finding, Unsafe, Weight, examine, why_not_start
from hub_config.protections import WITHOUT, Protection, named, warnings
from hub_config.settings import CHECKOUT, Settings, SettingsError, load
from tests.hub_config.house import House


def finding(settings: Settings, name: str) -> Finding:
    return next(each for each in examine(settings) if each.name == name)


def test_here_a_sandbox_can_be_made_and_holds(house: House) -> None:
    found = finding(house.settings, "sandbox")
    assert found.holds, found.sentence


def test_a_sandbox_that_does_not_hold_is_found_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SYSTEM_FILES", (*sandbox.SYSTEM_FILES, house.settings.state))
    found = finding(house.settings, "sandbox")
    if os.geteuid() == 0:  # the state is root's, so the session's number cannot look into it even where it is seen
        assert found.holds
        house.settings.state.chmod(0o755)
        found = finding(house.settings, "sandbox")
    assert not found.holds and "the state" in found.sentence


def test_without_bubblewrap_nothing_starts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", "/nowhere/bwrap")
    assert not finding(house.settings, "sandbox").holds
    with pytest.raises(Unsafe, match=r"--without sandbox.*can read what this service can read") as refused:
        doctor.require(house.settings)
    assert refused.value.sentence.count("--without") == 1


def test_what_is_named_is_done_without(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "BUBBLEWRAP", "/nowhere/bwrap")
    names = ",".join({*house.settings.without.split(","), "sandbox"} - {""})
    doctor.require(house.settings.model_copy(update={"without": names}))


def test_one_protection_named_does_not_cover_another() -> None:
    gone = [Finding(each.value, False, "Gone.", Weight.PROTECTION, each) for each in Protection]
    for each in Protection:
        reasons = why_not_start(gone, frozenset({each}))
        assert len(reasons) == len(Protection) - 1 and not any(f"--without {each.value}" in one for one in reasons)
    assert why_not_start(gone, frozenset(Protection)) == ()


def test_what_is_needed_cannot_be_done_without() -> None:
    assert why_not_start([Finding("proxy", False, "No proxy.", Weight.NEEDED)], frozenset(Protection)) == ("No proxy.",)
    assert why_not_start([Finding("clock", False, "Late.", Weight.ADVICE)], frozenset()) == ()


@pytest.mark.parametrize("address", ["198.51.100.7", "192.0.2.7", "::"])
def test_pages_do_not_travel_unencrypted_unless_that_is_named(house: House, address: str) -> None:
    settings = house.settings.model_copy(update={"bind": address})
    assert finding(settings, "encryption").protection is Protection.TLS
    with pytest.raises(Unsafe, match="--without tls"):
        doctor.require(settings)
    assert finding(settings.model_copy(update={"public_url": "https://saferoom.example.org"}), "encryption").holds


def test_a_secret_that_others_can_read_stops_it(house: House) -> None:
    assert finding(house.settings, "file modes").holds
    secret = next(house.settings.secrets.iterdir())
    secret.chmod(0o644)
    assert secret.name in finding(house.settings, "file modes").sentence
    with pytest.raises(Unsafe):
        doctor.require(house.settings)


def test_a_folder_that_others_can_write_to_stops_it(house: House) -> None:
    house.settings.copies.chmod(0o777)
    assert str(house.settings.copies) in finding(house.settings, "file modes").sentence


def test_programs_that_others_can_change_stop_it(house: House, tmp_path: Path) -> None:
    python = tmp_path / "session" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    python.parent.chmod(0o777)
    settings = house.settings.model_copy(update={"session_python": python})
    assert "chmod go-w" in finding(settings, "researchers' programs").sentence


def test_limits_are_told_as_they_are(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "find", lambda: limits.NO_GROUPS)
    settings = house.settings.model_copy(update={"without": ""})
    with pytest.raises(Unsafe, match="--without session-limits"):
        doctor.require(settings)


def test_every_check_says_something_and_every_protection_is_checked(house: House) -> None:
    assert all(each.sentence.endswith(".") for each in examine(house.settings))
    assert {check.protection for check in CHECKS} - {None} == set(Protection) == set(WITHOUT)


def test_protections_are_known_by_name() -> None:
    assert named(" tls ,sandbox") == {Protection.TLS, Protection.SANDBOX}
    assert warnings([Protection.TLS]) == (WITHOUT[Protection.TLS],)
    with pytest.raises(ValueError, match="seccomp"):
        named("sandbox,seccomp")
    with pytest.raises(SettingsError, match=r"--without.*everything"):
        load({"without": "everything"}, environ={})


def test_the_command_says_it_all_and_its_status_agrees(house: House) -> None:
    def told(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "hub_config.commands", "doctor", *words],
            env=os.environ | house.settings.environment() | {"PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    done = told()
    assert done.returncode == 0 and "Saferoom can start." in done.stdout, done.stdout + done.stderr
    assert all(check.name in done.stdout for check in CHECKS)
    done = told("--bind", "192.0.2.7")
    assert done.returncode == 1 and "MISSING  encryption" in done.stdout
    assert told("--bind", "192.0.2.7", "--without", "tls,session-limits").returncode == 0
