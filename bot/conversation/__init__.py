"""One message's journey: intake, worker, mode, router, Rasa, commit; the dialogue's memory; and `decide`.

May import messages, languages, triage, library, people, handoff, actions' vocabulary, storage and services_directory. Knows no
channel: what goes out is rows in the outbox, which `bot.delivery` sends.
"""
