"""Whether models are there is told by the models, not by the folder they would be in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bot import models
from bot.settings import Settings
from bot.triage.reader import LANGUAGE_MODEL, MODEL_NAME


@pytest.mark.parametrize("there", [(), (MODEL_NAME,), (LANGUAGE_MODEL,), (MODEL_NAME, LANGUAGE_MODEL)])
def test_what_a_killed_training_left_is_trained_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...]
) -> None:
    settings, trained = Settings(var_dir=tmp_path), list[str]()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        trained.append(command[-1])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(models.subprocess, "run", run)
    folder = models.triage_model_path(settings)
    folder.mkdir(parents=True)
    for name in there:
        (folder / name).touch()
    assert models.train_triage(settings, lambda _: None) == folder
    assert trained == ([] if len(there) == 2 else [str(folder)])
