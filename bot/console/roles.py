"""Who may do what in the console. Every route names the roles that may use it; whoever has none of them is refused."""

from __future__ import annotations

from collections.abc import Collection

from bot.desk import rules

ROLES = ("editor", "translator", "clinical_lead", "approver", "practitioner", "manager", "administrator", "commissioner")
"""An account has one or more. Editors and approvers work on the directory and on what parents read, translators on other languages,
clinical leads answer for what parents read, practitioners answer parents, managers look after a team, administrators after accounts;
commissioners see the published figures and nothing else. Who does what to words is said in `bot.desk.rules`."""

ADMINISTRATOR = "administrator"
EVERYONE = frozenset(ROLES)
SEES_CASES = frozenset({"practitioner", "manager"})
ANSWERS = frozenset({"practitioner"})
SEES_QUESTIONS = frozenset({"editor", "approver", "practitioner", "manager"})
SEES_ROTA = frozenset({"practitioner", "manager", "administrator"})
CHANGES_ROTA = frozenset({"manager", "administrator"})
LOOKS_AFTER_ACCOUNTS = frozenset({ADMINISTRATOR})
SEES_DIRECTORY = frozenset({"editor", "approver", "manager", "administrator"})
EDITS_DIRECTORY = frozenset({"editor", "approver"})
APPROVES_DIRECTORY = frozenset({"approver", "manager"})
SEES_TROUBLES = frozenset({"manager", "administrator"})
SEES_CAMPAIGNS = frozenset({"manager", "administrator"})
SEES_SERIES = frozenset({"editor", "approver", "practitioner", "manager"})
LOOKS_AFTER_RECORDS = frozenset({"manager"})
SEES_RETENTION = frozenset({"manager", "administrator"})
SEES_INSIGHT = frozenset({"manager", "commissioner"})
PLANS_CONTENT = frozenset({"editor", "approver", "manager"})
SETS_DIRECTORY = frozenset({"manager", "administrator"})
SEES_CONTENT = rules.SEES
WRITES_CONTENT = rules.WRITES
APPROVES_CONTENT = rules.APPROVES
PUBLISHES_CONTENT = rules.PUBLISHES
REVIEWS_CONTENT = rules.REVIEWS
TAKES_CONTENT_FILES = rules.TAKES_FILES


def landing(roles: Collection[str]) -> str:
    """The page to begin with: the first of the console's that somebody with `roles` may see."""
    pages = (
        ("/staff", SEES_CASES),
        ("/staff/directory/todo", EDITS_DIRECTORY),
        ("/staff/rota", SEES_ROTA),
        ("/staff/content", SEES_CONTENT),
        ("/staff/insight", SEES_INSIGHT),
    )
    for page, allowed in pages:
        if allowed & set(roles):
            return page
    return "/staff/audit"
