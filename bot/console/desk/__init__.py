"""The content desk's pages, under `/staff/content`. They read and act through `bot.desk`, and show words by the channels' own renderers."""

from bot.console.desk.pages import ContentDesk, desk_routes

__all__ = ["ContentDesk", "desk_routes"]
