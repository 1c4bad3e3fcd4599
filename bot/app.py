"""One app process: the web server, the loopback action endpoint, workers, sender, sweep and pollers, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import partial

import uvicorn
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from bot.actions.endpoint import action_app
from bot.alarms import Alarmer, CaseCalls, TroubleCalls, build_ways
from bot.campaigns.pages import CampaignServices
from bot.campaigns.pages import routes as campaign_routes
from bot.channels import Channel
from bot.channels.telegram import TelegramChannel
from bot.channels.webchat import Services as WebChatServices
from bot.channels.webchat import routes as webchat_routes
from bot.console import ConsoleServices
from bot.console import routes as console_routes
from bot.conversation.rasa import RasaClient
from bot.conversation.worker import Workers
from bot.delivery.sender import Sender
from bot.edge import BoundedProtocol, Edge
from bot.health import Health
from bot.pages import PageServices, troubles
from bot.pages import routes as page_routes
from bot.polling import Polling
from bot.providers import Postman
from bot.providers import routes as provider_routes
from bot.scrape import metrics_route
from bot.series.words import complete
from bot.sms import sms_channel, sms_rates, sms_routes
from bot.standby import Loop, Standby
from bot.storage.duties import OnDuty
from bot.storage.notices import Notices
from bot.storage.tables import UNANSWERED_DAYS
from bot.sweep import Sweep, series_sending
from bot.telegram_webhook import WebhookKeeper, by_webhook, telegram_channel, telegram_routes
from bot.watch import Watch
from bot.whatsapp import whatsapp_channel, whatsapp_rates, whatsapp_routes
from bot.wiring import Parts
from services_directory.api import api_app

log = logging.getLogger(__name__)
WEB_SECONDS, DRAIN_SECONDS, LAST_SECONDS = 4, 8, 3
"""At the end: for requests in hand, then for messages in hand, then for everything else. The supervisor waits longer than all three."""

DIRECTORY_API = "/directory/api"


def web_app(parts: Parts, closing: asyncio.Event | None = None, health: Health | None = None) -> Starlette:
    """The public application: landing and campaign pages, web chat, staff console, the directory's API, health.

    `closing` ends open event streams. `state.channels` are those by which it answers webhooks (read marks, pressed buttons):
    close them at the end.
    """
    closing = closing or asyncio.Event()

    state = health or Health(parts)

    async def serves(request: Request) -> Response:
        """200 while the process serves; `rasa` says whether understanding is there."""
        return JSONResponse({"status": "ok", "rasa": await state.rasa()})

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
        schedule=parts.schedule,
        directory_engine=parts.directory_engine,
        is_command=lambda text: parts.commands.find(text, "en") is not None,
        closing=closing,
    )
    routes: list[BaseRoute] = [Route("/health", serves), *state.routes(), metrics_route(parts.database, parts.settings)]
    whatsapp, telegram = whatsapp_channel(parts.settings), telegram_channel(parts.settings)
    routes += whatsapp_routes(parts, whatsapp)
    routes += telegram_routes(parts, telegram)
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
    edge = Middleware(Edge, https=parts.settings.url.startswith("https://"))
    app = Starlette(routes=routes, exception_handlers=troubles(pages), middleware=[edge])
    app.state.channels = [channel for channel in (whatsapp, telegram) if channel is not None]
    return app


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
            app,
            http=BoundedProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=WEB_SECONDS,
            server_header=False,
        )
    )


@contextlib.asynccontextmanager
async def working(
    parts: Parts, action_socket: socket.socket, health: Health | None = None, failed: Callable[[], None] = lambda: None
) -> AsyncIterator[None]:
    """Workers, sender, sweep, alarms, pollers and the action endpoint, for as long as the block lasts; then a clean end.

    `failed` is called if one of them ends by a fault of ours, which a new process may not have.
    """
    settings = parts.settings
    workers = Workers(parts.journey, parts.hub, at_once=settings.workers, look_every=settings.sweep_seconds)
    telegram, whatsapp, sms = telegram_channel(settings), whatsapp_channel(settings), sms_channel(settings)
    pushing: dict[str, Channel] = {channel.name: channel for channel in (telegram, whatsapp, sms) if channel is not None}
    loops: dict[str, Loop] = {"workers": workers, **_other_loops(parts, pushing)}
    if telegram is not None:
        loops["telegram"] = _telegram_loop(parts, telegram)
    actions = action_app(parts.actions, parts.registry, settings.rasa_token.get_secret_value())
    # A process that only works has no public server: its loopback one tells how it is, and shows its metrics.
    own = [*(health or Health(parts)).routes(), metrics_route(parts.database, settings, loopback=True)]
    endpoint = server(Starlette(routes=[*own, Mount("/", app=actions)]))
    serving = asyncio.create_task(endpoint.serve([action_socket]), name="actions")
    tasks = [asyncio.create_task(loop.run(), name=name) for name, loop in loops.items()]
    for task in (serving, *tasks):
        task.add_done_callback(lambda ended: _tell_of_fault(ended, failed))
    try:
        yield
    finally:
        for loop in loops.values():
            loop.stop()
        await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        await workers.let_go()
        endpoint.should_exit = True
        await asyncio.wait([serving, *tasks], timeout=LAST_SECONDS)
        for task in (serving, *tasks):
            task.cancel()
        for closing in (telegram, whatsapp, sms, parts.rasa):
            if closing is not None:
                await closing.close()


def _other_loops(parts: Parts, pushing: Mapping[str, Channel]) -> dict[str, Loop]:
    """What a working process does besides answering, by name."""
    settings = parts.settings

    def alarmer(calls: CaseCalls | TroubleCalls) -> Alarmer:
        ways = build_ways(settings, parts.library.strings)
        return Alarmer(parts.database, calls, ways, parts.hub, look_every=settings.sweep_seconds)

    return {
        "sender": Sender(
            parts.database,
            parts.keyring,
            pushing,
            parts.hub,
            lease_seconds=settings.lease_seconds * 4,
            look_every=settings.sweep_seconds,
            rates=whatsapp_rates(settings) | sms_rates(settings),
            series=parts.library.series.settings,
            complete=partial(complete, series_sending(parts)),
        ),
        "sweep": Sweep(parts),
        "watch": Watch(parts),
        "alarms": alarmer(CaseCalls(parts.teams, settings.url)),
        "troubles": alarmer(TroubleCalls(settings)),
        "letters": Postman(parts.directory_engine, parts.library.strings, settings),
    }


def _telegram_loop(parts: Parts, telegram: TelegramChannel) -> Loop:
    """The poller, or the keeper of the webhook; one working process of all has it."""
    webhook = by_webhook(parts.settings)
    if not webhook and parts.settings.telegram_secrets():
        log.error("Telegram cannot deliver to this address, so Wren polls; `bot doctor` says why")

    async def begin() -> Loop:
        return WebhookKeeper(parts, telegram) if webhook else await asyncio.to_thread(Polling, parts, telegram)

    return Standby(OnDuty(parts.database, "telegram"), begin, look_seconds=parts.settings.sweep_seconds)


def _tell_of_fault(task: asyncio.Task[None], failed: Callable[[], None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("%s ended (%s)", task.get_name(), type(error).__name__, exc_info=error)
        failed()


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


async def run_app(parts: Parts, *, web: bool, work: bool) -> int:
    """Serve and/or work until SIGTERM or SIGINT; returns the exit status, 1 if a part of it ended by itself."""
    settings, health, stop, failures = parts.settings, Health(parts), asyncio.Event(), []
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def failed() -> None:
        failures.append(1)
        stop.set()

    await asyncio.to_thread(prepare_directory, parts)
    warming = asyncio.create_task(_warm(parts, health))
    if settings.rasa_url:
        parts.rasa = RasaClient(settings.rasa_url, settings.rasa_token.get_secret_value(), settings.rasa_timeout)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(between_processes(parts))
        if work:
            await stack.enter_async_context(working(parts, listen("127.0.0.1", settings.action_port), health, failed))
        else:
            await stack.enter_async_context(spool_taken_up(parts))
        if web:
            await stack.enter_async_context(_serving(parts, stop, health, failed))
        await stop.wait()
        health.closing = True
    await warming
    parts.dispose()
    return 1 if failures else 0


async def _warm(parts: Parts, health: Health) -> None:
    """Load what a first message needs; until then a load balancer sends nobody here."""
    await asyncio.to_thread(parts.triage.prepare)
    health.prepared = True


@contextlib.asynccontextmanager
async def _serving(parts: Parts, stop: asyncio.Event, health: Health, failed: Callable[[], None]) -> AsyncIterator[None]:
    """The public web server, until the block ends; then requests in hand are finished."""
    app = web_app(parts, stop, health)
    public = server(app)
    serving = asyncio.create_task(public.serve([listen(parts.settings.host, parts.settings.port)]), name="web")
    serving.add_done_callback(lambda ended: _tell_of_fault(ended, failed))
    try:
        yield
    finally:
        public.should_exit = True
        await asyncio.wait([serving], timeout=WEB_SECONDS + 1)
        for channel in app.state.channels:
            await channel.close()


@contextlib.asynccontextmanager
async def spool_taken_up(parts: Parts) -> AsyncIterator[None]:
    """What a web server without workers has spooled lies on its own disk: nobody else can take it up."""
    sweep = Sweep(parts, housekeeping=False)
    sweeping = asyncio.create_task(sweep.run(), name="spool")
    try:
        yield
    finally:
        sweep.stop()
        await asyncio.wait([sweeping], timeout=LAST_SECONDS)


__all__ = ["between_processes", "prepare_directory", "run_app", "spool_taken_up", "web_app", "working"]
