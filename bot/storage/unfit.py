"""The one word that every command understands of a database that cannot be used."""


class Unfit(RuntimeError):
    """The database cannot be used as it is; the message says why and what to do."""
