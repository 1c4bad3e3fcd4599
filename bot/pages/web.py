"""What every public page shares: templates, fixed files, security headers, and the choice of language."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.languages import Language, direction, supported
from bot.library.helplines import Helplines, isolate
from bot.library.strings import SOURCE_LANGUAGE, Strings
from bot.pages.council import PREFIX as COUNCIL_FILES
from bot.pages.council import Council
from bot.pages.words import paragraphs, rich

HERE = Path(__file__).parent
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers then send "Origin: null" with our own forms too, like another site's.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
UNFRAMED = "frame-ancestors 'none'"
POLICY = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; {UNFRAMED}"
POLICY_WITH_SCRIPT = f"{POLICY}; script-src 'self'; connect-src 'self'"


def secured(response: Response, *, script: bool = False) -> Response:
    """`response` with the headers that keep other sites, frames and scripts out."""
    response.headers.update(HEADERS)
    response.headers["Content-Security-Policy"] = POLICY_WITH_SCRIPT if script else POLICY
    return response


def framed(response: Response, origins: Sequence[str]) -> Response:
    """`response`, secured before, for pages of these origins, and of no other, to show in a frame."""
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace(UNFRAMED, f"frame-ancestors {' '.join(origins)}")
    del response.headers["X-Frame-Options"]  # it can name no list of sites
    return response


class Assets:
    """The fixed files of one folder, read once and served under an address that changes with their contents."""

    def __init__(self, prefix: str, folder: Path) -> None:
        self._prefix = prefix
        self._files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in MEDIA_TYPES}
        self._versions = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self._files.items()}

    def url(self, name: str) -> str:
        """The address of a file. Raises KeyError."""
        return f"{self._prefix}/{name}?v={self._versions[name]}"

    def route(self) -> Route:
        return Route(f"{self._prefix}/{{name}}", self._serve)

    async def _serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._files:
            return secured(Response(status_code=404))
        response = Response(self._files[name], headers={"Content-Type": MEDIA_TYPES[Path(name).suffix]})
        current = request.query_params.get("v") == self._versions[name]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
        return secured(response)


ASSETS = Assets("/assets/pages", HERE / "static")


def council_routes(council: Council | None) -> list[Route]:
    """The fixed files of a council's look, if there are any."""

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if council is None or name not in council.files:
            return secured(Response(status_code=404))
        data, media_type = council.files[name]
        current = f"v={request.query_params.get('v')}" == council.url(name).partition("?")[2]
        response = Response(data, headers={"Content-Type": media_type})
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
        return secured(response)

    return [Route(f"{COUNCIL_FILES}/{{name}}", serve)] if council is not None and council.files else []


@dataclass(frozen=True, slots=True)
class Words:
    """The interface strings of one language for a template: `plain` for attributes, `rich` and `block` for HTML."""

    strings: Strings
    helplines: Helplines
    language: str

    def plain(self, key: str, **values: str) -> str:
        return self.strings.get(key, self.language, **values)

    def rich(self, key: str, **values: str) -> Markup:
        return rich(self.plain(key, **values))

    def block(self, key: str, **values: str) -> Markup:
        return paragraphs(self.plain(key, **values))

    def helpline(self, placeholder: str) -> str:
        """The helplines of a placeholder, in words, for someone whose nation is not known."""
        return self.helplines.say(placeholder, None, self.language)

    def number(self, helpline: str) -> str:
        """The bare number of one helpline, between directional isolates."""
        return isolate(self.helplines.lines[helpline].phone or "")


class Look:
    """Renders templates. Everything is escaped unless it comes from `bot.pages.words`."""

    def __init__(
        self,
        *folders: Path,
        assets: Mapping[str, Assets],
        strings: Strings,
        helplines: Helplines,
        demonstration: bool,
        council: Council | None = None,
    ) -> None:
        self._environment = Environment(
            loader=FileSystemLoader([*folders, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = lambda part, name: assets[part].url(name)
        self._environment.globals["demonstration"] = demonstration
        self._environment.globals["council"] = council
        self._strings, self._helplines = strings, helplines

    def page(self, template: str, language: str, status: int = 200, *, script: bool = False, **values: Any) -> HTMLResponse:
        """A whole page in `language`."""
        response = HTMLResponse(self.text(template, language, **values), status)
        secured(response, script=script)
        response.headers["Content-Language"] = language
        return response

    def text(self, template: str, language: str, **values: Any) -> str:
        """The HTML of a template in `language`."""
        words = Words(self._strings, self._helplines, language)
        return self._environment.get_template(template).render(w=words, lang=language, dir=direction(language), **values)


def spoken(strings: Strings, key: str) -> tuple[Language, ...]:
    """The languages that have `key`, in the order in which they are offered; never empty."""
    return tuple(language for language in supported() if language.code == SOURCE_LANGUAGE or strings.has(key, language.code))


def chosen(asked: str | None, header: str, codes: Iterable[str]) -> str | None:
    """The language asked for by name, else the best of an Accept-Language header, else None."""
    known = set(codes)
    if asked in known:
        return asked
    return next((code for code in preferences(header) if code in known), None)


def preferences(header: str) -> list[str]:
    """The languages of an Accept-Language header without their regions, best first; anything broken is left out."""
    ranked = []
    for place, part in enumerate(header[:500].split(",")):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and weight > 0:
            ranked.append((-weight, place, tag.split("-")[0].lower()))
    return [code for _, _, code in sorted(ranked)]
