"""Text to HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pages.words import linked, paragraphs, rich

ATTACKS = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "*<b onmouseover=alert(1)>*",
    "\u2066<svg onload=alert(1)>\u2069",
    'https://evil.example/"onmouseover="alert(1)',
    "https://evil.example/<script>",
    "javascript:alert(1)",
    "\u2066javascript:alert(1)\u2069",
    "&lt;script&gt;",
]
ALLOWED = {"p": set(), "br": set(), "strong": set(), "bdi": {"dir"}, "a": {"href", "class", "rel"}}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Tags:
    tags = Tags()
    tags.feed(str(html))
    tags.close()
    return tags


def assert_harmless(html: str) -> None:
    for tag, attributes in read(html).found:
        assert tag in ALLOWED
        assert set(attributes) <= ALLOWED[tag]
        if tag == "a":
            assert (attributes["href"] or "").startswith(("https://", "tel:", "sms:", "mailto:"))


@pytest.mark.parametrize("text", ATTACKS)
def test_it_lets_no_markup_through(text: str) -> None:
    for html in (paragraphs(text, rich), paragraphs(text, linked)):
        assert_harmless(html)
        assert "<script" not in html and "<svg" not in html and "<img" not in html


@given(st.text(alphabet=st.sampled_from('ab1 *<>"&\n\u2066\u2069@.:/+htps'), max_size=60))
def test_it_is_harmless_and_loses_no_letter_whatever_the_text(text: str) -> None:
    for html in (paragraphs(text, rich), paragraphs(text, linked)):
        assert_harmless(html)
        shown = read(html).text
        kept = [letter for letter in text if letter.isalnum()]
        assert [letter for letter in shown if letter.isalnum()] == kept


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("Call \u2066116 123\u2069.", 'href="tel:116123"'),
        ("Call \u2066999\u2069 now", 'href="tel:999"'),
        ("Call \u2066+44 (0)1632 960000\u2069", 'href="tel:+4401632960000"'),
        ("Text \u206685258\u2069", 'href="sms:85258"'),
        ("Write to \u2066hello@example.org\u2069", 'href="mailto:hello@example.org"'),
    ],
)
def test_an_isolated_number_or_address_can_be_tapped(text: str, link: str) -> None:
    assert link in rich(text)


def test_a_word_between_isolates_is_no_link_but_keeps_its_direction() -> None:
    assert rich("text \u2066SHOUT\u2069 to") == 'text <bdi dir="ltr">SHOUT</bdi> to'


def test_a_number_in_emphasis_is_still_a_link() -> None:
    assert rich("*Call \u2066999\u2069.* Now").startswith("<strong>Call <a ")


def test_asterisks_in_a_sum_are_no_emphasis() -> None:
    assert rich("2*3*4") == "2*3*4"
    assert rich("* one * two") == "* one * two"


def test_a_person_s_words_get_links_but_no_emphasis() -> None:
    html = linked("*see* https://example.org/a?b=1&c=2.")
    assert html.startswith("*see* <a ") and 'href="https://example.org/a?b=1&amp;c=2"' in html and html.endswith(".")


def test_blank_lines_part_paragraphs_and_line_breaks_stay() -> None:
    assert paragraphs("one\ntwo\n\n\nthree") == "<p>one<br>two</p><p>three</p>"
