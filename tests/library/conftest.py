from __future__ import annotations

from pathlib import Path

import pytest

from tests.library.small import small_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small tree of content without a mistake."""
    return small_tree(tmp_path)
