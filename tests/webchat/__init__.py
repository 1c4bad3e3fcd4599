"""The web chat, on SQLite, migrations, triage, intake and the approved content."""
