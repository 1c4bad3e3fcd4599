"""A campaign's code in a message: found in any script and letter case, and the parent's own words are never touched."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.campaigns.codes import HYPHENS, Mark, find, is_opening, opened, read_payload
from bot.conversation.commands import Commands
from bot.languages import supported
from bot.library.campaigns import CODE, Campaigns
from bot.messages import Address, Inbound, Kind
from bot.settings import ROOT
from bot.triage import Level, Triage

CAMPAIGNS = Campaigns.load(ROOT)
LANGS = tuple(language.code for language in supported())
ADDRESS = Address(channel="whatsapp", kind="phone", value="441632960000")
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def message(text: str = "", **values: object) -> Inbound:
    return replace(Inbound(channel="whatsapp", external_id="1", addresses=(ADDRESS,), text=text), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "mark"),
    [
        ("dads26", Mark("dads26")),
        ("DADS26", Mark("dads26")),
        ("Dads26!", Mark("dads26")),
        ("#dads26", Mark("dads26")),
        ("(dads26-k7m4)", Mark("dads26", "k7m4")),
        ("DADS26-K7M4", Mark("dads26", "k7m4")),
        ("dads26–k7m4", Mark("dads26", "k7m4")),
        ("ｄａｄｓ２６", Mark("dads26")),
        ("dads٢٦", Mark("dads26")),
        ("dads۲۶", Mark("dads26")),
        ("dads২৬", Mark("dads26")),
        ("dаds26", Mark("dads26")),  # its a is Cyrillic
        ("НЕLLО26", Mark("hello26")),  # Н, Е and О are Cyrillic
        ("\u2066dads26\u2069", Mark("dads26")),
        ("da\u200dds\u00ad26", Mark("dads26")),
        ("السلام عليكم (DADS26) عندي سؤال", Mark("dads26")),
        ("বাবা dads26 বলছি", Mark("dads26")),
        ("я тато dads26.", Mark("dads26")),
    ],
)
def test_a_code_is_found_however_it_is_written(written: str, mark: Mark) -> None:
    found, rest = find(CAMPAIGNS, written)
    assert found == mark
    assert "26" not in rest and "٢٦" not in rest


@pytest.mark.parametrize(
    "written",
    [
        "dads2",
        "dads261",
        "mydads26",
        "dads26ish",
        "dad s26",
        "dads 26",
        "hello",
        "hello 26",
        "gone26",
        "বাবাdads26",
        "dads26ের",
        "",
    ],
)
def test_what_is_no_code_is_left_as_it_is(written: str) -> None:
    assert find(CAMPAIGNS, written) == (None, written)


@pytest.mark.parametrize(
    ("written", "rest"),
    [
        ("dads26 my baby will not stop crying", "my baby will not stop crying"),
        ("my baby (dads26) will not sleep", "my baby will not sleep"),
        ("is it OK?dads26", "is it OK?"),
        ("dads26-my baby", "-my baby"),
        ("dads26-age3 is he late", "-age3 is he late"),
        ("one\n\ndads26\ntwo", "one\n\ntwo"),
        ("dads26 and hello26", "and"),
        ("“dads26” she said", "she said"),
        ("\u2066(dads26)\u2069 میرا بچہ", "میرا بچہ"),
    ],
)
def test_only_the_code_is_taken(written: str, rest: str) -> None:
    assert find(CAMPAIGNS, written)[1] == rest


@given(WORDS)
def test_any_words_without_a_code_come_out_to_the_letter(text: str) -> None:
    mark, rest = find(CAMPAIGNS, text)
    assert mark is not None or rest == text


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1, max_size=12), max_size=12),
    st.sampled_from(sorted(CAMPAIGNS.by_code)),
    st.sampled_from(["", "-k7m4", "–K7M4"]),
    st.booleans(),
    st.sampled_from(["{}", "({})", "[{}]", "#{}", "“{}”"]),
    st.sampled_from([" ", "\n", "  "]),
    st.data(),
)
def test_a_code_anywhere_among_any_words_takes_none_of_them(
    words: list[str], code: str, link: str, capitals: bool, around: str, gap: str, data: st.DataObject
) -> None:
    words = [word for word in words if word.split()]
    place = data.draw(st.integers(0, len(words)))
    token = around.format((code.upper() if capitals else code) + link)
    mark, rest = find(CAMPAIGNS, gap.join([*words[:place], token, *words[place:]]))
    assert mark is not None
    assert rest.split() == gap.join(words).split()


@given(WORDS, st.none() | WORDS, st.sampled_from(Kind), st.none() | st.sampled_from(LANGS))
def test_no_message_whatever_is_in_it_is_a_trouble(text: str, payload: str | None, kind: Kind, language: str | None) -> None:
    sent = message(text, kind=kind, start_payload=payload, language=language)
    read = opened(CAMPAIGNS, sent)
    assert opened(CAMPAIGNS, read) == read
    assert (read.kind, read.external_id, read.addresses) == (sent.kind, sent.external_id, sent.addresses)
    assert is_opening(CAMPAIGNS, read) in (True, False)
    if read_payload(CAMPAIGNS, payload) is None and find(CAMPAIGNS, text)[0] is None:
        assert read == sent


@given(st.text(alphabet=f"dads26hello-_{HYPHENS}k7m4 ()#\u2066\u2069٢٦а", max_size=40))
def test_what_nearly_is_a_code_is_no_trouble_either(text: str) -> None:
    mark, rest = find(CAMPAIGNS, text)
    assert find(CAMPAIGNS, rest) == (None, rest) or mark is not None


@pytest.mark.parametrize("code", sorted(CAMPAIGNS.by_code))
@pytest.mark.parametrize("lang", LANGS)
def test_what_a_link_writes_is_read_back_as_the_campaign_and_its_language(code: str, lang: str) -> None:
    words = CAMPAIGNS.by_code[code].words[lang]
    read = opened(CAMPAIGNS, message(words.to_send(f"{code}-k7m4")))
    assert (read.start_payload, read.language) == (f"{code}-k7m4", lang)
    assert code not in read.text
    assert is_opening(CAMPAIGNS, read)


@pytest.mark.parametrize("lang", LANGS)
def test_with_a_word_of_their_own_it_is_their_message(lang: str) -> None:
    words = CAMPAIGNS.by_code["dads26"].words[lang].to_send("dads26")
    read = opened(CAMPAIGNS, message(f"{words} 😭 help"))
    assert read.start_payload == "dads26"
    assert not is_opening(CAMPAIGNS, read)
    assert read.text.endswith("😭 help")


def test_the_bare_code_is_an_opening_and_other_empty_messages_are_none() -> None:
    assert is_opening(CAMPAIGNS, opened(CAMPAIGNS, message(" DADS26 ")))
    assert not is_opening(CAMPAIGNS, opened(CAMPAIGNS, message("")))
    assert not is_opening(CAMPAIGNS, opened(CAMPAIGNS, message("", kind=Kind.UNSUPPORTED, start_payload="dads26")))


@pytest.mark.parametrize(
    ("payload", "mark"),
    [
        ("dads26", Mark("dads26")),
        ("DADS26-k7m4", Mark("dads26", "k7m4")),
        ("dads26-k7m4_ur", Mark("dads26", "k7m4", "ur")),
        ("dads26_xx", Mark("dads26")),
        ("dads26-k7", None),
        ("gone26", None),
        ("web-en", None),
        ("baby__crying__start-here", None),
        ("", None),
        (None, None),
    ],
)
def test_a_deep_link_s_payload(payload: str | None, mark: Mark | None) -> None:
    assert read_payload(CAMPAIGNS, payload) == mark


def test_a_code_in_the_words_counts_for_more_than_the_page_s() -> None:
    assert opened(CAMPAIGNS, message("hello26", start_payload="dads26")).start_payload == "hello26"


@pytest.mark.parametrize("lang", LANGS)
def test_no_campaign_s_first_sentence_is_a_command_or_a_worry(lang: str, commands: Commands, rules_alone: Triage) -> None:
    for campaign in CAMPAIGNS:
        assert commands.find(campaign.words[lang].opening, lang) is None
        assert rules_alone.assess(campaign.words[lang].opening, lang).level is Level.NONE


def test_every_code_is_of_the_shape_that_parents_do_not_write_by_chance() -> None:
    for code in CAMPAIGNS.by_code:
        assert CODE.fullmatch(code)
        assert not re.search("[01]", code)
