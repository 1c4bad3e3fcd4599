"""One app process: the web server, the loopback action endpoint, workers, sender, sweep and pollers, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.actions.endpoint import action_app
from bot.alarms import Alarmer, build_ways
from bot.campaigns.pages import CampaignServices
from bot.campaigns.pages import routes as campaign_routes
from bot.channels import Channel
from bot.channels.telegram import TelegramPoller
from bot.channels.webchat import Services as WebChatServices
from bot.channels.webchat import routes as webchat_routes
from bot.console import ConsoleServices
from bot.console import routes as console_routes
from bot.conversation.rasa import RasaClient
from bot.conversation.worker import Workers
from bot.delivery.sender import Sender
from bot.pages import PageServices, troubles
from bot.pages import routes as page_routes
from bot.polling import telegram_poller
from bot.providers import Postman
from bot.providers import routes as provider_routes
from bot.sms import sms_channel, sms_rates, sms_routes
from bot.storage.notices import Notices
from bot.storage.tables import UNANSWERED_DAYS
from bot.sweep import Sweep
from bot.telegram_webhook import WebhookKeeper, by_webhook, telegram_channel, telegram_routes
from bot.whatsapp import whatsapp_channel, whatsapp_rates, whatsapp_routes
from bot.wiring import Parts
from services_directory.api import api_app

log = logging.getLogger(__name__)
GRACE_SECONDS = 10
DIRECTORY_API = "/directory/api"


def web_app(parts: Parts, closing: asyncio.Event | None = None) -> Starlette:
    """The public application: landing and campaign pages, web chat, staff console, the directory's API, health.

    `closing` ends open event streams.
    """
    closing = closing or asyncio.Event()

    async def health(request: Request) -> Response:
        """200 while the process serves; `rasa` says whether understanding is there."""
        ready = parts.rasa is not None and await parts.rasa.ready()
        return JSONResponse({"status": "ok", "rasa": "ready" if ready else "away"})

    chat = WebChatServices(
        intake=parts.intake,
        database=parts.database,
        keyring=parts.keyring,
        strings=parts.library.strings,
        helplines=parts.library.helplines,
        hub=parts.hub,
        settings=parts.settings,
        closing=closing,
        campaigns=parts.library.campaigns,
    )
    console = ConsoleServices(
        database=parts.database,
        keyring=parts.keyring,
        renderer=parts.renderer,
        strings=parts.library.strings,
        hub=parts.hub,
        settings=parts.settings,
        teams=parts.teams,
        sampling=parts.sampling,
        reviewing=parts.reviewing,
        directory_engine=parts.directory_engine,
        is_command=lambda text: parts.commands.find(text, "en") is not None,
        closing=closing,
    )
    routes: list[BaseRoute] = [Route("/health", health)]
    routes += whatsapp_routes(parts)
    routes += telegram_routes(parts)
    routes += sms_routes(parts)
    routes += webchat_routes(chat)
    routes += console_routes(console)
    routes += provider_routes(parts.directory_engine, parts.library.strings, parts.library.helplines, parts.settings)
    public_url = parts.settings.public_url
    api_url = public_url.rstrip("/") + DIRECTORY_API if public_url else None
    routes.append(Mount(DIRECTORY_API, app=api_app(parts.directory_engine, parts.directory, public_url=api_url)))
    pages = PageServices(
        strings=parts.library.strings,
        helplines=parts.library.helplines,
        settings=parts.settings,
        question_days=UNANSWERED_DAYS,
    )
    routes += page_routes(pages)
    routes += campaign_routes(
        CampaignServices(library=parts.library, settings=parts.settings, database=parts.database, keyring=parts.keyring)
    )
    return Starlette(routes=routes, exception_handlers=troubles(pages))


class QuietServer(uvicorn.Server):
    """A server that leaves the process's signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the machine choose. Raises OSError if the port is taken."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    sock.listen(2048)
    return sock


def server(app: Starlette) -> QuietServer:
    return QuietServer(
        uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=GRACE_SECONDS, server_header=False
        )
    )


@contextlib.asynccontextmanager
async def working(parts: Parts, action_socket: socket.socket) -> AsyncIterator[None]:
    """Workers, sender, sweep, alarms, pollers and the action endpoint, for as long as the block lasts; then a clean end."""
    settings = parts.settings
    workers = Workers(parts.journey, parts.hub, at_once=settings.workers, look_every=settings.sweep_seconds)
    telegram = telegram_channel(settings)
    whatsapp = whatsapp_channel(settings)
    sms = sms_channel(settings)
    pushing: dict[str, Channel] = {channel.name: channel for channel in (telegram, whatsapp, sms) if channel is not None}
    sender = Sender(
        parts.database,
        parts.keyring,
        pushing,
        parts.hub,
        lease_seconds=settings.lease_seconds * 4,
        look_every=settings.sweep_seconds,
        rates=whatsapp_rates(settings) | sms_rates(settings),
        series=parts.library.series.settings,
    )
    sweep = Sweep(parts)
    alarmer = Alarmer(
        parts.database,
        parts.teams,
        build_ways(settings, parts.library.strings),
        parts.hub,
        url=settings.url,
        look_every=settings.sweep_seconds,
    )
    postman = Postman(parts.directory_engine, parts.library.strings, settings)
    endpoint = server(action_app(parts.actions, parts.registry, settings.rasa_token.get_secret_value()))
    tasks = [
        asyncio.create_task(endpoint.serve([action_socket]), name="actions"),
        asyncio.create_task(workers.run(), name="workers"),
        asyncio.create_task(sender.run(), name="sender"),
        asyncio.create_task(sweep.run(), name="sweep"),
        asyncio.create_task(alarmer.run(), name="alarms"),
        asyncio.create_task(postman.run(), name="letters"),
    ]
    poller: TelegramPoller | WebhookKeeper | None = None
    if telegram is not None and by_webhook(settings):
        keeper = WebhookKeeper(parts, telegram)
        poller = keeper
        tasks.append(asyncio.create_task(keeper.run(), name="telegram"))
    elif telegram is not None:
        if settings.telegram_secrets():
            log.error("Telegram cannot deliver to this address, so Wren polls; `bot doctor` says why")
        intake, polling = await asyncio.to_thread(telegram_poller, parts, telegram)
        poller = polling
        tasks.append(asyncio.create_task(intake.run(polling), name="telegram"))
    try:
        yield
    finally:
        if poller is not None:
            poller.stop()
        workers.stop()
        sender.stop()
        sweep.stop()
        alarmer.stop()
        postman.stop()
        await asyncio.wait(tasks[1:], timeout=GRACE_SECONDS)
        endpoint.should_exit = True
        await asyncio.wait(tasks, timeout=GRACE_SECONDS)
        for task in tasks:
            task.cancel()
        if telegram is not None:
            await telegram.close()
        if whatsapp is not None:
            await whatsapp.close()
        if sms is not None:
            await sms.close()
        if parts.rasa is not None:
            await parts.rasa.close()


@contextlib.contextmanager
def between_processes(parts: Parts) -> Iterator[None]:
    """What is published here wakes who waits in other processes, and theirs here, for as long as the block lasts.

    On SQLite there is no such way: other processes find what is new by their slow look.
    """
    if parts.database.is_sqlite:
        yield
        return
    with Notices(parts.database.engine, parts.hub.wake, parts.hub.wake_all) as notices:
        parts.hub.pass_on = notices.tell
        yield


def prepare_directory(parts: Parts) -> None:
    """Load the directory's index, so that neither the first parent nor the API's first reader waits for it. Blocking."""
    try:
        parts.directory.prepare()
    except SQLAlchemyError as error:  # whoever asks next tries again
        log.error("the directory could not be read at the start (%s)", type(error).__name__)


async def run_app(parts: Parts, *, web: bool, work: bool) -> None:
    """Serve and/or work until SIGTERM or SIGINT."""
    settings = parts.settings
    await asyncio.to_thread(prepare_directory, parts)
    warming = asyncio.create_task(asyncio.to_thread(parts.triage.prepare))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.rasa_url:
        parts.rasa = RasaClient(settings.rasa_url, settings.rasa_token.get_secret_value(), settings.rasa_timeout)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(between_processes(parts))
        if work:
            await stack.enter_async_context(working(parts, listen("127.0.0.1", settings.action_port)))
        waiting: list[asyncio.Task[object]] = [asyncio.create_task(stop.wait())]
        public: QuietServer | None = None
        if web:
            public = server(web_app(parts, stop))
            waiting.append(asyncio.create_task(public.serve([listen(settings.host, settings.port)])))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if public is not None:
            public.should_exit = True
            await asyncio.wait(waiting[1:], timeout=GRACE_SECONDS)
    await warming
    parts.dispose()


__all__ = ["between_processes", "prepare_directory", "run_app", "web_app", "working"]
