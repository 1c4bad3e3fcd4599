"""Run by Rasa's Python (see test_components.py); prints one line of JSON. No app imports."""

import asyncio
import json
import logging
import socket
import sys
from pathlib import Path

logging.disable(logging.CRITICAL)

import aiohttp  # noqa: E402
import numpy as np  # noqa: E402
import rasa.shared.core.events as rasa_events  # noqa: E402
from jsonschema import ValidationError  # noqa: E402
from rasa.core.actions.action import RemoteAction  # noqa: E402
from rasa.engine.graph import ExecutionContext, GraphSchema  # noqa: E402
from rasa.engine.storage.local_model_storage import LocalModelStorage  # noqa: E402
from rasa.engine.storage.resource import Resource  # noqa: E402
from rasa.shared.core.domain import Domain  # noqa: E402
from rasa.shared.core.trackers import DialogueStateTracker  # noqa: E402
from rasa.shared.nlu.constants import INTENT, TEXT  # noqa: E402
from rasa.shared.nlu.training_data.message import Message  # noqa: E402
from rasa.shared.nlu.training_data.training_data import TrainingData  # noqa: E402
from sanic import Sanic  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402
from sklearn.naive_bayes import ComplementNB  # noqa: E402
from sklearn.svm import LinearSVC  # noqa: E402

from nlu_server.components import linear  # noqa: E402
from nlu_server.components.letters import normalise, skeleton  # noqa: E402
from nlu_server.components.patches import apply_patches  # noqa: E402
from nlu_server.components.tfidf import TfidfIntentClassifier  # noqa: E402
from nlu_server.components.tracker_store import MOST_TURNS, TurnTrackerStore  # noqa: E402
from nlu_server.components.turn_channel import TurnInput, _remembered  # noqa: E402

TWO_SCRIPTS = (
    ("میرا بچہ رات کو نہیں سوتا", "mera bacha raat ko nahi sota"),
    ("ابني ما بيحكي", "ebni ma by7ki"),
    ("বাচ্চা ঘুমায় না", "baccha ghumay na"),
    ("дитина не спить", "dytyna ne spyt'"),
    ("🙂 123 これ", "a i u"),
)
EXAMPLES = {
    "topic_baby_crying": ["my baby cries all evening", "why does she cry so much", "crying will not stop", "baby keeps crying"],
    "topic_baby_sleep": ["he will not sleep", "how do i get her to sleep", "sleep at night", "wakes up all night"],
    "talk_to_person": ["talk to a person", "i want a human", "can i speak to someone", "a real person please"],
    "greet": ["hello", "hi there", "good morning", "hey"],
}


def component(folder):
    config = {**TfidfIntentClassifier.get_default_config(), "min_df": 1}
    storage = LocalModelStorage.create(folder)
    return config, storage, Resource("tfidf"), ExecutionContext(GraphSchema({}))


def parse(classifier, text):
    message = Message({TEXT: text})
    classifier.process([message])
    return {name: message.get(name) for name in ("intent", "intent_ranking", "topic_ranking")}


def classify(folder):
    config, storage, resource, context = component(folder)
    classifier = TfidfIntentClassifier.create(config, storage, resource, context)
    data = TrainingData([Message({TEXT: text, INTENT: name}) for name, texts in EXAMPLES.items() for text in texts])
    classifier.train(data)
    loaded = TfidfIntentClassifier.load(config, storage, resource, context)
    return {
        "crying": parse(classifier, "my baby keeps crying"),
        "person": parse(classifier, "i want to talk to a real person"),
        "odd": parse(classifier, "🙂 ۱۲۳ zzzz"),
        "loaded": parse(loaded, "my baby keeps crying"),
        "normalised": [normalise(text) for text in ("SOOOOO tired", "Dros y FFÔN", "كيك", "don’t")],
        "consonants": [[skeleton(normalise(text)) for text in pair] for pair in TWO_SCRIPTS],
    }


def shared_out(labels):
    """How far a fit shared out over two processes is from scikit-learn's own of all labels."""
    numbers = np.random.default_rng(0)
    kinds = np.array(["abcdefg"[place % labels] for place in range(210)])
    features = csr_matrix(numbers.random((210, 30)) + 2.0 * (kinds[:, None] == np.array(list("abcdefg" * 5))[:30]))
    linear.os.cpu_count = lambda: 2
    ours = linear.fit(features, kinds, C=0.4, tolerance=1e-8)
    theirs = LinearSVC(C=0.4, tol=1e-8, random_state=0).fit(features, kinds)
    margins = theirs.decision_function(features)
    margins = np.column_stack([-margins, margins]) if margins.ndim == 1 else margins
    return {"labels": list(ours.labels) == list(theirs.classes_), "off": np.abs(ours.margins(features) - margins).max()}


def naive():
    """How far our naive Bayes is from scikit-learn's, margins compared label with label."""
    numbers = np.random.default_rng(0)
    kinds = np.array(["abcd"[place % 4] for place in range(80)])
    features = csr_matrix(numbers.random((80, 12)).astype(np.float32))
    ours = linear.complement_naive_bayes(features, kinds, smoothing=0.3)
    theirs = ComplementNB(alpha=0.3).fit(features, kinds)._joint_log_likelihood(features)
    margins = ours.margins(features)
    both = linear.joined(ours, ours, 0.5).margins(features)
    return {
        "labels": list(ours.labels),
        "off": np.abs(margins - (theirs - theirs.mean(axis=1, keepdims=True))).max(),
        "joined off": np.abs(both - 1.5 * margins).max(),
    }


def check(result):
    action = RemoteAction("action_x", None)
    try:
        action._validate_action_result(result)
    except ValidationError as error:
        return type(error).__name__
    return "accepted"


def patches():
    apply_patches()
    slot = {"event": "slot", "timestamp": None, "name": "need", "value": "sleep"}
    names = ("slot", "active_loop", "user")
    return {
        "patched": {
            "good": check({"events": [slot], "responses": [{"custom": {"ref": "x"}}]}),
            "events no list": check({"events": "none", "responses": []}),
            "event without name": check({"events": [{"name": "need"}], "responses": []}),
        },
        "ours": check({"events": [slot], "responses": [{"custom": {"ref": "services:", "items": [], "more": False}}]}),
        "events": {name: rasa_events.Event.resolve_by_type(name).__name__ for name in names},
    }


async def channel():
    """The channel on a real server on loopback."""
    app = Sanic("turn_channel_test")
    app.blueprint(TurnInput().blueprint(None), url_prefix="/webhooks/turn")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.start_serving()
    body = {"turn": "t", "text": "hello"}
    token = {"Authorization": "Bearer the-token"}
    calls = {
        "none": (body, {}),
        "wrong": (body, {"Authorization": "Bearer another"}),
        "bare": (body, {"Authorization": "Bearer "}),
        "a list": ([1], token),
        "no text": ({"turn": "t"}, token),
    }
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/webhooks/turn/turn"
    answers = {}
    async with aiohttp.ClientSession() as client:
        for name, (content, headers) in calls.items():
            async with client.post(url, json=content, headers=headers) as response:
                answers[name] = response.status
    await server.close()
    return answers


async def trackers():
    domain = Domain.load("domain.yml")
    body = {"turn": "t", "text": "6 months", "form": "find_service_form", "requested_slot": "age", "slots": {"need": "sleep"}}
    tracker = DialogueStateTracker.from_events("t", _remembered(body), slots=domain.slots, domain=domain)
    store = TurnTrackerStore(domain)
    await store.save(tracker)
    kept = await store.retrieve("t") is tracker
    TurnTrackerStore.drop("t")
    gone = await store.retrieve("t") is not None
    for number in range(MOST_TURNS + 5):
        await store.save(DialogueStateTracker(str(number), domain.slots))
    return {
        "seeded": {
            "form": tracker.active_loop_name,
            "requested_slot": tracker.get_slot("requested_slot"),
            "need": tracker.get_slot("need"),
        },
        "store": {"kept": kept, "after drop": gone, "most": TurnTrackerStore.count()},
    }


def main():
    found = {**classify(Path(sys.argv[1])), **patches()}
    found["naive"] = naive()
    found["shared_out"] = {labels: shared_out(labels) for labels in (2, 3, 5, 7)}
    found["channel"] = asyncio.run(channel())
    found.update(asyncio.run(trackers()))
    print(json.dumps(found, ensure_ascii=False, default=float))


main()
