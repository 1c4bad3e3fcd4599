"""Languages: which ones Wren speaks (data in `content/languages.yml`), and which one a message is in.

Script rules come first, then a small letter-group model that we train on our own sentences, then what the parent chose.
It may import numpy and, in training alone, scikit-learn; nothing of the rest of the app, and no network.
"""

from bot.languages.catalogue import Catalogue, CatalogueError, Language, direction, supported
from bot.languages.detection import Detected, Detector, detect

__all__ = ["Catalogue", "CatalogueError", "Detected", "Detector", "Language", "detect", "direction", "supported"]
