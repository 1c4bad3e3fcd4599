"""The subcommands of `bot` that are not of one room: accounts, content, providers, what is missing.

Each module makes one or more `typer` apps, which `bot.cli` hangs in; what they need they import when they run, so that `bot --help` is
quick. May import everything but `bot.cli`; nothing but `bot.cli` imports them. A room with commands of its own keeps them itself (`cli.py`).
"""
