"""What Meta's documents say of the body of a `messages` request: every rule that is broken, in Meta's own error numbers.

Written from the published reference of the Cloud API, apart from the code that it is to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TOP = {"messaging_product", "recipient_type", "to", "recipient", "type", "biz_opaque_callback_data", "context"}
BSUID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9.]{1,150}")
PHONE = re.compile(r"\+?[0-9]{5,20}")


class GraphLimits:
    """`mistakes` gives (error number, details) for each."""

    @classmethod
    def mistakes(cls, body: Any) -> list[tuple[int, str]]:
        return list(cls._all(body))

    @staticmethod
    def tokens(body: Mapping[str, Any]) -> list[str]:
        """The ids that a parent's press of this message can send back."""
        action = body.get("interactive", {}).get("action", {})
        rows = [row["id"] for section in action.get("sections", ()) for row in section["rows"]]
        return rows + [button["reply"]["id"] for button in action.get("buttons", ())]

    @classmethod
    def _all(cls, body: Any) -> Iterator[tuple[int, str]]:
        if not isinstance(body, dict):
            yield 100, "the body is no object"
            return
        kind = body.get("type")
        if body.get("messaging_product") != "whatsapp":
            yield 100, "messaging_product must be whatsapp"
        if body.get("recipient_type", "individual") != "individual":
            yield 100, "recipient_type"
        if unknown := body.keys() - TOP - {kind}:
            yield 100, f"unexpected keys {sorted(map(str, unknown))}"
        if "to" not in body and "recipient" not in body:
            yield 131008, "neither to nor recipient"
        if "to" in body and not PHONE.fullmatch(str(body["to"])):
            yield 131009, "to is no number"
        if "recipient" in body and not BSUID.fullmatch(str(body["recipient"])):
            yield 131009, "recipient is no business-scoped id"
        mark = body.get("biz_opaque_callback_data", "")
        if not isinstance(mark, str) or len(mark) > 512:
            yield 100, "biz_opaque_callback_data is longer than 512"
        content = body.get(kind) if isinstance(kind, str) else None
        if not isinstance(content, dict):
            yield 131008, f"no content for the type {kind!r}"
            return
        checks = {"text": cls._text, "interactive": cls._interactive, "template": cls._template}
        if kind not in checks:
            yield 131009, f"the type {kind!r} is not one this double knows"
            return
        yield from checks[kind](content)

    @staticmethod
    def _text(text: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        if text.keys() - {"body", "preview_url"}:
            yield 100, "unexpected keys in text"
        yield from _words(text.get("body"), 4096, "text.body")

    @classmethod
    def _interactive(cls, content: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        kind, action = content.get("type"), content.get("action")
        if content.keys() - {"type", "header", "body", "footer", "action"}:
            yield 100, "unexpected keys in interactive"
        if not isinstance(action, dict) or not isinstance(content.get("body"), dict):
            yield 131008, "interactive needs a body and an action"
            return
        yield from _words(content["body"].get("text"), 4096 if kind == "list" else 1024, "interactive.body.text")
        match kind:
            case "button":
                yield from cls._buttons(action)
            case "list":
                yield from cls._list(action)
            case "cta_url":
                yield from cls._link(action)
            case "location_request_message":
                if action != {"name": "send_location"}:
                    yield 131009, "the action of a location request is send_location alone"
            case _:
                yield 131009, f"interactive type {kind!r}"

    @staticmethod
    def _buttons(action: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        buttons = action.get("buttons")
        if action.keys() != {"buttons"} or not isinstance(buttons, list) or not 1 <= len(buttons) <= 3:
            yield 131009, "1 to 3 buttons"
            return
        for button in buttons:
            if button.get("type") != "reply" or button.keys() != {"type", "reply"}:
                yield 131009, "a button is of type reply"
                return
            yield from _words(button["reply"].get("title"), 20, "button title")
            yield from _words(button["reply"].get("id"), 256, "button id")
        yield from _unique([button["reply"].get("title") for button in buttons], "button titles")
        yield from _unique([button["reply"].get("id") for button in buttons], "button ids")

    @staticmethod
    def _list(action: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        sections = action.get("sections")
        yield from _words(action.get("button"), 20, "list button")
        if action.keys() != {"button", "sections"} or not isinstance(sections, list) or not 1 <= len(sections) <= 10:
            yield 131009, "1 to 10 sections"
            return
        if len(sections) > 1:
            for section in sections:
                yield from _words(section.get("title"), 24, "section title")
        rows = [row for section in sections for row in section.get("rows", [])]
        if not 1 <= len(rows) <= 10:
            yield 131009, "1 to 10 rows over all sections"
        for row in rows:
            if row.keys() - {"id", "title", "description"}:
                yield 100, "unexpected keys in a row"
            yield from _words(row.get("title"), 24, "row title")
            yield from _words(row.get("id"), 200, "row id")
            if "description" in row:
                yield from _words(row["description"], 72, "row description")
        yield from _unique([row.get("id") for row in rows], "row ids")

    @staticmethod
    def _link(action: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        parameters = action.get("parameters")
        if action.get("name") != "cta_url" or not isinstance(parameters, dict):
            yield 131009, "a link needs the name cta_url and parameters"
            return
        yield from _words(parameters.get("display_text"), 20, "link title")
        if not re.fullmatch(r"https?://[^\s]+", str(parameters.get("url", ""))):
            yield 131009, "link url"

    @staticmethod
    def _template(content: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        if content.keys() - {"name", "language", "components"}:
            yield 100, "unexpected keys in template"
        if not re.fullmatch(r"[a-z0-9_]{1,512}", str(content.get("name", ""))):
            yield 131009, "template name"
        if not isinstance(content.get("language"), dict) or not content["language"].get("code"):
            yield 131008, "template language code"
        for component in content.get("components", []):
            for parameter in component.get("parameters", []):
                text = parameter.get("text") or parameter.get("payload")
                if not isinstance(text, str) or not text.strip():
                    yield 131008, "a parameter without text"
                elif re.search(r"[\n\t]| {5,}", text):
                    yield 132012, "a parameter with line breaks, tabs or more than four spaces"


def _words(value: object, most: int, where: str) -> Iterator[tuple[int, str]]:
    if not isinstance(value, str) or not value.strip():
        yield 131008, f"{where} is missing or empty"
    elif len(value) > most:
        yield 131009, f"{where} has {len(value)} characters; at most {most}"


def _unique(values: list[Any], what: str) -> Iterator[tuple[int, str]]:
    if len(set(values)) != len(values):
        yield 131009, f"two {what} are the same"
