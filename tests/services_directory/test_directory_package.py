"""What keeps the directory a room of its own."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "services_directory"


def test_it_imports_nothing_from_the_bot() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert files
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] == "bot"], path
