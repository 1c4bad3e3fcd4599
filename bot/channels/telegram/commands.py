"""The command menu that Telegram's apps show beside the message field, one for each app language."""

from __future__ import annotations

from collections.abc import Mapping

from telegram import Bot, BotCommand


async def publish_commands(bot: Bot, commands: Mapping[str, list[tuple[str, str]]], *, default: str = "en") -> None:
    """Set the menu for each language: `commands` is language code → [(command, its description in that language)].

    The language `default` is also shown to people whose app is in any other language. Raises
    `telegram.error.TelegramError` if Telegram refuses; setting the same menu twice is harmless.
    """
    for language, menu in commands.items():
        entries = [BotCommand(command, description) for command, description in menu]
        await bot.set_my_commands(entries, language_code=language)
        if language == default:
            await bot.set_my_commands(entries)
