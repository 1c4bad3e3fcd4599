"""Triage as installed: with the rules alone, and with models trained from this repository's data."""

from pathlib import Path

import pytest

from bot.models import triage_model_path
from bot.settings import Settings
from bot.triage import Triage, train
from bot.triage.reader import MODEL_NAME

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models of the data as it is now; trained here only where the installation's are older."""
    installed = triage_model_path(Settings())
    if (installed / MODEL_NAME).is_file():
        return installed
    return train.train(ROOT, tmp_path_factory.mktemp("models")).parent


@pytest.fixture(scope="session")
def rules_only(tmp_path_factory: pytest.TempPathFactory) -> Triage:
    return Triage.load(ROOT / "content", tmp_path_factory.mktemp("none") / MODEL_NAME)


@pytest.fixture(scope="session")
def triage(models: Path) -> Triage:
    return Triage.load(ROOT / "content", models / MODEL_NAME)
