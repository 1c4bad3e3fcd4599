"""A small whole tree of content without a mistake, in English and Urdu, for tests to break one thing at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.conversation.commands import LEARNT, learnt_yaml
from bot.languages import supported
from bot.library.library import source_hash, version_of
from bot.library.yamlfile import read_yaml
from bot.settings import ROOT

CRYING = "Crying is hard to hear. You are doing fine.\n\n*Try this:* hum a tune.\n\n*Why:* she knows your voice."
CRYING_HELP = "she is hot or hard to wake: {urgent_health}."
CRYING_UR = "رونا سننا مشکل ہے۔\n\n*یہ کر کے دیکھیں:* گنگنائیں۔"
CRYING_HELP_UR = "بچہ گرم ہو: {urgent_health}۔"
RELAX = "Breathe out slowly. Then once more.\n\n*Why:* you feel it too."
RELAX_UR = "آہستہ سانس چھوڑیں۔"
EMERGENCY = "{emergency}. Call now."
EMERGENCY_UR = "{emergency} پر ابھی فون کریں۔"

REPOSITORY = Path(__file__).resolve().parents[2]


OTHER_LANGUAGES = frozenset(language.code for language in supported()) - {"en", "ur"}


def _few(facts: Any) -> Any:
    """The structure of content/facts.yml with a word or two in each of two languages, so that reading it is quick."""
    if isinstance(facts, dict):
        return {str(key): _few(value) for key, value in facts.items() if key not in OTHER_LANGUAGES}
    return [str(word) for word in facts[:2]] if isinstance(facts, list) else facts


FACTS = json.dumps(_few(read_yaml(REPOSITORY / "content" / "facts.yml", REPOSITORY)), ensure_ascii=False, indent=1)

HELPLINES = """helplines:
  - id: emergency-999
    name: {en: "999", ur: "999"}
    phone: "999"
    sms: null
    web: null
    hours: {en: "day and night", ur: "دن رات"}
    languages: [en]
    nations: [all, outside-uk]
    source: {name: "GOV.UK, 999", year: 2025}
    confirmed: null
  - id: nhs-111
    name: {en: "NHS 111", ur: "NHS 111"}
    phone: "111"
    sms: null
    web: 111.nhs.uk
    hours: {en: "day and night", ur: "دن رات"}
    languages: [en]
    nations: [england, scotland, wales]
    source: {name: "NHS England, NHS 111", year: 2025}
    confirmed: 2026-01-31
  - id: your-doctor
    name: {en: "your doctor", ur: "ڈاکٹر"}
    phone: null
    sms: null
    web: null
    hours: {en: "in the day", ur: "دن میں"}
    languages: []
    nations: [all, outside-uk]
    source: {name: "Plain advice", year: 2025}
    confirmed: null
  - id: night-line
    name: {en: "Night Line", ur: "نائٹ لائن"}
    phone: "116 123"
    sms: {to: "85258", keyword: null}
    web: null
    hours: {en: "day and night", ur: "دن رات"}
    languages: [en]
    nations: [all]
    source: {name: "Night Line, contact", year: 2025}
    confirmed: null
  - id: word-line
    name: {en: "Word Line", ur: "ورڈ لائن"}
    phone: null
    sms: {to: "85258", keyword: "WORD"}
    web: null
    hours: {en: "day and night", ur: "دن رات"}
    languages: [en]
    nations: [all]
    source: {name: "Word Line, contact", year: 2025}
    confirmed: null
placeholders:
  emergency: {england: [emergency-999], scotland: [emergency-999], wales: [emergency-999], northern-ireland: [emergency-999],
              unknown: [emergency-999], outside-uk: [emergency-999]}
  urgent_health:
    england: [nhs-111]
    scotland: [nhs-111]
    wales: [nhs-111]
    northern-ireland: [your-doctor]
    unknown: [your-doctor, emergency-999]
    outside-uk: [your-doctor]
  crisis: {england: [night-line, word-line], scotland: [night-line], wales: [night-line], northern-ireland: [night-line],
           unknown: [night-line], outside-uk: [your-doctor]}
phrases:
  call: {en: "{name} (call {phone})", ur: "{name} (فون نمبر {phone})"}
  text: {en: "{name} (text {keyword} to {sms})", ur: "{name} ({keyword} لکھ کر {sms} پر)"}
  text_free: {en: "{name} (text {sms})", ur: "{name} ({sms} پر)"}
  call_or_text: {en: "{name} (call {phone} or text {sms})", ur: "{name} (فون نمبر {phone}، یا {sms})"}
  name_only: {en: "{name}", ur: "{name}"}
  or: {en: " or ", ur: " یا "}
"""

FILES = {
    "content/languages.yml": """languages:
  - {code: en, english: English, name: English, direction: ltr, status: machine-draft, script: Latin, common: [the]}
  - {code: ur, english: Urdu, name: اردو, direction: rtl, status: machine-draft, script: Arabic, common: [hai]}
""",
    "content/topics.yml": "topics:\n  - relax\n  - baby/crying\n",
    "content/helplines.yml": HELPLINES,
    "content/needs.yml": """first: [groups]
needs:
  groups:
    en: {title: "Groups", words: [group, playgroup]}
    ur: {title: "گروپ", words: [گروپ]}
  money:
    en: {title: "Money", words: [cash]}
    ur: {title: "پیسے", words: [paise]}
""",
    "content/commands.yml": "stop_messages:\n  en: [stop]\n  ur: [بند]\nskip:\n  en: [skip]\n  ur: [چھوڑیں]\n",
    "content/facts.yml": FACTS,
    "content/team.yml": """default_team: here
areas:
  - id: here
    name: Here
    nation: null
    hours: {monday: ["09:00-17:00"]}
    reply_minutes: {urgent: 60}
""",
    "content/sample.yml": "messages: 20\ndays: 30\n",
    "content/retention.yml": (ROOT / "content" / "retention.yml").read_text(encoding="utf-8"),
    "content/return.yml": "headings:\n  - {heading: Sleep, needs: [sleep]}\nnot_held: []\n",
    "content/review.yml": "concerns: 3\ndays: 14\n",
    "content/understanding.yml": """answer_at: 0.4
answer_at_lead: 0.2
lead: 2
sensitive_at: 0.5
sensitive_offer_at: 0.1
refuse_below: 0.05
move_on_at: 0.9
second_at: 0.2
choices: 3
sensitive:
  - baby/crying
not_ours: []
""",
    "content/replies/en.yml": """language: en
translation: original
status: draft
reviewed: {date: null, role: null}
replies:
  still-here: {group: listening, title: "Still here", words: "I am still here. {emergency}."}
  hello: {group: hello, title: "Hello", words: "This is {name}. We are here {hours}."}
""",
    "content/replies/ur.yml": f"""language: ur
translation: machine-draft
replies:
  still-here: {{source_hash: "{version_of("I am still here. {emergency}.")}", words: "ہم یہیں ہیں۔ {{emergency}}۔"}}
  hello: {{source_hash: "{version_of("This is {name}. We are here {hours}.")}", words: "یہاں {{name}} ہیں۔ {{hours}}۔"}}
""",
    "content/safety/en.yml": "language: en\n",
    "content/safety/ur.yml": "language: ur\n",
    "domain.yml": "intents: [ask_topic, stop_messages, topic_relax, topic_baby_crying]\n",
    "services_directory/data/terms.yml": "terms:\n  groups: {name: Groups}\n  money: {name: Money}\n",
    "bot/conversation/words.py": 'SAID = "text:menu.intro"\nLABEL = f"topic.{SAID}"\nTEXT = "safety:emergency"\n',
}

HEADER = """msgid ""
msgstr ""
"Language: {language}\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"
"""
STRINGS = {
    "button.more": ("More", "مزید"),
    "menu.intro": ("Here is what I can do. {emergency}.", "یہ ہو سکتا ہے۔ {emergency}۔"),
    "message.get_help_if": ("Get help if", "مدد لیں اگر"),
    "topic.baby/crying": ("Crying", "رونا"),
    "topic.relax": ("Calm together", "سکون"),
}
PLURALS = {"wait.minutes": (("{count} minute", "{count} minutes"), ("{count} منٹ", "{count} منٹ"))}


def small_tree(root: Path) -> Path:
    """Write the tree below `root` and return `root`."""
    for name, text in FILES.items():
        put(root, name, text)
    for place, language in enumerate(("en", "ur")):
        put(root, f"locales/{language}/LC_MESSAGES/wren.po", _catalog(language, place))
        for label in ("topic_relax", "topic_baby_crying"):
            lines = f"    - one {label} {language}\n    - two {label} {language}\n"
            put(root, f"data/nlu/{language}/{label}.yml", f'version: "3.1"\nnlu:\n- intent: {label}\n  examples: |\n{lines}')
    put(root, LEARNT, learnt_yaml(root))
    message(root, "baby/crying/start-here", CRYING, CRYING_UR, CRYING_HELP, CRYING_HELP_UR)
    message(root, "relax/breathe-out", RELAX, RELAX_UR)
    message(root, "safety/emergency", EMERGENCY, EMERGENCY_UR)
    return root


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def message(root: Path, id_: str, en: str, ur: str | None, help_en: str = "", help_ur: str = "", **changes: str) -> None:
    """Write one message; `changes` are lines of message.yml by field."""
    safety = id_.startswith("safety/")
    folder = f"content/safety/texts/{id_.removeprefix('safety/')}" if safety else f"content/messages/{id_}"
    fields = {
        "id": id_,
        "topic": "safety" if safety else id_.rsplit("/", 1)[0],
        "blocks": "[respond]",
        "ages": "{from: -9, to: 60}",
        "audience": "[anyone]",
        "tags": "[]",
        "nations": "[]",
        "cost": "none",
        "space": "any",
        "sources": '[{name: "NICE guideline NG194", year: 2021}]',
        "reviewed": "{date: null, role: null}",
        "parent_tested": "{date: null, how_many: null}",
        "status": "draft",
        "follow_ups": "[]" if safety else "[baby/crying]" if id_.startswith("relax") else "[relax]",
        **changes,
    }
    put(root, f"{folder}/message.yml", "".join(f"{key}: {value}\n" for key, value in fields.items()))
    put(root, f"{folder}/en.md", _words("translation: original\n", en, help_en))
    if ur is not None:
        meta = f'translation: machine-draft\nsource_hash: "{source_hash(en.strip(), help_en or None)}"\n'
        put(root, f"{folder}/ur.md", _words(meta, ur, help_ur))


def _words(meta: str, body: str, help_if: str) -> str:
    return f"---\n{meta}" + (f'get_help_if: "{help_if}"\n' if help_if else "") + f"---\n{body}\n"


def _catalog(language: str, place: int) -> str:
    fuzzy = "" if language == "en" else "#, fuzzy\n"
    entries = [f'{fuzzy}msgid "{key}"\nmsgstr "{words[place]}"\n' for key, words in STRINGS.items()]
    for key, words in PLURALS.items():
        forms = "".join(f'msgstr[{number}] "{form}"\n' for number, form in enumerate(words[place]))
        entries.append(f'{fuzzy}msgid "{key}"\nmsgid_plural "{key}"\n{forms}')
    return "\n".join([HEADER.format(language=language), *entries])
