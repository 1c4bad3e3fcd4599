"""Joins the metrics to the web: `/metrics` in Prometheus's text format, for whoever may read it."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.console.guard import on_this_machine, same
from bot.settings import Settings
from bot.signals import metrics
from bot.signals.gauges import read_gauges
from bot.storage.engine import Database

PATH = "/metrics"


def metrics_route(database: Database, settings: Settings, *, loopback: bool = False) -> Route:
    """The page. Whoever may not read it is told that nothing is there. `loopback`: for a server that listens to this machine alone."""

    async def page(request: Request) -> Response:
        if not may_read(request, settings, loopback=loopback):
            return PlainTextResponse("", 404)
        gauges = await run_in_threadpool(read_gauges, database)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(metrics.text(gauges), media_type=metrics.CONTENT_TYPE, headers=headers)

    return Route(PATH, page)


def may_read(request: Request, settings: Settings, *, loopback: bool) -> bool:
    """With `WREN_METRICS_TOKEN` set, whoever names it; without it, this machine alone, and not through a proxy."""
    if settings.metrics_token is None:
        return loopback or on_this_machine(request, settings)
    return same(request.headers.get("authorization", ""), f"Bearer {settings.metrics_token.get_secret_value()}")
