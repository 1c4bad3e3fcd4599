"""The content desk's pages, under `/staff/content`. They read and act through `bot.desk`, and show words by the channels' own renderers."""

from bot.console.desk.pages import ContentDesk, desk_routes
from bot.console.desk.translations import TranslatorsFiles, translation_routes

__all__ = ["ContentDesk", "TranslatorsFiles", "desk_routes", "translation_routes"]
