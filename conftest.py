"""For the whole suite: in CI a test that cannot run for want of a tool has failed, because CI installs the tools."""

import os

import pytest

ON_PURPOSE = "on purpose:"
"""A skip whose reason begins so is no missing tool."""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("WREN_NO_SKIPS") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr).removeprefix("Skipped: ")
        if not reason.startswith(ON_PURPOSE):
            report.outcome = "failed"
            report.longrepr = f"skipped, though CI must have what it needs: {reason}"
