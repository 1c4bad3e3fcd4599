"""Encryption at rest and keyed look-ups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.storage.crypto import KeyMissing, Keyring, new_key
from bot.storage.tokens import new_token

RING = Keyring([new_key()])


@given(st.text())
def test_it_opens_what_it_sealed_in_any_script(text: str) -> None:
    assert RING.open(RING.seal(text)) == text


def test_a_lone_surrogate_is_kept_rather_than_losing_the_message() -> None:
    assert RING.open(RING.seal("a\ud800b")) == "a\ud800b"


def test_sealed_words_show_nothing_and_differ_each_time() -> None:
    first, second = RING.seal("she is called Wren"), RING.seal("she is called Wren")
    assert b"Wren" not in first
    assert first != second


def test_a_new_key_in_front_still_opens_and_finds_what_the_old_one_made() -> None:
    old = new_key()
    before, after = Keyring([old]), Keyring([new_key(), old])
    assert after.open(before.seal("hello")) == "hello"
    assert after.lookup("telegram", "1") == before.lookup("telegram", "1")


def test_it_refuses_what_another_installation_sealed() -> None:
    with pytest.raises(KeyMissing):
        RING.open(Keyring([new_key()]).seal("hello"))


def test_it_refuses_what_was_changed_on_the_disk() -> None:
    sealed = bytearray(RING.seal("hello"))
    sealed[20] ^= 1
    with pytest.raises(KeyMissing):
        RING.open(bytes(sealed))


def test_without_any_key_it_does_not_start() -> None:
    with pytest.raises(KeyMissing):
        Keyring([])


def test_a_look_up_needs_the_key_and_tells_its_parts_apart() -> None:
    assert RING.lookup("telegram", "id", "12") == RING.lookup("telegram", "id", "12")
    assert RING.lookup("telegram", "id", "12") != RING.lookup("whatsapp", "id", "12")
    assert RING.lookup("a", "bc") != RING.lookup("ab", "c")
    assert RING.lookup("telegram", "id", "12") != Keyring([new_key()]).lookup("telegram", "id", "12")
    assert len(RING.lookup("x")) == 64


def test_button_tokens_fit_every_provider_and_do_not_repeat() -> None:
    tokens = {new_token() for _ in range(2_000)}
    assert len(tokens) == 2_000
    assert {len(token) for token in tokens} == {16}
