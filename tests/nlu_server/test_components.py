"""Our Rasa components, run in Rasa's own environment: they train, rank, refuse what is wrong, and need the token."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.models import RASA_PYTHON
from bot.settings import ROOT

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not RASA_PYTHON.exists(), reason="no NLU environment: run `make setup`")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `inside_rasa.py` found out, in one start of Rasa's Python."""
    environment = {
        **os.environ,
        "RASA_TELEMETRY_ENABLED": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
        "WREN_RASA_TOKEN": "the-token",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [str(RASA_PYTHON), str(HERE / "inside_rasa.py"), str(tmp_path_factory.mktemp("rasa"))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def test_it_trains_on_a_few_examples_and_ranks_topics(found: dict[str, Any]) -> None:
    crying = found["crying"]
    assert crying["intent"]["name"] == "ask_topic"
    assert crying["topic_ranking"][0]["name"] == "topic_baby_crying"
    chances = [entry["confidence"] for entry in crying["topic_ranking"]]
    assert chances == sorted(chances, reverse=True)
    assert all(0 <= chance <= 1 for chance in chances)


def test_a_navigation_intent_is_named_as_such(found: dict[str, Any]) -> None:
    assert found["person"]["intent"]["name"] == "talk_to_person"
    assert found["person"]["intent_ranking"][0] == found["person"]["intent"]


def test_no_ranking_holds_an_intent_twice(found: dict[str, Any]) -> None:
    for parse in (found["crying"], found["person"], found["odd"]):
        names = [entry["name"] for entry in parse["intent_ranking"]]
        assert len(names) == len(set(names))


def test_what_was_stored_and_loaded_says_the_same(found: dict[str, Any]) -> None:
    assert found["loaded"] == found["crying"]


@pytest.mark.parametrize("labels", ["2", "3", "5", "7"])
def test_a_fit_shared_out_over_processes_is_the_same_as_one_of_all_labels(found: dict[str, Any], labels: str) -> None:
    assert found["shared_out"][labels]["labels"]
    assert found["shared_out"][labels]["off"] < 1e-3


def test_naive_bayes_margins_are_those_of_scikit_learn_and_are_added_by_their_share(found: dict[str, Any]) -> None:
    assert found["naive"]["labels"] == ["a", "b", "c", "d"]
    assert found["naive"]["off"] < 1e-4
    assert found["naive"]["joined off"] < 1e-4


def test_words_it_never_saw_break_nothing(found: dict[str, Any]) -> None:
    assert found["odd"]["intent"]["name"]


def test_spelling_letters_and_accents_of_three_languages_are_evened_out(found: dict[str, Any]) -> None:
    assert found["normalised"] == ["soo tired", "dros y ffon", "کیک", "don't"]


def test_a_word_keeps_its_consonants_in_whatever_script_it_is_typed(found: dict[str, Any]) -> None:
    expected = ["mr bc rt k n st", "bn m bk", "bc gm n", "dtn n spt", ""]
    assert found["consonants"] == [[consonants, consonants] for consonants in expected]


def test_the_patched_check_still_refuses_bad_action_results(found: dict[str, Any]) -> None:
    assert found["patched"] == {"good": "accepted", "events no list": "ValidationError", "event without name": "ValidationError"}


def test_the_patched_event_lookup_finds_the_same_classes(found: dict[str, Any]) -> None:
    assert found["events"] == {"slot": "SlotSet", "active_loop": "ActiveLoop", "user": "UserUttered"}


def test_our_own_answers_pass_rasas_check(found: dict[str, Any]) -> None:
    assert found["ours"] == "accepted"


@pytest.mark.parametrize("header", ["none", "wrong", "bare"])
def test_the_turn_channel_needs_the_token(found: dict[str, Any], header: str) -> None:
    assert found["channel"][header] == 401


def test_the_turn_channel_refuses_a_body_of_another_shape(found: dict[str, Any]) -> None:
    assert found["channel"]["a list"] == 400
    assert found["channel"]["no text"] == 400


def test_a_turn_begins_where_the_app_says_the_form_stands(found: dict[str, Any]) -> None:
    assert found["seeded"] == {"form": "find_service_form", "requested_slot": "age", "need": "sleep"}


def test_the_tracker_store_forgets_a_dropped_turn_and_never_grows_past_its_limit(found: dict[str, Any]) -> None:
    assert found["store"] == {"kept": True, "after drop": False, "most": 1000}
