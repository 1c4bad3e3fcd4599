"""What a council is given to run Wren with names only commands, settings and files that there are. Docker and systemd do not run here."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from bot.app import DRAIN_SECONDS, LAST_SECONDS, WEB_SECONDS
from bot.cli import whole_app
from bot.settings import ROOT, Settings
from bot.supervisor import STOP_SECONDS

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
RUNBOOK = ROOT / "docs" / "running-it.md"
GIVEN = [ROOT / "compose.yaml", ROOT / "Containerfile", ROOT / "deploy" / "wren.env.example", RUNBOOK, *UNITS]
HARDENED = (
    *(
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
    ),
    *(
        "RestrictSUIDSGID=yes",
        "RestrictNamespaces=yes",
        "SystemCallFilter=@system-service",
        "User=wren",
        "StateDirectory=wren",
        "UMask=0077",
    ),
)


def compose() -> dict[str, Any]:
    return dict(YAML(typ="safe").load((ROOT / "compose.yaml").read_text(encoding="utf-8")))


def finds(words: list[str]) -> bool:
    """Whether `words`, what follows `bot` on a command line, begin with a command, and each option among them is one of it."""
    command: Any = typer.main.get_command(whole_app())
    rest = list(words)
    while hasattr(command, "commands"):  # a group of them
        if not rest:
            return bool(command.invoke_without_command)
        if rest[0] not in command.commands:
            return False
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    return all(word in known for word in rest if word.startswith("-"))


def lines_of(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(encoding="utf-8"), re.M)


def test_the_check_of_commands_can_fail() -> None:
    assert finds(["serve", "--check"]) and finds(["staff", "add", "NAME", "--role", "administrator"])
    assert not finds(["serv"]) and not finds(["serve", "--chek"]) and not finds(["staff"])


@pytest.mark.parametrize("file", GIVEN, ids=lambda file: file.name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = {
        *re.findall(r"\bWREN_([A-Z_]+)", text),
        *(name.upper() for name in re.findall(r"\bwren_([a-z_]*(?:url|keys))\b", text)),
    }
    named -= {"TRY"}
    assert named <= {name.upper() for name in Settings.model_fields}


def test_every_command_in_the_runbook_exists() -> None:
    said = re.findall(r"`bot ([^`]+)`", RUNBOOK.read_text(encoding="utf-8"))
    assert len(said) > 15
    for line in said:
        assert finds(shlex.split(line)), f"bot {line}"


def test_compose_runs_commands_that_exist_with_secrets_and_files_that_are_described() -> None:
    described = compose()
    ours = {name: service for name, service in described["services"].items() if service["image"] == "wren"}
    assert ours.keys() == {"migrate", "serve", "work"}
    for name, service in ours.items():
        assert finds(service["command"]), name
        assert set(service["secrets"]) <= described["secrets"].keys()
        assert service["environment"]["WREN_SECRETS_DIR"] == "/run/secrets"
        assert (ROOT / f"{service['env_file']}.example").is_file()
        assert (ROOT / service["build"]["dockerfile"]).is_file()
        if "healthcheck" in service:
            assert service["healthcheck"]["test"][:2] == ["CMD", "bot"] and finds(service["healthcheck"]["test"][2:])
    for name in ("serve", "work"):
        assert ours[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        named = {volume.split(":")[0] for volume in ours[name]["volumes"]}
        assert named <= described["volumes"].keys()
    assert ours["serve"]["ports"][0].startswith("127.0.0.1:"), "only the council's proxy is public"


def test_secrets_are_files_and_never_values() -> None:
    for name, secret in compose()["secrets"].items():
        assert secret == {"file": f"deploy/secrets/{name}"}
    example = (ROOT / "deploy" / "wren.env.example").read_text(encoding="utf-8")
    secret = {f"WREN_{name.upper()}" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert not secret & set(re.findall(r"WREN_[A-Z_]+", example))
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert {"deploy/secrets/", "deploy/wren.env"} <= set(ignored)


def test_what_is_given_names_no_registry() -> None:
    for text in ((ROOT / "Containerfile").read_text(encoding="utf-8"), (ROOT / "compose.yaml").read_text(encoding="utf-8")):
        for image in re.findall(r"^(?:FROM|\s+image:) (\S+)", text, re.M):
            assert re.fullmatch(r"[a-z]+(:[\w.-]+)?", image), image
        assert "://" not in text


def test_the_image_is_made_of_files_that_are_there() -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.+)$", text, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    assert "APP_LOCK=requirements/app.txt" in text
    assert "APP_LOCK ?=" in (ROOT / "Makefile").read_text(encoding="utf-8") and (ROOT / "requirements" / "app.txt").is_file()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_runs_commands_that_exist_and_may_do_little_else(unit: Path) -> None:
    begun = lines_of(unit, "ExecStart")
    assert begun
    for line in begun:
        words = shlex.split(line)
        if words[0] == "/bin/sh":
            words = shlex.split(words[2].partition("$$(")[0])[1:]
        assert words[0] == "/opt/wren/.venv/bin/bot" and finds(words[1:]), line
    text = unit.read_text(encoding="utf-8").splitlines()
    assert [line for line in HARDENED if line not in text] == []
    assert (ROOT / lines_of(unit, "Documentation")[0].removeprefix("file:/opt/wren/")).is_file()


def test_whoever_stops_a_process_waits_longer_than_it_needs() -> None:
    needs = WEB_SECONDS + 1 + DRAIN_SECONDS + LAST_SECONDS
    assert needs < STOP_SECONDS
    for name in ("wren-serve.service", "wren-work@.service"):
        (given,) = lines_of(ROOT / "deploy" / "systemd" / name, "TimeoutStopSec")
        assert int(given) > 2 * STOP_SECONDS, "the worker, then its Rasa"
    for name in ("serve", "work"):
        assert int(compose()["services"][name]["stop_grace_period"].rstrip("s")) > 2 * STOP_SECONDS
    assert lines_of(ROOT / "deploy" / "systemd" / "wren-work@.service", "KillMode") == ["mixed"], (
        "Rasa must outlive the last turn"
    )
