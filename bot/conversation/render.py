"""From a `Reply` (a reference) to an `Outbound` (words): the only place where a parent's words are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from babel import Locale

from bot.conversation.turn import HELP_NOW
from bot.languages import direction
from bot.library import Library
from bot.library.dates import say_date, say_time
from bot.library.helplines import isolate
from bot.library.library import version_of
from bot.messages import (
    MAX_BUTTON_TITLE,
    MAX_BUTTONS,
    MAX_ROW_TITLE,
    MAX_ROWS,
    Button,
    ButtonSpec,
    MessageClass,
    Outbound,
    Reply,
)
from bot.storage.tables import now
from bot.storage.tokens import new_token

NEED_LABEL = "need"
"""The label of a button that shows a need's title from `content/needs.yml`."""

TEMPLATE_LABEL = "template"
"""The label of the button under a template, whose title stands with the template's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A rendered reply, the content version behind it, and what each of its button tokens means."""

    outbound: Outbound
    content_id: str
    version: str
    template: str
    tokens: tuple[tuple[str, ButtonSpec, str], ...] = ()
    """(token, specification, title)"""


class Renderer:
    """Renders replies with the library of the moment."""

    def __init__(self, library: Library, needs_help: Callable[[str], bool] = lambda language: False) -> None:
        self.library = library
        self._needs_help = needs_help

    def speaking(self, library: Library) -> Renderer:
        """A renderer like this one with other words."""
        return Renderer(library, self._needs_help)

    def with_help(self, reply: Reply, language: str) -> Reply:
        """`reply` with the way to the numbers too, in a language in which triage is not known to catch enough."""
        have = {spec.action for spec in (*reply.buttons, *reply.rows)}
        if reply.message_class is not MessageClass.REPLY or HELP_NOW.action in have or not self._needs_help(language):
            return reply
        if reply.rows:
            return replace(reply, rows=(*reply.rows, HELP_NOW))
        return replace(reply, buttons=(*reply.buttons, HELP_NOW))

    def render(self, reply: Reply, language: str, nation: str | None) -> Rendering:
        """Words for `reply` in `language`. Raises KeyError for an unknown reference, ValueError for too many buttons."""
        # The way to the numbers comes on top: channels show it somehow.
        if any(len([spec for spec in specs if spec != HELP_NOW]) > most for specs, most in _limits(reply)):
            raise ValueError(f"{reply.ref} has too many buttons")
        kind = reply.ref.partition(":")[0]
        if kind == "service":
            return self._finish(reply, self._services(reply.args, language), language, "directory", reply.ref, "")
        if kind == "person":
            return self._finish(
                reply, str(reply.args["text"]), str(reply.args.get("language", language)), "practitioner", reply.ref, ""
            )
        if kind == "reply":  # a practitioner's, in approved words
            ready = self.library.render(reply.ref, language, nation, {key: str(value) for key, value in reply.args.items()})
            return self._finish(reply, ready.text, ready.language, "practitioner", ready.content_id, ready.template, language)
        values = {key: _say(value, language) for key, value in reply.args.items()}
        if kind == "template":
            return self._template(reply, language, values)
        rendered = self.library.render(reply.ref, language, nation, values)
        text = rendered.text
        if kind == "message" and rendered.language != language:
            text = f"{self.library.strings.get('message.not_in_your_language', language)}\n\n{text}"
        return self._finish(reply, text, rendered.language, "wren", rendered.content_id, rendered.template, language)

    def _template(self, reply: Reply, language: str, values: Mapping[str, str]) -> Rendering:
        """One of `content/templates`, in the very words that the provider approved, with its one button."""
        name = reply.ref.partition(":")[2]
        template = self.library.templates.by_id[name]
        rendered = self.library.render(reply.ref, language, None, values)
        button = ButtonSpec(label=TEMPLATE_LABEL, label_args={"template": name}, action=template.action)
        done = self._finish(
            replace(reply, buttons=(button,)), rendered.text, language, "wren", rendered.content_id, rendered.template
        )
        outbound = replace(
            done.outbound,
            template=template.name(language),
            template_language=self.library.templates.codes.get(language) or "",
            template_values=template.values(language, values),
        )
        return replace(done, outbound=outbound)

    def _finish(
        self,
        reply: Reply,
        text: str,
        text_language: str,
        voice: str,
        content_id: str,
        template: str,
        language: str | None = None,
    ) -> Rendering:
        tokens: list[tuple[str, ButtonSpec, str]] = []
        own = language or text_language
        buttons = tuple(self._button(spec, own, MAX_BUTTON_TITLE, tokens) for spec in reply.buttons)
        rows = tuple(self._button(spec, own, MAX_ROW_TITLE, tokens) for spec in reply.rows)
        outbound = Outbound(
            text=text,
            language=text_language,
            direction=direction(text_language),
            buttons=buttons,
            rows=rows,
            rows_title=self.library.strings.get("button.choose", own) if rows or len(buttons) > MAX_BUTTONS else "",
            message_class=reply.message_class,
            voice=voice,
            voice_name=self._voice_name(reply, voice, own),
            content_id=content_id if voice == "wren" else None,
            number_hint=self.library.strings.get("choose.by_number", own) if _has_choices(buttons, rows) else "",
            ask_location=reply.ask_location,
        )
        return Rendering(
            outbound=outbound,
            content_id=content_id,
            version=version_of(template or text),
            template=template,
            tokens=tuple(tokens),
        )

    def _button(self, spec: ButtonSpec, language: str, longest: int, tokens: list[tuple[str, ButtonSpec, str]]) -> Button:
        title = self._title(spec, language)[:longest]
        if spec.url is not None:
            return Button(title=title, url=spec.url)
        token = new_token()
        tokens.append((token, spec, title))
        return Button(title=title, token=token)

    def _title(self, spec: ButtonSpec, language: str) -> str:
        if spec.label == NEED_LABEL:
            return self.term(spec.label_args["term"], language)
        if spec.label == TEMPLATE_LABEL:
            return self.library.templates.by_id[spec.label_args["template"]].words[language].button
        return self.library.strings.get(spec.label, language, **spec.label_args)

    def _voice_name(self, reply: Reply, voice: str, language: str) -> str:
        if voice == "practitioner":
            return f"{reply.args['name']}, {reply.args['role']}"
        return self.library.strings.get("services.voice", language) if voice == "directory" else ""

    def _services(self, args: Mapping[str, Any], language: str) -> str:
        """Directory records in the parent's words around the directory's own: name, why, when, cost, how, phone, checked."""
        strings = self.library.strings
        parts = [strings.get(args["intro"], language, **args.get("intro_args", {}))]
        for item in args["items"]:
            lines = [f"*{item['name']}*"]
            if item.get("description"):
                lines.append(item["description"])
            lines.append(" · ".join(self._why(code, values, language) for code, values in item["why"]))
            for field in ("when", "where", "cost", "join"):
                if item.get(field):
                    lines.append(strings.get(f"services.{field}", language, value=item[field]))
            if item.get("free") and not item.get("cost"):
                lines.append(strings.get("services.free", language))
            if item.get("phone"):
                lines.append(strings.get("services.phone", language, value=isolate(item["phone"])))
            if item.get("email"):
                lines.append(strings.get("services.email", language, value=isolate(item["email"])))
            if item.get("full"):
                lines.append(strings.get("services.full", language, value=item["full"]))
            lines.append(strings.get(f"services.{_age_key(item)}", language, value=item.get("checked") or ""))
            parts.append("\n".join(line for line in lines if line))
        if args.get("demonstration"):
            parts.append(strings.get("services.demonstration", language))
        return "\n\n".join(parts)

    def _why(self, code: str, values: Mapping[str, Any], language: str) -> str:
        strings = self.library.strings
        given = {key: str(value) for key, value in values.items()}
        if "term" in given:
            given["term"] = self.term(given["term"], language)
        if "code" in given:
            given["code"] = self.language_name(given["code"], language)
        return strings.get(f"why.{code}", language, **given)

    def term(self, term: str, language: str) -> str:
        """A directory term in the parent's language."""
        return self.library.needs.title(term, language)

    def language_name(self, code: str, language: str) -> str:
        """The name of a language in `language`, from CLDR."""
        return str(Locale.parse(language).languages.get(code, code))


def _limits(reply: Reply) -> tuple[tuple[tuple[ButtonSpec, ...], int], ...]:
    return (reply.buttons, MAX_BUTTONS), (reply.rows, MAX_ROWS)


def _has_choices(buttons: tuple[Button, ...], rows: tuple[Button, ...]) -> bool:
    """Whether there is anything to choose: some channels show it as numbered lines, in text messages always."""
    return any(button.url is None for button in (*buttons, *rows))


def _age_key(item: Mapping[str, Any]) -> str:
    """Which words say when a record was last checked: for one past its area's limit, since when it was not."""
    if not item.get("checked"):
        return "unchecked"
    return "not_checked_since" if item.get("past_limit") else "checked"


def _say(value: Any, language: str) -> str:
    """A placeholder's value in words."""
    if value is None or isinstance(value, datetime):
        return say_time(value, now(), language)
    return say_date(value, language) if isinstance(value, date) else str(value)
