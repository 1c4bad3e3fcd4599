"""The app's database: tables, engine, encryption, migrations, and nothing that knows what a conversation is.

May import `bot.messages` and `bot.settings`. Holds no SQL of other rooms' queries beyond the shared claims and leases.
"""
