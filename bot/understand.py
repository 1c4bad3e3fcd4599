"""`bot understand`: what Wren makes of messages, one by one, without a person or a conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TextIO

from bot.conversation.commands import APP_ONLY, Commands
from bot.conversation.decide import Profile, decide
from bot.conversation.rasa import RasaClient, RasaUnavailable
from bot.jsonlines import as_line, read_line
from bot.wiring import Parts

AT_ONCE = 8
AS_INTENT = {"help_now": "help_menu", "skip": "no"}
"""Commands that are no intents of the NLU, by the nearest that is."""


class Understanding:
    """Reads single messages with the same parts that a conversation uses."""

    def __init__(self, parts: Parts, commands: Commands, client: RasaClient) -> None:
        self._parts = parts
        self._commands = commands
        self._client = client

    async def read(self, text: str, language: str | None) -> dict[str, Any]:
        """The intent, topics, outcome, entities and the content Wren would answer with. Raises `RasaUnavailable`."""
        found = self._parts.detector.detect(text, language)
        entities = await asyncio.to_thread(self._entities, text)
        command = self._commands.find(text, language or found.lang)
        if command is not None and (command not in APP_ONLY or command in AS_INTENT):
            intent = AS_INTENT.get(command, command)
            return _result(found.lang, intent, None, (), 1.0, "answered", entities, None)
        parse = await self._client.parse(text)
        decision = decide(
            parse,
            library=self._parts.library,
            topics=self._parts.topics,
            thresholds=self._parts.thresholds,
            profile=Profile(age_months=entities.get("age_months")),
        )
        answer_id = decision.message.id if decision.message else None
        return _result(
            found.lang,
            decision.intent,
            decision.topic,
            decision.topics,
            decision.confidence,
            decision.outcome,
            entities,
            answer_id,
        )

    def _entities(self, text: str) -> dict[str, Any]:
        facts, place = self._parts.facts, self._parts.directory.find_place(text)
        values = {
            "age_months": facts.age_months(text),
            "place": place.name if place else None,
            "need": facts.need(text),
            "mode": facts.mode(text),
        }
        return {key: value for key, value in values.items() if value is not None}


def _result(
    language: str,
    intent: str,
    topic: str | None,
    topics: tuple[str, ...],
    confidence: float,
    outcome: str,
    entities: dict[str, Any],
    answer_id: str | None,
) -> dict[str, Any]:
    return {
        "lang": language,
        "intent": intent,
        "topic": topic,
        "topics": list(topics),
        "confidence": round(confidence, 4),
        "outcome": outcome,
        "entities": entities,
        "answer_id": answer_id,
    }


async def run(understanding: Understanding, lines: Iterable[str], out: TextIO) -> int:
    """Read JSON lines {"id","text","lang"?} and print one result a line, in order; returns the exit status."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(line: str) -> dict[str, Any]:
        identity: Any = None
        try:
            message = read_line(line)
            if not isinstance(message, dict):
                raise ValueError("a line must be a JSON object")
            identity = message.get("id")
            if not isinstance(message.get("text"), str):
                raise ValueError("text is missing or is not a string")
            language = message.get("lang")
            if language is not None and not isinstance(language, str):
                raise ValueError("lang is not a string")
            async with gate:
                return {"id": identity, **await understanding.read(message["text"], language)}
        except (ValueError, RasaUnavailable) as error:
            return {"id": identity, "error": str(error)}

    tasks = [asyncio.create_task(one(line)) for line in lines if line.strip()]
    status = 0
    for task in tasks:
        result = await task
        status = status or int("error" in result)
        print(as_line(result), file=out, flush=True)
    return status
