"""Sheets as PDF files, printed by the Chromium of whoever runs the command: it joins and stacks letters as every browser does (decision 12)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
"""What Chromium and the browsers made from it are called on the search path."""

SECONDS = 120
"""How long a sheet may take. One takes about a second; the first on a slow machine many more."""


class NoPdf(Exception):
    """No PDF came of it; the text says why, and what to do."""


def find_browser(given: Path | None = None) -> str:
    """The program that prints: the one given, else the first that is installed. Raises `NoPdf`."""
    if given is not None:
        found = shutil.which(given)
        if found is None:
            raise NoPdf(f"{given} is no program that can be started: give the path of Chromium, Chrome or Edge.")
        return found
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise NoPdf(
            "No Chromium was found, nor Chrome or Edge. Install one (Debian: apt install chromium), or say where it is with --browser. "
            "Without one, `bot campaign posters` writes pages that any browser prints or saves as PDF."
        )
    return found


def write_pdfs(browser: str, sheets: Mapping[Path, str]) -> None:
    """Print each page (its whole HTML, loading nothing) to its file, in the size that its style says. Raises `NoPdf`."""
    with tempfile.TemporaryDirectory(prefix="wren-print-") as folder:
        page = Path(folder) / "sheet.html"
        for file, html in sheets.items():
            page.write_text(html, encoding="utf-8")
            printed = Path(folder) / "sheet.pdf"
            _print(browser, page, printed, Path(folder) / "profile")
            shutil.move(printed, file)


def _print(browser: str, page: Path, printed: Path, profile: Path) -> None:
    command = [browser, "--headless", "--disable-gpu", "--no-first-run", "--no-pdf-header-footer", f"--user-data-dir={profile}"]
    if os.name == "posix" and os.geteuid() == 0:
        command.append("--no-sandbox")  # Chromium has none for root; the page is our own and loads nothing
    command += [f"--print-to-pdf={printed}", page.as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NoPdf(f"{browser} did not print within {SECONDS} seconds.") from error
    if not printed.exists():
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise NoPdf(f"{browser} printed nothing: {last}")


__all__ = ["NoPdf", "find_browser", "write_pdfs"]
