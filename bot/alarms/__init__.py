"""Alarms: calling staff by e-mail and by an HTTP hook while a worry waits and nobody takes it up, or something in Wren does not work.

`calls` decides which cases call and `troubles` which troubles, and write one row a step and way; `alarmer` claims rows, sends them and
records what came of it;
`mail` and `hook` are the ways. They carry the level, the team, the case's age and a link to the console, nothing of the parent's.
May import handoff, library, storage, settings and delivery's hub; never conversation, channels or people.
"""

from collections.abc import Mapping

from bot.alarms.alarmer import Alarmer
from bot.alarms.calls import CaseCalls
from bot.alarms.hook import HookWay
from bot.alarms.mail import MailWay
from bot.alarms.troubles import TroubleCalls
from bot.alarms.ways import Way, ways_of
from bot.library.strings import Strings
from bot.settings import Settings


def build_ways(settings: Settings, strings: Strings) -> Mapping[str, Way]:
    """The ways that are set, by name. Make it on the event loop that sends."""
    made: dict[str, Way] = {}
    for name in ways_of(settings):
        made[name] = MailWay(settings, strings) if name == "email" else HookWay(settings)
    return made


__all__ = ["Alarmer", "CaseCalls", "TroubleCalls", "Way", "build_ways", "ways_of"]
