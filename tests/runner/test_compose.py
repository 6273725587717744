"""docker-compose.yml, the Dockerfile and .env.example say the truth about each other and about the code."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cdp.environment import PROJECT_FOLDER
from cdp.runner import probe, role

COMPOSE = PROJECT_FOLDER / "docker-compose.yml"
SCHEMA = PROJECT_FOLDER / "tests" / "data" / "compose-spec" / "compose-spec.json"
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
READ_BY_CODE = re.compile(r"env(?:str|bool|int|list|secret)\(\s*[\"']([A-Z_]+)[\"']")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def variables_of_code() -> set[str]:
    """Every variable that the product reads."""
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT_FOLDER / "cdp").rglob("*.py")]
    return {name for text in sources for name in READ_BY_CODE.findall(text)}


def variables_of_example() -> set[str]:
    """Every variable that .env.example explains."""
    text = (PROJECT_FOLDER / ".env.example").read_text(encoding="utf-8")
    return set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, flags=re.MULTILINE))


def test_the_compose_file_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(compose, schema)


def test_every_service_of_ours_runs_a_role_that_exists(
    compose: dict[str, Any], monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDP_DATA_DIR", str(tmp_path))
    ours = {name: service for name, service in compose["services"].items() if "build" in service}
    assert set(ours) == {"web", "pipeline", "worker", "linkage", "beat", "migrate"}
    for service in ours.values():
        program = role.command(service["command"])
        assert program is not None, service["command"]
        assert program[0] == sys.executable


def test_a_role_that_does_not_exist_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert role.main(["cook"]) == 2
    assert "choose a role: web, worker pipeline" in capsys.readouterr().err


def test_every_health_check_of_ours_is_a_probe_that_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        check = service["healthcheck"]
        if "build" in service and not check.get("disable"):
            assert check["test"][:4] == ["CMD", "python", "-m", "cdp.runner.probe"], name
            assert check["test"][4] in probe.PROBES, name


def test_every_named_volume_is_declared_and_used(compose: dict[str, Any]) -> None:
    used = {mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", [])}
    assert used == set(compose["volumes"])


def test_every_variable_given_to_a_container_is_read_by_the_code(compose: dict[str, Any]) -> None:
    given = {name for service in compose["services"].values() if "build" in service for name in service["environment"]}
    assert given <= variables_of_code()


def test_every_variable_in_the_compose_file_is_explained_in_the_example() -> None:
    assert set(VARIABLE.findall(COMPOSE.read_text(encoding="utf-8"))) <= variables_of_example()


def test_the_example_explains_every_variable_of_the_code_and_no_other() -> None:
    only_for_compose = {"POSTGRES_PASSWORD", "CDP_BIND", "CDP_VERSION"}
    by_command_line_alone = {"CDP_ADMIN_PASSWORD"}
    assert variables_of_example() - only_for_compose == variables_of_code() - by_command_line_alone


def test_the_image_copies_and_starts_what_exists() -> None:
    text = (PROJECT_FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["python", "-m", "cdp.runner.role"]' in text
    default = re.search(r'^CMD \["([a-z]+)"\]$', text, flags=re.MULTILINE)
    assert default
    assert role.command([default[1]]) is not None
    assert (PROJECT_FOLDER / "requirements.txt").exists()


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-dev.txt"])
def test_locks_have_hashes_and_name_no_download_host(lock: str) -> None:
    text = (PROJECT_FOLDER / lock).read_text(encoding="utf-8")
    assert "://" not in text
    pinned = re.findall(r"^[a-z0-9][\w.\-\[\]]*==", text, flags=re.MULTILINE)
    assert len(pinned) > 40
    assert text.count("--hash=sha256:") >= len(pinned)
