"""Trained models: which files they come from, whether they are up to date, and training them when they are not.

A model's file name holds a hash of all its inputs, so an unchanged checkout trains nothing and a changed one can never run on an
old model by accident.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.settings import ROOT, Settings
from bot.triage.inputs import fingerprint as triage_fingerprint
from bot.triage.reader import LANGUAGE_MODEL, MODEL_NAME

Say = Callable[[str], None]
RASA_PYTHON = ROOT / "nlu_server" / ".venv" / "bin" / "python"


class TrainingFailed(RuntimeError):
    """A training run ended badly; the message ends with what it printed last."""


def nlu_inputs(root: Path = ROOT) -> list[Path]:
    """The files that decide what Rasa learns."""
    found = [root / "config.yml", root / "domain.yml", root / "data" / "rules.yml", root / "requirements" / "nlu.txt"]
    found += sorted((root / "data" / "nlu").rglob("*.yml"))
    return found + sorted((root / "nlu_server" / "components").glob("*.py"))


def fingerprint(paths: Iterable[Path], root: Path = ROOT) -> str:
    """16 hex digits that change when any of the files does."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def nlu_model_path(settings: Settings) -> Path:
    """Where the NLU model of this checkout is, or will be when trained."""
    return settings.models_dir / f"nlu-{fingerprint(nlu_inputs())}.tar.gz"


def triage_model_path(settings: Settings) -> Path:
    """The folder in which the triage and language models of this checkout are, or will be when trained."""
    return settings.models_dir / f"triage-{triage_fingerprint(ROOT)[:16]}"


def rasa_environment(settings: Settings, action_port: int) -> dict[str, str]:
    """The environment that Rasa's processes run with."""
    return {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
        "SANIC_HOST": "127.0.0.1",
        "WREN_ACTION_PORT": str(action_port),
        "WREN_RASA_TOKEN": settings.rasa_token.get_secret_value(),
    }


def train_nlu(settings: Settings, say: Say) -> Path:
    """Train Rasa's model if its inputs changed; returns its path. Raises `TrainingFailed`."""
    path = nlu_model_path(settings)
    if path.exists():
        return path
    if not RASA_PYTHON.exists():
        raise TrainingFailed("Rasa's environment is missing: run `make setup`.")
    settings.models_dir.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    say("Training the language understanding (Rasa); this takes one or two minutes ...")
    fresh = path.name.removesuffix(".tar.gz") + "-new"
    # --skip-validation: `make check` validates; here it would double the time. --force: that the inputs changed is known already, and
    # Rasa would hash every sentence to find out.
    command = [
        str(RASA_PYTHON),
        "-m",
        "rasa",
        "train",
        "--skip-validation",
        "--force",
        "--fixed-model-name",
        fresh,
        "--out",
        str(settings.models_dir),
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, env=rasa_environment(settings, 5055), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    output = _follow(process, say, started)
    made = settings.models_dir / f"{fresh}.tar.gz"
    if process.returncode != 0 or not made.exists():
        raise TrainingFailed("Training Rasa failed. Its last lines:\n" + "\n".join(output.splitlines()[-15:]))
    made.rename(path)
    say(f"Language understanding trained in {time.monotonic() - started:.0f} s.")
    _forget_old(settings.models_dir, "nlu-*.tar.gz", keep=path)
    return path


def _follow(process: subprocess.Popen[str], say: Say, started: float) -> str:
    """Wait for training, saying so every ten seconds."""
    while True:
        try:
            output, _ = process.communicate(timeout=10)
            return output or ""
        except subprocess.TimeoutExpired:
            say(f"  ... still training, {time.monotonic() - started:.0f} s")


def train_triage(settings: Settings, say: Say) -> Path:
    """Train the triage models if their inputs changed; returns their folder."""
    path = triage_model_path(settings)
    # A training that was killed leaves the folder without the models.
    if all((path / name).exists() for name in (MODEL_NAME, LANGUAGE_MODEL)):
        return path
    settings.models_dir.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    say("Training the triage models ...")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "bot.triage.train", str(path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise TrainingFailed("Training triage failed:\n" + (done.stderr or done.stdout)[-2000:])
    say(f"Triage trained in {time.monotonic() - started:.0f} s.")
    _forget_old(settings.models_dir, "triage-*", keep=path)
    return path


def _forget_old(folder: Path, pattern: str, keep: Path, count: int = 3) -> None:
    """Keep the newest few models, for a quick way back."""
    old = sorted((path for path in folder.glob(pattern) if path != keep), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in old[count - 1 :]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
