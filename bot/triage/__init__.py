"""Triage: what level is this message? Pure functions over data, in process, no I/O once loaded.

Here live the four levels, the phrase rules (data in `content/safety/`), the small models that we train ourselves (data in
`data/triage/`), and the reader that joins them. It may import `bot.languages`, spaCy and, in training alone, scikit-learn; never a channel,
storage, the NLU server or anything that waits. The rules that bind every change are in the docs under "triage".
"""

from bot.triage.levels import Assessment, Level, Reason
from bot.triage.reader import FurtherReader, Triage

__all__ = ["Assessment", "FurtherReader", "Level", "Reason", "Triage"]
