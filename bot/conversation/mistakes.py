"""What a parent says the directory has wrong: which service, and why."""

from __future__ import annotations

from collections.abc import Callable

from bot.conversation.turn import FIND, MENU, PERSON, Args, Turn
from bot.messages import ButtonSpec

WRONG_REASONS = ("closed", "moved", "phone", "full", "other")
"""What a parent may say is wrong with a service."""

REPORTS_REMEMBERED = 60


class Mistakes:
    """`nothing_shown` is what is done where no service was shown that could be wrong."""

    def __init__(self, nothing_shown: Callable[[Turn, Args], None]) -> None:
        self._nothing_shown = nothing_shown
        self.table: dict[str, Callable[[Turn, Args], None]] = {
            "wrong_service": self.wrong_service,
            "wrong_reason": self.wrong_reason,
        }

    def wrong_service(self, turn: Turn, args: Args) -> None:
        """A service that was shown is not as the directory says: ask which, if several were, thank them, and offer reasons."""
        services = args.get("services") or turn.state.shown
        if not services:
            self._nothing_shown(turn, args)
            return
        turn.state.close_form()
        turn.quiet = True
        turn.outcome = "wrong_service"
        if len(services) > 1:
            rows = [
                ButtonSpec(
                    label="service.choice",
                    label_args={"number": str(number), "name": name},
                    action="wrong_service",
                    args={"services": [[service_id, name]]},
                )
                for number, (service_id, name) in enumerate(services, start=1)
            ]
            names = "\n".join(f"{number}. {name}" for number, (_, name) in enumerate(services, start=1))
            turn.say("text:wrong.which", {"names": names}, rows=[*rows, MENU])
            return
        ((service_id, name),) = services
        self._report(turn, service_id)
        rows = [
            ButtonSpec(label=f"reason.{reason}", action="wrong_reason", args={"service": service_id, "reason": reason})
            for reason in WRONG_REASONS
        ]
        turn.say("text:wrong.thanks", {"name": name}, rows=[*rows, MENU])

    def wrong_reason(self, turn: Turn, args: Args) -> None:
        """Why it is wrong, by a choice."""
        self._report(turn, args["service"], args["reason"])
        turn.say("text:wrong.reason_thanks", buttons=(FIND, PERSON, MENU))
        turn.quiet = True
        turn.outcome = "wrong_service"

    @staticmethod
    def _report(turn: Turn, service_id: str, reason: str = "") -> None:
        """Count it, once for this parent."""
        said = f"{service_id} {reason}".strip()
        if said in turn.state.reported:
            return
        turn.state.reported = [*turn.state.reported, said][-REPORTS_REMEMBERED:]
        turn.do("report_service", service_id=service_id, reason=reason)
