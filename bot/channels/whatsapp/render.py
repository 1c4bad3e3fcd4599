"""An `Outbound` → the bodies of Cloud API `messages` requests, in the order in which they must be sent.

The words are the `Outbound`'s own, all of them, once, in order: where a body would be too long it is cut between
paragraphs, and the buttons stand under the last piece.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from bot.channels import labelled_text
from bot.channels.cutting import SEAMS, best_cut, pieces
from bot.messages import MAX_BUTTON_TITLE, MAX_BUTTONS, MAX_ROW_TITLE, MAX_ROWS, Address, Button, Outbound

MAX_TEXT_BODY = 4096
MAX_BUTTON_BODY = 1024
MAX_LIST_BODY = 4096
MAX_LOCATION_BODY = 1024
MAX_BUTTON_ID = 256
MAX_ROW_ID = 200
MAX_MARK = 512
"""Characters of `biz_opaque_callback_data`."""


def render(outbound: Outbound, to: Address) -> list[dict[str, Any]]:
    """One request body or more for one message.

    `to` is an address of kind `phone` or `whatsapp_bsuid`. Up to three choices are buttons, up to ten a list, and what fits neither
    (more of them, or titles that WhatsApp would cut or takes for the same) is numbered lines, answered by a number
    (`numbered_tokens`). Raises ValueError for what cannot be said at all: no words, a choice without title or token, a link that is
    not https.
    """
    envelope = _envelope(to)
    if outbound.template is not None:
        return [{**envelope, "type": "template", "template": _template(outbound)}]
    text, choices, links = _parts(outbound)
    if len(links) == 1 and not choices and not outbound.ask_location and len(links[0].title) <= MAX_BUTTON_TITLE:
        return _under_last_piece(envelope, text, _link_action(links[0]), MAX_BUTTON_BODY)
    # WhatsApp shows one link button a message and none beside other buttons; the rest go into the words.
    text = "\n".join([text, *(f"{link.title}: {link.url}" for link in links)]).strip()
    match _form(outbound, choices):
        case "buttons":
            return _under_last_piece(envelope, text, _button_action(choices), MAX_BUTTON_BODY)
        case "list":
            return _under_last_piece(envelope, text, _list_action(choices, outbound.rows_title), MAX_LIST_BODY)
        case "numbers":
            text = _numbered(text, choices, outbound.number_hint)
    if outbound.ask_location:
        return _under_last_piece(envelope, text, LOCATION_REQUEST, MAX_LOCATION_BODY)
    return [_text(envelope, piece) for piece in pieces(text, MAX_TEXT_BODY)]


def numbered_tokens(outbound: Outbound) -> tuple[str, ...]:
    """The tokens of a message's choices in the order of their numbers, if it is shown with numbers; else nothing."""
    if outbound.template is not None:
        return ()
    try:
        _, choices, _ = _parts(outbound)
    except ValueError:
        return ()
    return tuple(choice.token or "" for choice in choices) if _form(outbound, choices) == "numbers" else ()


def _parts(outbound: Outbound) -> tuple[str, list[Button], list[Button]]:
    """The words, the choices (rows first) and the links. Raises ValueError for a choice or link that cannot be shown."""
    both = (*outbound.rows, *outbound.buttons)
    links = [button for button in both if button.url is not None]
    choices = [button for button in both if button.url is None]
    for link in links:
        _check_link(link)
    for choice in choices:
        if not choice.title.strip() or not choice.token or len(choice.token) > MAX_ROW_ID:
            raise ValueError(f"a choice needs a title and a token of 1 to {MAX_ROW_ID} characters")
    if len({choice.token for choice in choices}) != len(choices):
        raise ValueError("two choices of one message have the same token")
    return labelled_text(outbound).strip(), choices, links


def _form(outbound: Outbound, choices: list[Button]) -> str:
    """How the choices are shown: none, buttons, list or numbers."""
    if not choices:
        return "none"
    titles = [choice.title.strip() for choice in choices]
    if outbound.ask_location or len(set(titles)) != len(titles):
        return "numbers"  # a request for a place takes no buttons beside it
    longest = max(len(choice.title) for choice in choices)
    if not outbound.rows and len(choices) <= MAX_BUTTONS and longest <= MAX_BUTTON_TITLE:
        return "buttons"
    opens = len(outbound.rows_title.strip()) > 0 and len(outbound.rows_title) <= MAX_BUTTON_TITLE
    return "list" if len(choices) <= MAX_ROWS and longest <= MAX_ROW_TITLE and opens else "numbers"


def _numbered(text: str, choices: list[Button], hint: str) -> str:
    """The choices as numbered lines below the words. Each number is isolated, so that right-to-left lines keep it in front."""
    lines = [f"\u2068{place}.\u2069 {choice.title.strip()}" for place, choice in enumerate(choices, start=1)]
    return "\n\n".join(part for part in (text, "\n".join(lines), hint.strip()) if part)


def _template(outbound: Outbound) -> dict[str, Any]:
    """A template's name, language and what fills its places; a choice of ours is its quick reply, in order."""
    if not outbound.template_language:
        raise ValueError("a template needs the provider's code of its language")
    components: list[dict[str, Any]] = []
    if outbound.template_values:
        values = [{"type": "text", "text": _one_line(value)} for value in outbound.template_values]
        components.append({"type": "body", "parameters": values})
    for place, button in enumerate(button for button in outbound.buttons if button.token):
        payload = [{"type": "payload", "payload": button.token}]
        components.append({"type": "button", "sub_type": "quick_reply", "index": str(place), "parameters": payload})
    found = {"name": outbound.template, "language": {"code": outbound.template_language}}
    return {**found, "components": components} if components else found


def _one_line(value: str) -> str:
    """A value as a template takes it: no line breaks, tabs or long runs of spaces."""
    line = " ".join(value.split())
    if not line:
        raise ValueError("a template's value is empty")
    return line


def _envelope(to: Address) -> dict[str, Any]:
    """Who it is for. A number goes in `to`, a business-scoped id in `recipient`."""
    field = {"phone": "to", "whatsapp_bsuid": "recipient"}.get(to.kind)
    if field is None or not to.value:
        raise ValueError(f"WhatsApp cannot send to an address of kind {to.kind!r}")
    return {"messaging_product": "whatsapp", "recipient_type": "individual", field: to.value}


def _text(envelope: dict[str, Any], body: str) -> dict[str, Any]:
    return {**envelope, "type": "text", "text": {"preview_url": False, "body": body}}


def _under_last_piece(envelope: dict[str, Any], text: str, action: dict[str, Any], most: int) -> list[dict[str, Any]]:
    """The interactive part with the text as its body; of a text longer than `most`, with its last paragraph."""
    head, tail = _last_piece(text, most)
    before = [_text(envelope, piece) for piece in pieces(head, MAX_TEXT_BODY)] if head else []
    return [*before, {**envelope, "type": "interactive", "interactive": {**action, "body": {"text": tail}}}]


LOCATION_REQUEST: dict[str, Any] = {"type": "location_request_message", "action": {"name": "send_location"}}


def _button_action(buttons: list[Button]) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": button.token, "title": button.title}} for button in buttons]
    return {"type": "button", "action": {"buttons": replies}}


def _list_action(rows: list[Button], opener: str) -> dict[str, Any]:
    section = {"rows": [{"id": row.token, "title": row.title} for row in rows]}
    return {"type": "list", "action": {"button": opener, "sections": [section]}}


def _link_action(link: Button) -> dict[str, Any]:
    parameters = {"display_text": link.title, "url": link.url}
    return {"type": "cta_url", "action": {"name": "cta_url", "parameters": parameters}}


def _check_link(link: Button) -> None:
    parts = urlsplit(link.url or "")
    if parts.scheme != "https" or not parts.hostname or link.token is not None or not link.title.strip():
        raise ValueError("a link button needs a title, an https address and no token")


def _last_piece(text: str, most: int) -> tuple[str, str]:
    """`text` in two: what goes before, and its last paragraph (or as much of it as fits in `most` characters)."""
    if not text:
        raise ValueError("a message without words")
    if len(text) <= most:
        return "", text

    def fits(start: int, end: int) -> bool:
        return start > 0 and 0 < len(text) - end <= most

    paragraph = best_cut(text, fits, take_last=True, seams=SEAMS[:1])
    cut = paragraph or best_cut(text, fits, take_last=False, seams=SEAMS[1:])
    start, end = cut or (len(text) - most, len(text) - most)
    return text[:start], text[end:]
