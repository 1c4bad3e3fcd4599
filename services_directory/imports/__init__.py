"""Services from elsewhere, and out again: feeds and files are read, mended where certain, compared, shown, and only then written.

What lives here, in the order in which data flows: ``feeds`` (a web address into bytes), ``readers`` (bytes of any form into
documents shaped like HSDS 3.0), ``incoming`` with ``times``, ``whereabouts`` and ``values`` (a document into our own fields,
``forms``, with a note of all that was mended, left out or refused), ``planning`` (what would change: a ``plan``), ``apply``
(writing it, in one transaction), ``questions`` (likely duplicates and needs, for a person to answer) and ``exporting`` with ``wall_list``.
Everything that comes in is hostile until ``incoming`` has read it.
"""
