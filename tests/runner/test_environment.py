"""Variables are read with their type, and complained of by name."""

import json
from pathlib import Path

import pytest

from cdp import environment
from cdp.environment import EnvironmentProblem


@pytest.mark.parametrize(("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)])
def test_a_switch_reads_the_usual_words(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("CDP_PROBE", text)
    assert environment.envbool("CDP_PROBE", not value) is value


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_PROBE", " ")
    assert environment.envbool("CDP_PROBE", True) is True
    assert environment.envint("CDP_PROBE", 7) == 7
    assert environment.envlist("CDP_PROBE", ["a"]) == ["a"]


def test_a_switch_that_is_neither_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_PROBE", "perhaps")
    with pytest.raises(EnvironmentProblem, match="CDP_PROBE='perhaps'"):
        environment.envbool("CDP_PROBE", False)


def test_a_number_that_is_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_PROBE", "80OO")
    with pytest.raises(EnvironmentProblem, match="CDP_PROBE='80OO'"):
        environment.envint("CDP_PROBE", 1)


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    kept.write_text("hush\n", encoding="utf-8")
    monkeypatch.setenv("CDP_PROBE_FILE", str(kept))
    assert environment.envsecret("CDP_PROBE") == "hush"


@pytest.mark.parametrize(("content", "complaint"), [(None, "cannot be read"), ("  \n", "is empty")])
def test_a_secret_file_that_says_nothing_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, complaint: str
) -> None:
    kept = tmp_path / "secret"
    if content is not None:
        kept.write_text(content, encoding="utf-8")
    monkeypatch.setenv("CDP_PROBE_FILE", str(kept))
    with pytest.raises(EnvironmentProblem, match=f"CDP_PROBE_FILE=.* {complaint}"):
        environment.envsecret("CDP_PROBE")


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_PROBE", "a")
    monkeypatch.setenv("CDP_PROBE_FILE", "/dev/null")
    with pytest.raises(EnvironmentProblem, match="keep one of them"):
        environment.envsecret("CDP_PROBE")


def test_a_database_of_ones_own_needs_a_key_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CDP_DATABASE_URL", "postgresql://cdp@db/cdp")
    monkeypatch.delenv("CDP_SECRET_KEY", raising=False)
    with pytest.raises(EnvironmentProblem, match="CDP_SECRET_KEY"):
        environment.secret_key(tmp_path)


def test_commands_find_the_embedded_services_by_the_data_folder(tmp_path: Path) -> None:
    assert environment.embedded_services(tmp_path) == {}
    (tmp_path / environment.SERVICES_FILE).write_text(json.dumps({"redis_url": "unix:///x"}), encoding="utf-8")
    assert environment.embedded_services(tmp_path) == {"redis_url": "unix:///x"}
