"""Lighthouse, as a phone on a slow line sees the pages that people come in by: full marks for accessibility, good practice and being found.

Its mark for speed depends on how busy this machine is, so that it is printed and not asserted; what a page weighs is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.settings import ROOT
from tests.browser.conftest import WHOLE
from tests.browser.test_campaign_pages import address, running

__all__ = ["address", "running"]

LIGHTHOUSE = ROOT / ".tools" / "lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
BROWSER = Path(os.environ.get("WREN_CHROMIUM") or WHOLE)
MARKS = ("accessibility", "best-practices", "seo")
PAGES = {"/c/dads26/en": 60_000, "/c/dads26/ur": 60_000, "/en": 60_000, "/chat?lang=ur": 100_000}
"""Pages, and the most bytes that each may weigh with all it loads."""

UNREAD = frozenset({"robots-txt"})
"""Lighthouse reads robots.txt from within the page, and these pages let nothing be fetched from within them."""

NOT_FOR_US = dict.fromkeys(PAGES, UNREAD) | {"/chat?lang=ur": frozenset({"is-crawlable"})}
"""By page, the audits that it does not pass on purpose. No search engine has business in a conversation."""

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed"),
    pytest.mark.skipif(
        not LIGHTHOUSE.exists(),
        reason="Lighthouse is not installed: .ci/run does it, by tests/browser/lighthouse/package-lock.json",
    ),
    pytest.mark.skipif(not BROWSER.exists(), reason=f"{BROWSER} is not there: install Debian's chromium package"),
]


def report(url: str, folder: Path) -> dict[str, Any]:
    """What Lighthouse says of a page. A browser that does not come up is tried once more."""
    found = folder / "report.json"
    command = ["node", str(LIGHTHOUSE), url, "--quiet", "--output=json", f"--output-path={found}"]
    command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"]
    command += ["--only-categories=performance,accessibility,best-practices,seo", "--max-wait-for-load=60000"]
    said = ""
    for _ in range(2):
        environment = {**os.environ, "CHROME_PATH": str(BROWSER)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        said = done.stderr[-2000:]
        if done.returncode == 0 and found.exists():
            result: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
            if result.get("runtimeError") is None:
                return result
            said = str(result["runtimeError"])
    pytest.fail(f"Lighthouse gave no report: {said}")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_full_marks_and_weighs_little(address: str, tmp_path: Path, page: str) -> None:
    found = report(f"{address}{page}", tmp_path)
    failed = {
        reference["id"]
        for name in MARKS
        for reference in found["categories"][name]["auditRefs"]
        if reference["weight"] and found["audits"][reference["id"]]["score"] not in (1, None)
    }
    print(f"{page}: speed {found['categories']['performance']['score']}")
    assert failed == NOT_FOR_US[page]
    assert found["audits"]["total-byte-weight"]["numericValue"] < PAGES[page]
