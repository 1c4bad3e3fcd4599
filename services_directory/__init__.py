"""The directory of local services: what there is for a family, where, when, for whom, and how to join.

What lives here: the tables (Open Referral UK 3.0 / HSDS 3.0, all named ``directory_…``) with their own Alembic branch, the
vocabulary of needs, the parsers of places and timetables, the in-memory index, search, export, the API for other programs and the command line.
It may import SQLAlchemy, Alembic and the libraries of the project, and must not import anything from ``bot``: the bot
hands it an engine and puts its answers into a parent's words. Every call blocks; an asynchronous caller uses a thread.
"""

from services_directory.database import is_behind, migrate, open_engine, writing
from services_directory.demonstration import load_demonstration
from services_directory.directory import Directory
from services_directory.imports.apply import run_import
from services_directory.imports.plan import Options as ImportOptions
from services_directory.place_index import PlaceIndex, find_place
from services_directory.places import Place, Postcode, find_postcode
from services_directory.query import Match, Mode, Query, Reason
from services_directory.records import Service, Session
from services_directory.sheet import Problem, load_file, problems
from services_directory.terms import UnknownTerm, vocabulary

__all__ = [
    "Directory",
    "ImportOptions",
    "Match",
    "Mode",
    "Place",
    "PlaceIndex",
    "Postcode",
    "Problem",
    "Query",
    "Reason",
    "Service",
    "Session",
    "UnknownTerm",
    "find_place",
    "find_postcode",
    "is_behind",
    "load_demonstration",
    "load_file",
    "migrate",
    "open_engine",
    "problems",
    "run_import",
    "vocabulary",
    "writing",
]
