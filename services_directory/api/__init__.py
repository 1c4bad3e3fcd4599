"""The directory for other programs: a read-only Open Referral UK 3.0 API. ``docs/directory-api.md`` tells how to use it.

``parameters`` reads what was asked, ``filters`` makes SQL of it, ``pages`` reads the records, ``app`` answers over HTTP, and
``description`` is the OpenAPI document.
"""

from services_directory.api.app import api_app

__all__ = ["api_app"]
