"""For the whole suite: in CI a test that cannot run for want of a tool has failed, because CI installs the tools."""

import os

import pytest

ON_PURPOSE = "on purpose:"
"""A skip whose reason begins so is no missing tool."""
LONGEST = "test_kill.py"
"""A file of minutes: begun last, it would run alone while the other process has nothing left to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file; the rest stays in its order."""
    items.sort(key=lambda item: item.path.name != LONGEST)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("WREN_NO_SKIPS") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        if not reason.startswith(ON_PURPOSE):
            report.outcome = "failed"
            report.longrepr = f"skipped, though CI must have what it needs: {reason}"
