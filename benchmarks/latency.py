"""Message in → reply stored, at 1, 8 and 32 parents at once: Wren against a plain Rasa bot taught the same sentences.

    python -m benchmarks.latency [--seconds 15] [--skip-bare]

The plain bot is what `rasa init` makes: Rasa's default pipeline (DIET) and policies (TED), REST channel, trackers in memory, one
response an intent. It is taught our English sentences alone: all eight languages need 6 GB and more than half an hour for one epoch,
and the smaller vocabulary can only make it faster. Wren is the whole stack as `bot run` starts it: web chat over HTTP, triage, durable
SQLite, Rasa, a custom action, content. Both are asked the same messages by the same closed-loop client, one after the other, on the same
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from ruamel.yaml import YAML

from bot.models import RASA_PYTHON, fingerprint, nlu_inputs, rasa_environment, train_nlu, train_triage
from bot.settings import ROOT, Settings
from bot.supervisor import Child, Supervisor, answers, app_environment, free_port, rasa_child
from bot.wiring import prepare_database

CROWDS = (1, 8, 32)
MESSAGES = (
    "my 6 week old cries every evening and nothing works",
    "how can i get him to nap in the day",
    "is it safe to share a bed with my newborn",
    "she wont eat anything but toast",
    "he bites the other kids at nursery",
    "what can you do",
    "my toddler screams when i leave the room",
    "any free ideas for a rainy day",
    "he is two and only says five words",
    "ok thanks",
    "i have no friends with babies here",
    "can i talk to a real person",
    "when should we start solids",
    "ydy hi'n iawn i'r babi gysgu yn ein gwely ni",
    "bacha raat ko baar baar uthta hai kya karun",
    "are you a robot",
)
# What Rasa 3.6 fills in for `rasa init`, but for the epochs: how long it trained changes what it answers, not how soon.
PIPELINE = [
    {"name": "WhitespaceTokenizer"},
    {"name": "RegexFeaturizer"},
    {"name": "LexicalSyntacticFeaturizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
    {"name": "DIETClassifier", "epochs": 1, "constrain_similarities": True},
    {"name": "EntitySynonymMapper"},
    {"name": "ResponseSelector", "epochs": 1, "constrain_similarities": True},
    {"name": "FallbackClassifier", "threshold": 0.3, "ambiguity_threshold": 0.1},
]
POLICIES = [
    {"name": "MemoizationPolicy"},
    {"name": "RulePolicy"},
    {"name": "UnexpecTEDIntentPolicy", "max_history": 5, "epochs": 1},
    {"name": "TEDPolicy", "max_history": 5, "epochs": 1, "constrain_similarities": True},
]
Ask = Callable[[int, str], Awaitable[None]]


@dataclass(frozen=True)
class Figures:
    """One crowd's measurement; times in milliseconds."""

    p50: float
    p95: float
    per_second: float
    count: int
    errors: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each crowd writes")
    parser.add_argument("--skip-bare", action="store_true", help="measure Wren alone (no ratio)")
    arguments = parser.parse_args()
    settings = Settings()
    bare = {} if arguments.skip_bare else measure_bare(settings, arguments.seconds)
    ours = measure_ours(settings, arguments.seconds)
    print(table(bare, ours))


def measure_bare(settings: Settings, seconds: float) -> dict[int, Figures]:
    """The plain bot's figures by crowd."""
    with bare_bot(settings) as (base, _):
        return asyncio.run(crowds(lambda client: rest(client), base, seconds))


@contextmanager
def bare_bot(settings: Settings) -> Iterator[tuple[str, int]]:
    """The plain bot, serving: its address and its process."""
    folder, model = train_bare(settings)
    port = free_port()
    command = [str(RASA_PYTHON), "-m", "rasa", "run", "-i", "127.0.0.1", "-p", str(port), "--model", str(model)]
    command += ["--credentials", "credentials.yml", "--endpoints", "endpoints.yml"]
    with (folder / "run.log").open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, env=rasa_environment(settings, 5055), stdout=output, stderr=output)
    try:
        base = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{base}/webhooks/rest/") is not None, 300)
        yield base, server.pid
    finally:
        server.terminate()
        server.wait(30)


def train_bare(settings: Settings) -> tuple[Path, Path]:
    """Make and train the plain bot on our English sentences; kept in `var/benchmarks` until any sentence changes."""
    folder = settings.var_dir / "benchmarks" / f"bare-{fingerprint(nlu_inputs())}"
    model = folder / "models" / "bare.tar.gz"
    if model.exists():
        return folder, model
    (folder / "data").mkdir(parents=True, exist_ok=True)
    yaml = YAML()
    taught = sorted((ROOT / "data" / "nlu" / "en").glob("*.yml"))
    intents = [path.stem for path in taught]
    for path in taught:
        (folder / "data" / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    domain = {
        "version": "3.1",
        "intents": intents,
        "responses": {f"utter_{intent}": [{"text": f"This is about {intent}."}] for intent in intents},
        "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    }
    stories = [
        {
            "story": f"two questions {number}",
            "steps": [step for one in pair for step in ({"intent": one}, {"action": f"utter_{one}"})],
        }
        for number, pair in enumerate(itertools.islice(zip(intents, intents[7:], strict=False), 40))
    ]
    rules = [{"rule": intent, "steps": [{"intent": intent}, {"action": f"utter_{intent}"}]} for intent in intents]
    for name, content in (
        ("domain.yml", domain),
        ("data/stories.yml", {"version": "3.1", "stories": stories}),
        ("data/rules.yml", {"version": "3.1", "rules": rules}),
        (
            "config.yml",
            {"recipe": "default.v1", "assistant_id": "bare", "language": "en", "pipeline": PIPELINE, "policies": POLICIES},
        ),
        ("credentials.yml", {"rest": None}),
        ("endpoints.yml", {}),
    ):
        with (folder / name).open("w", encoding="utf-8") as file:
            yaml.dump(content, file)
    started = time.monotonic()
    print("Training the plain bot (default pipeline, one epoch); this takes some minutes ...", file=sys.stderr, flush=True)
    environment = {**rasa_environment(settings, 5055), "OMP_NUM_THREADS": "2"}
    with (folder / "train.log").open("wb") as output:
        command = [str(RASA_PYTHON), "-m", "rasa", "train", "--skip-validation", "--fixed-model-name", "bare"]
        subprocess.run(command, cwd=folder, env=environment, stdout=output, stderr=output, check=True)
    print(f"trained in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return folder, model


def measure_ours(settings: Settings, seconds: float) -> dict[int, Figures]:
    """Wren's figures by crowd, on a temporary database."""
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    train_triage(settings, say)
    model = train_nlu(settings, say)
    with tempfile.TemporaryDirectory(prefix="wren-bench-") as temporary:
        here = Settings(var_dir=Path(temporary), port=free_port())
        (here.var_dir / "models").symlink_to(settings.models_dir.resolve())
        from bot.storage.engine import Database

        database = Database(here.database)
        prepare_database(here, database)
        database.dispose()
        rasa_port, action_port = free_port(), free_port()
        limits = ("WREN_PERSON_PER_MINUTE", "WREN_WEBCHAT_NEW_PER_MINUTE", "WREN_WEBCHAT_NEW_PER_MINUTE_ALL")
        environment = {**app_environment(here, rasa_port, action_port), **dict.fromkeys(limits, "1000000")}
        app = Child(
            "app", [sys.executable, "-m", "bot.cli", "serve", "--work"], environment, log_path=here.var_dir / "logs" / "app.log"
        )
        supervisor = Supervisor([app, rasa_child(here, model, rasa_port, action_port)], say)
        supervisor.start()
        try:
            base = f"http://127.0.0.1:{here.port}"
            until(lambda: (answers(f"{base}/health") or {}).get("rasa") == "ready", 300)
            return asyncio.run(crowds(lambda client: webchat(client), base, seconds))
        finally:
            supervisor.end()


def rest(client: httpx.AsyncClient) -> Ask:
    """One message to the plain bot's REST channel."""

    async def ask(parent: int, text: str) -> None:
        response = await client.post("/webhooks/rest/webhook", json={"sender": f"parent-{parent}", "message": text})
        if response.status_code != 200:  # an empty list is its answer to what it did not understand
            raise RuntimeError(f"status {response.status_code}")

    return ask


def webchat(client: httpx.AsyncClient) -> Ask:
    """One message as a plain form: the answer to the POST comes when Wren's reply is stored."""
    jars: dict[int, str] = {}

    async def ask(parent: int, text: str) -> None:
        headers = {"Cookie": jars[parent]} if parent in jars else {}
        form = {"id": secrets.token_urlsafe(12), "text": text, "lang": "en", "chosen": "1"}
        response = await client.post("/chat/send", data=form, headers=headers)
        if response.status_code != 303:
            raise RuntimeError(f"status {response.status_code}")
        if parent not in jars:
            jars[parent] = response.headers["set-cookie"].split(";")[0]
        client.cookies.clear()  # or every new parent would come with the first one's cookie, and be the same person

    return ask


async def crowds(channel: Callable[[httpx.AsyncClient], Ask], base: str, seconds: float) -> dict[int, Figures]:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False, limits=limits) as client:
        ask = channel(client)
        await crowd(ask, 4, min(4.0, seconds), first=9_000)  # warm up
        return {size: await crowd(ask, size, seconds, first=size * 100) for size in CROWDS}


async def crowd(ask: Ask, size: int, seconds: float, first: int) -> Figures:
    """`size` parents, each writing the next message when the last is answered; a new parent every 16 messages."""
    times: list[float] = []
    errors = 0
    end = time.monotonic() + seconds

    async def parent(number: int) -> None:
        nonlocal errors
        for turn in itertools.count():
            if time.monotonic() >= end:
                return
            text = MESSAGES[(turn + number) % len(MESSAGES)]
            started = time.perf_counter()
            try:
                await ask(first * 1000 + number + 100 * (turn // 16), text)
            except (RuntimeError, httpx.HTTPError):
                errors += 1
            else:
                times.append((time.perf_counter() - started) * 1000)

    began = time.monotonic()
    await asyncio.gather(*(parent(number) for number in range(size)))
    took = time.monotonic() - began
    ordered = sorted(times) or [float("nan")]
    return Figures(statistics.median(ordered), ordered[int(len(ordered) * 0.95) - 1], len(times) / took, len(times), errors)


def table(bare: dict[int, Figures], ours: dict[int, Figures]) -> str:
    """Both sides as a Markdown table."""
    lines = [
        "| parents at once | | p50 ms | p95 ms | messages/s | messages | errors |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for size in CROWDS:
        for name, figures in (("plain Rasa bot", bare.get(size)), ("Wren", ours.get(size))):
            if figures:
                lines.append(
                    f"| {size} | {name} | {figures.p50:.1f} | {figures.p95:.1f} | {figures.per_second:.0f} "
                    f"| {figures.count} | {figures.errors} |"
                )
        if size in bare:
            plain, wren = bare[size], ours[size]
            faster = f"{plain.p50 / wren.p50:.2f} | {plain.p95 / wren.p95:.2f} | {wren.per_second / plain.per_second:.2f}"
            lines.append(f"| {size} | **Wren is … times as fast** | {faster} | | |")
    return "\n".join(lines)


def until(ready: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError("a server did not start")
        time.sleep(0.2)


if __name__ == "__main__":
    os.environ.setdefault("WREN_LOG_LEVEL", "WARNING")
    main()
