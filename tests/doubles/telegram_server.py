"""A strict double of Telegram's Bot API on loopback.

It follows the published contract of Bot API 10.1 (June 2026) for: getMe, getUpdates, sendMessage, answerCallbackQuery,
editMessageReplyMarkup, setMyCommands, getMyCommands, setWebhook, deleteWebhook, getWebhookInfo. Errors have
Telegram's codes and the descriptions its server is known to give. `tests/doubles/test_telegram_server.py` drives it
with two clients of other people (python-telegram-bot, aiogram), so that it answers what they expect and not only what
we do.

Stricter than Telegram, on purpose: a parameter that the contract does not name is refused (Telegram ignores it); so
is a limit outside 1 to 100 (Telegram clamps it); text is measured in UTF-16 units, the larger of the two counts in
use. Of two pollers the earlier is ended with 409, as there; with a webhook set, every poll is.

With a webhook set, updates are posted to it one after the other with the secret token, each until it is answered 2xx: to `webhook_at`
in place of the public address, as a TLS proxy would pass them on.

Not covered: several deliveries at once, answers to a delivery that are calls, parse_mode (refused: nothing here parses markup), every
kind of message but text going out, groups and channels, business accounts, inline mode, files, payments, the 24 hours
after which updates are dropped, real flood limits (429 comes when a test asks for it), and ids starting anew after an
idle week.

Use: `async with TelegramServer().serving() as url`, or `with TelegramServer().in_thread() as url` where the code
under test has its own event loop or process. Its other methods act as the parents: they may be called from any
thread.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TOKEN = "4200000001:AAdouble-0123456789abcdefghijklmno"

PARAMETERS: dict[str, dict[str, str]] = {
    "getMe": {},
    "getUpdates": {"offset": "int", "limit": "int", "timeout": "int", "allowed_updates": "json"},
    "sendMessage": {
        "business_connection_id": "str",
        "chat_id": "chat",
        "message_thread_id": "int",
        "direct_messages_topic_id": "int",
        "text": "str",
        "parse_mode": "str",
        "entities": "json",
        "link_preview_options": "json",
        "disable_notification": "bool",
        "protect_content": "bool",
        "allow_paid_broadcast": "bool",
        "message_effect_id": "str",
        "suggested_post_parameters": "json",
        "reply_parameters": "json",
        "reply_markup": "json",
    },
    "answerCallbackQuery": {
        "callback_query_id": "str",
        "text": "str",
        "show_alert": "bool",
        "url": "str",
        "cache_time": "int",
    },
    "editMessageReplyMarkup": {
        "business_connection_id": "str",
        "chat_id": "chat",
        "message_id": "int",
        "inline_message_id": "str",
        "reply_markup": "json",
    },
    "setMyCommands": {"commands": "json", "scope": "json", "language_code": "str"},
    "getMyCommands": {"scope": "json", "language_code": "str"},
    "setWebhook": {
        "url": "str",
        "certificate": "str",
        "ip_address": "str",
        "max_connections": "int",
        "allowed_updates": "json",
        "drop_pending_updates": "bool",
        "secret_token": "str",
    },
    "deleteWebhook": {"drop_pending_updates": "bool"},
    "getWebhookInfo": {},
}
REQUIRED = {
    "sendMessage": ("chat_id", "text"),
    "answerCallbackQuery": ("callback_query_id",),
    "setMyCommands": ("commands",),
    "setWebhook": ("url",),
}
METHODS = {name.lower(): name for name in PARAMETERS}

BUTTON_ACTIONS = {
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
}
BUTTON_FIELDS = BUTTON_ACTIONS | {"text", "icon_custom_emoji_id", "style"}
ENTITY_TYPES = {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "blockquote"}
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
MAX_TEXT, MAX_ROW, MAX_KEYBOARD, MAX_DATA, MAX_ANSWER = 4096, 8, 100, 64, 200
TICK = 0.02


class ApiError(Exception):
    """An answer with `ok: false`."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


@dataclass
class Fault:
    """What to do with the next call of a method instead of, or after, answering it properly."""

    error: ApiError | None = None
    body: bytes | None = None
    hang_seconds: float = 0.0


class TelegramServer:
    """One bot's Bot API server and the parents who write to it."""

    def __init__(self, *, token: str = TOKEN, username: str = "wren_double_bot") -> None:
        self.token = token
        self.url = ""
        """Where it is served, once it is."""
        self.bot = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Wren double",
            "username": username,
            "can_join_groups": False,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        """(chat id, message id) → message, from both sides, as it stands after edits."""
        self.blocked: set[int] = set()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Every accepted call: method and parameters, in order."""
        self.commands: dict[tuple[str, str], list[dict[str, str]]] = {}
        """(scope as JSON, language code) → the command menu."""
        self.webhook: dict[str, Any] = {"url": ""}
        self.webhook_secret = ""
        self.webhook_at = ""
        """Where the public address of the webhook really is: `http://127.0.0.1:port`."""
        self.deliveries: list[tuple[int, int]] = []
        """Every attempt to deliver: update id and the status it was answered with, 0 for no answer."""
        self._delivering: asyncio.Task[None] | None = None
        self.answered: dict[str, dict[str, Any]] = {}
        """Callback query id → how it was answered."""
        self._open_queries: set[str] = set()
        self._updates: list[dict[str, Any]] = []
        self._allowed: set[str] | None = None
        self._known_chats: dict[int, dict[str, Any]] = {}
        self._faults: dict[str, list[Fault]] = {}
        self._update_ids = itertools.count(700_000_001)
        self._message_ids = itertools.count(1)
        self._poll = 0
        self._lock = threading.RLock()
        self.app = Starlette(
            routes=[Route("/bot{token}/{method}", self._endpoint, methods=["GET", "POST"])],
        )

    # -- serving ------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on a loopback port (by default a free one) in this event loop; gives the server's address."""
        server, listener = self._uvicorn(port)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not task.done():
                await asyncio.sleep(TICK)
            yield self.url
        finally:
            self._poll += 1  # ends a poll that waits
            self.webhook = {"url": ""}  # and the deliveries
            server.should_exit = True
            await task

    @contextmanager
    def in_thread(self) -> Iterator[str]:
        """Serve from a thread of its own; gives the server's address."""
        server, listener = self._uvicorn()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(TICK)
            yield self.url
        finally:
            self._poll += 1  # ends a poll that waits
            self.webhook = {"url": ""}  # and the deliveries
            server.should_exit = True
            thread.join(timeout=10)

    def _uvicorn(self, port: int = 0) -> tuple[uvicorn.Server, socket.socket]:
        listener = socket.create_server(("127.0.0.1", port))
        config = uvicorn.Config(self.app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return uvicorn.Server(config), listener

    # -- what parents do ----------------------------------------------------------------------------------------------

    def say(self, user_id: int, text: str, *, language_code: str = "en") -> dict[str, Any]:
        """A parent writes; also how `/start payload` comes. Gives the message."""
        fields: dict[str, Any] = {"text": text}
        if command := re.match(r"/[A-Za-z0-9_]{1,32}", text):
            fields["entities"] = [{"type": "bot_command", "offset": 0, "length": len(command[0])}]
        return self.send(user_id, language_code=language_code, **fields)

    def open_link(self, user_id: int, payload: str = "") -> dict[str, Any]:
        """A parent presses Start, in a chat that a `?start=` link opened."""
        if payload and not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", payload):
            raise AssertionError("Telegram opens no chat with such a payload")
        return self.say(user_id, f"/start {payload}".strip())

    def send_photo(self, user_id: int, caption: str | None = None) -> dict[str, Any]:
        """A parent sends a photo."""
        sizes = [{"file_id": f"photo-{size}", "file_unique_id": f"u{size}", "width": size, "height": size} for size in (90, 320)]
        return self.send(user_id, photo=sizes, **({"caption": caption} if caption else {}))

    def send(self, user_id: int, *, language_code: str = "en", **fields: Any) -> dict[str, Any]:
        """A parent sends a message with these content fields of `Message`."""
        with self._lock:
            message = self._message(user_id, self._parent(user_id, language_code), fields)
            self._add({"message": message})
            return message

    def edit(self, user_id: int, message_id: int, text: str) -> dict[str, Any]:
        """A parent changes a text they sent."""
        with self._lock:
            old = self.messages[user_id, message_id]
            if old["from"]["id"] != user_id or "text" not in old:
                raise AssertionError("a parent can change only a text of their own")
            message = {**old, "text": text, "edit_date": int(time.time())}
            self.messages[user_id, message_id] = message
            self._add({"edited_message": message})
            return message

    def press(self, user_id: int, title: str) -> str:
        """A parent presses the latest button with this title that the bot really sent them; gives the query's id."""
        with self._lock:
            for message in reversed(self.sent(user_id)):
                for button in _buttons(message):
                    if button["text"] == title and "callback_data" in button:
                        return self._query(user_id, message, button["callback_data"])
        raise AssertionError(f"no button {title!r} was sent to this chat")

    def block(self, user_id: int) -> None:
        """A parent blocks the bot."""
        self.blocked.add(user_id)
        self._membership(user_id, "member", "kicked")

    def unblock(self, user_id: int) -> None:
        """A parent lets the bot write again."""
        self.blocked.discard(user_id)
        self._membership(user_id, "kicked", "member")

    def inject(self, update: Mapping[str, Any]) -> dict[str, Any]:
        """An update of any shape, valid or not; gets the next id unless it has one."""
        with self._lock:
            whole = {"update_id": next(self._update_ids), **update}
            self._updates.append(whole)
            return whole

    # -- what tests ask and arrange -----------------------------------------------------------------------------------

    def sent(self, chat_id: int) -> list[dict[str, Any]]:
        """The bot's messages to this chat, oldest first."""
        with self._lock:
            return [message for (chat, _), message in self.messages.items() if chat == chat_id and message["from"]["is_bot"]]

    def pending(self) -> list[dict[str, Any]]:
        """Updates that no poller has confirmed."""
        with self._lock:
            return list(self._updates)

    def fail_next(self, method: str, status: int, description: str, *, retry_after: int | None = None) -> None:
        """Refuse the next call of `method`, which then has no effect."""
        parameters = {} if retry_after is None else {"retry_after": retry_after}
        self._faults.setdefault(method, []).append(Fault(error=ApiError(status, description, **parameters)))

    def garble_next(self, method: str, body: bytes) -> None:
        """Answer the next call of `method` with status 200 and this body; the call has its effect."""
        self._faults.setdefault(method, []).append(Fault(body=body))

    def hang_next(self, method: str, seconds: float) -> None:
        """Answer the next call of `method` so late; the call has its effect at once."""
        self._faults.setdefault(method, []).append(Fault(hang_seconds=seconds))

    # -- the HTTP side ------------------------------------------------------------------------------------------------

    async def _endpoint(self, request: Request) -> JSONResponse:
        try:
            name = self._authorised_method(request)
            parameters = await _parameters(request, name)
            faults = self._faults.get(name, [])
            fault = faults.pop(0) if faults else Fault()
            if fault.error is not None:
                raise fault.error
            result = await self._get_updates(parameters) if name == "getUpdates" else self._call(name, parameters)
        except ApiError as error:
            return _refusal(error)
        await asyncio.sleep(fault.hang_seconds)
        if fault.body is not None:
            return _Raw(fault.body)
        return JSONResponse({"ok": True, "result": result})

    def _authorised_method(self, request: Request) -> str:
        token = request.path_params["token"]
        if not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", token):
            raise ApiError(404, "Not Found")
        if token != self.token:
            raise ApiError(401, "Unauthorized")
        name = METHODS.get(request.path_params["method"].lower())
        if name is None:
            raise ApiError(404, "Not Found")
        return name

    def _call(self, name: str, parameters: dict[str, Any]) -> Any:
        methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getMe": lambda _: self.bot,
            "sendMessage": self._send_message,
            "answerCallbackQuery": self._answer_callback_query,
            "editMessageReplyMarkup": self._edit_reply_markup,
            "setMyCommands": self._set_my_commands,
            "getMyCommands": lambda given: self.commands.get(_menu_key(given), []),
            "setWebhook": self._set_webhook,
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": lambda _: self._webhook_info(),
        }
        with self._lock:
            result = methods[name](parameters)
            self.calls.append((name, parameters))
            return result

    async def _get_updates(self, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        limit, timeout = parameters.get("limit", 100), parameters.get("timeout", 0)
        if not 1 <= limit <= 100:
            raise ApiError(400, "Bad Request: limit must be between 1 and 100")
        if not 0 <= timeout <= 50:
            raise ApiError(400, "Bad Request: timeout must be between 0 and 50")
        if self.webhook["url"]:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first",
            )
        with self._lock:
            self._poll += 1
            mine = self._poll
            self.calls.append(("getUpdates", parameters))
            self._remember_allowed(parameters.get("allowed_updates"))
            self._confirm(parameters.get("offset", 0))
        deadline = time.monotonic() + timeout
        while not self._updates and time.monotonic() < deadline and self._poll == mine:
            await asyncio.sleep(TICK)
        if self._poll != mine:
            raise ApiError(
                409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
            )
        return self.pending()[:limit]

    def _remember_allowed(self, allowed: Any) -> None:
        if allowed is None:
            return
        if not isinstance(allowed, list) or not all(isinstance(kind, str) for kind in allowed):
            raise ApiError(400, "Bad Request: can't parse allowed updates")
        self._allowed = set(allowed) or None

    def _confirm(self, offset: int) -> None:
        """Everything below a positive offset is received for good; a negative one keeps so many from the end."""
        if offset > 0:
            self._updates = [update for update in self._updates if _order(update) >= offset]
        elif offset < 0:
            self._updates = self._updates[offset:]

    def _send_message(self, given: dict[str, Any]) -> dict[str, Any]:
        chat_id = self._writable_chat(given["chat_id"])
        text = given["text"]
        if not text.strip():
            raise ApiError(400, "Bad Request: message text is empty")
        if _units(text) > MAX_TEXT:
            raise ApiError(400, "Bad Request: message is too long")
        if "parse_mode" in given:
            raise ApiError(400, "Bad Request: this double parses no markup")
        fields: dict[str, Any] = {"text": text}
        if given.get("entities"):
            fields["entities"] = _checked_entities(given["entities"], text)
        if "reply_markup" in given:
            fields["reply_markup"] = _checked_keyboard(given["reply_markup"])
        return self._message(chat_id, {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")}, fields)

    def _writable_chat(self, chat_id: int | str) -> int:
        if not isinstance(chat_id, int) or chat_id not in self._known_chats:
            raise ApiError(400, "Bad Request: chat not found")
        if chat_id in self.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat_id

    def _answer_callback_query(self, given: dict[str, Any]) -> bool:
        query_id = given["callback_query_id"]
        if query_id not in self._open_queries:
            raise ApiError(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        if _units(given.get("text", "")) > MAX_ANSWER:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        self._open_queries.discard(query_id)
        self.answered[query_id] = given
        return True

    def _edit_reply_markup(self, given: dict[str, Any]) -> dict[str, Any]:
        if "chat_id" not in given or "message_id" not in given:
            raise ApiError(400, "Bad Request: message identifier is not specified")
        key = (self._writable_chat(given["chat_id"]), given["message_id"])
        message = self.messages.get(key)
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        if not message["from"]["is_bot"]:
            raise ApiError(400, "Bad Request: message can't be edited")
        keyboard = _checked_keyboard(given["reply_markup"]) if "reply_markup" in given else {"inline_keyboard": []}
        if message.get("reply_markup", {"inline_keyboard": []}) == keyboard:
            raise ApiError(400, "Bad Request: message is not modified")
        edited = {name: value for name, value in message.items() if name != "reply_markup"}
        edited["edit_date"] = int(time.time())
        if keyboard["inline_keyboard"]:
            edited["reply_markup"] = keyboard
        self.messages[key] = edited
        return edited

    def _set_my_commands(self, given: dict[str, Any]) -> bool:
        commands = given["commands"]
        if not isinstance(commands, list) or len(commands) > 100:
            raise ApiError(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not isinstance(command, dict) or set(command) != {"command", "description"}:
                raise ApiError(400, "Bad Request: can't parse commands")
            if not re.fullmatch(r"[a-z0-9_]{1,32}", str(command["command"]), re.ASCII):
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(str(command["description"])) <= 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.commands[_menu_key(given)] = commands
        return True

    def _set_webhook(self, given: dict[str, Any]) -> bool:
        url = given["url"]
        if url and not url.startswith("https://"):
            raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if url and (urlsplit(url).port or 443) not in (80, 88, 443, 8443):
            raise ApiError(400, "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
        if not 1 <= given.get("max_connections", 40) <= 100:
            raise ApiError(400, "Bad Request: max_connections must be between 1 and 100")
        if "secret_token" in given and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", given["secret_token"]):
            raise ApiError(400, "Bad Request: secret token contains unallowed characters")
        self._remember_allowed(given.get("allowed_updates"))
        if given.get("drop_pending_updates"):
            self._updates.clear()
        self.webhook = {"url": url, "max_connections": given.get("max_connections", 40)}
        self.webhook_secret = given.get("secret_token", "")
        if url and (self._delivering is None or self._delivering.done()):
            self._delivering = asyncio.get_running_loop().create_task(self._deliver())
        return True

    async def _deliver(self) -> None:
        """Post what waits, in order, for as long as a webhook is set."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while self.webhook["url"]:
                waiting = self.pending()
                if not waiting or not self.webhook_at:
                    await asyncio.sleep(TICK)
                    continue
                status = await self._post(client, waiting[0])
                self.deliveries.append((_order(waiting[0]), status))
                if 200 <= status < 300:
                    with self._lock:
                        self._updates.remove(waiting[0])
                else:
                    told = f"Wrong response from the webhook: {status}" if status else "Connection refused"
                    self.webhook |= {"last_error_date": int(time.time()), "last_error_message": told}
                    await asyncio.sleep(10 * TICK)

    async def _post(self, client: httpx.AsyncClient, update: dict[str, Any]) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook_secret} if self.webhook_secret else {}
        try:
            return (
                await client.post(self.webhook_at + urlsplit(self.webhook["url"]).path, json=update, headers=headers)
            ).status_code
        except httpx.HTTPError:
            return 0

    def _delete_webhook(self, given: dict[str, Any]) -> bool:
        if given.get("drop_pending_updates"):
            self._updates.clear()
        self.webhook = {"url": ""}
        return True

    def _webhook_info(self) -> dict[str, Any]:
        return {**self.webhook, "has_custom_certificate": False, "pending_update_count": len(self._updates)}

    # -- making updates -----------------------------------------------------------------------------------------------

    def _add(self, content: dict[str, Any]) -> None:
        """Queue an update if the bot wants its kind."""
        kind = next(iter(content))
        wanted = kind in self._allowed if self._allowed is not None else kind not in NOT_BY_DEFAULT
        if wanted:
            self._updates.append({"update_id": next(self._update_ids), **content})

    def _parent(self, user_id: int, language_code: str = "en") -> dict[str, Any]:
        self._known_chats.setdefault(user_id, {"id": user_id, "type": "private", "first_name": "Parent"})
        return {"id": user_id, "is_bot": False, "first_name": "Parent", "language_code": language_code}

    def _message(self, chat_id: int, sender: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
        message = {
            "message_id": next(self._message_ids),
            "from": sender,
            "chat": self._known_chats[chat_id],
            "date": int(time.time()),
            **fields,
        }
        self.messages[chat_id, message["message_id"]] = message
        return message

    def _query(self, user_id: int, message: dict[str, Any], data: str) -> str:
        query_id = str(4_000_000_000 + next(self._message_ids))
        self._open_queries.add(query_id)
        query = {
            "id": query_id,
            "from": self._parent(user_id),
            "message": message,
            "chat_instance": "-77001",
            "data": data,
        }
        self._add({"callback_query": query})
        return query_id

    def _membership(self, user_id: int, old: str, new: str) -> None:
        def member(status: str) -> dict[str, Any]:
            until = {"until_date": 0} if status == "kicked" else {}
            return {
                "user": {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")},
                "status": status,
                **until,
            }

        with self._lock:
            sender = self._parent(user_id)
            change = {"chat": self._known_chats[user_id], "from": sender, "date": int(time.time())}
            self._add({"my_chat_member": {**change, "old_chat_member": member(old), "new_chat_member": member(new)}})


class _Raw(JSONResponse):
    """A body that need not be JSON."""

    def render(self, content: Any) -> bytes:
        return bytes(content)


def _refusal(error: ApiError) -> JSONResponse:
    body: dict[str, Any] = {"ok": False, "error_code": error.status, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return JSONResponse(body, status_code=error.status)


async def _parameters(request: Request, method: str) -> dict[str, Any]:
    """The call's parameters with their types, from the query, a form or JSON; raises ApiError for one that misfits."""
    given: dict[str, Any] = dict(request.query_params)
    if "application/json" in request.headers.get("content-type", ""):
        given |= await request.json()
    else:
        given |= dict(await request.form())
    declared = PARAMETERS[method]
    if unknown := sorted(given.keys() - declared.keys()):
        raise ApiError(400, f"Bad Request: unknown parameters {unknown}")
    if missing := [name for name in REQUIRED.get(method, ()) if name not in given]:
        raise ApiError(400, f"Bad Request: {missing[0]} is empty")
    return {name: _typed(name, value, declared[name]) for name, value in given.items()}


def _typed(name: str, value: Any, kind: str) -> Any:
    wrong = ApiError(400, f"Bad Request: can't parse {name}")
    if isinstance(value, UploadFile):
        raise wrong
    if not isinstance(value, str):
        kinds: dict[str, tuple[type, ...]] = {"int": (int,), "chat": (int,), "bool": (bool,), "json": (list, dict)}
        fits = kinds.get(kind, ())
        if isinstance(value, fits) and (kind == "bool" or not isinstance(value, bool)):
            return value
        raise wrong
    if kind == "bool" and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    if kind in ("int", "chat") and re.fullmatch(r"-?[0-9]{1,19}", value, re.ASCII):
        return int(value)
    if kind == "str" or (kind == "chat" and value.startswith("@")):
        return value
    if kind == "json":
        try:
            return json.loads(value)
        except ValueError:
            raise wrong from None
    raise wrong


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _order(update: Mapping[str, Any]) -> int:
    """The id an update is confirmed by; one without a proper id goes with the first that is confirmed."""
    value = update.get("update_id")
    return value if isinstance(value, int) else 0


def _buttons(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [button for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]


def _menu_key(given: Mapping[str, Any]) -> tuple[str, str]:
    language = given.get("language_code", "")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise ApiError(400, "Bad Request: LANGUAGE_CODE_INVALID")
    return json.dumps(given.get("scope", {"type": "default"})), language


def _checked_entities(entities: Any, text: str) -> list[dict[str, Any]]:
    if not isinstance(entities, list):
        raise ApiError(400, "Bad Request: can't parse entities")
    for entity in entities:
        if not isinstance(entity, dict) or entity.get("type") not in ENTITY_TYPES:
            raise ApiError(400, "Bad Request: can't parse entities: unsupported entity type")
        offset, length = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length < 1:
            raise ApiError(400, "Bad Request: can't parse entities: wrong offset or length")
        if offset + length > _units(text):
            raise ApiError(400, "Bad Request: ENTITY_BOUNDS_INVALID")
    return entities


def _checked_keyboard(markup: Any) -> dict[str, Any]:
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) and set(markup) == {"inline_keyboard"} else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ApiError(400, "Bad Request: can't parse inline keyboard")
    if any(len(row) > MAX_ROW for row in rows) or sum(len(row) for row in rows) > MAX_KEYBOARD:
        raise ApiError(400, "Bad Request: REPLY_MARKUP_TOO_LONG")
    for row in rows:
        for button in row:
            _check_button(button)
    return {"inline_keyboard": rows}


def _check_button(button: Any) -> None:
    if not isinstance(button, dict) or set(button) - BUTTON_FIELDS or not isinstance(button.get("text"), str):
        raise ApiError(400, "Bad Request: can't parse inline keyboard button")
    if not button["text"].strip():
        raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard without text")
    if len(button.keys() & BUTTON_ACTIONS) != 1:
        raise ApiError(400, "Bad Request: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= MAX_DATA:
        raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
    if "url" in button and not re.match(r"(https?|tg)://\S+$", str(button["url"])):
        raise ApiError(400, "Bad Request: inline keyboard button URL is invalid")
