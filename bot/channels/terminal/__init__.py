"""The terminal: a chat for trying Wren out and for scripted conversations. Translates lines to `Inbound` and `Outbound` to lines."""

from bot.channels.terminal.channel import TerminalChannel, press, say

__all__ = ["TerminalChannel", "press", "say"]
