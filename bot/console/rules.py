"""Which roles each route of the console is for. A route that says nothing is a mistake at the start, not an open door."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

Endpoint = Callable[[Request], Awaitable[Response]]
ANYBODY = frozenset({"nobody"})
"""The rule of the pages before signing in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who may use a route: whoever has one of `roles`. `again` says that it may ask once more who it is."""

    roles: frozenset[str]
    again: bool = False


class Unguarded(RuntimeError):
    """A route of the console was made without saying who may use it."""


def ruled(endpoint: Endpoint, rule: Rule) -> Endpoint:
    """`endpoint` with its rule written on it."""
    endpoint.__dict__["rule"] = rule
    return endpoint


def rule_of(route: Route) -> Rule:
    """The rule of a route. Raises `Unguarded`."""
    rule = getattr(route.endpoint, "rule", None)
    if not isinstance(rule, Rule):
        raise Unguarded(f"{route.path} says nothing of who may use it: wrap its handler with bot.console.guard.Guard")
    return rule


def rules(routes: Iterable[BaseRoute]) -> dict[tuple[str, str], Rule]:
    """The rule of each (method, path) of the console. Raises `Unguarded` for a route without one."""
    found: dict[tuple[str, str], Rule] = {}
    for route in routes:
        if isinstance(route, Route):
            found |= {(method, route.path): rule_of(route) for method in sorted(route.methods or {"GET"}) if method != "HEAD"}
        else:
            raise Unguarded(f"{route!r} is no single route: who may use it cannot be told")
    return found
