"""The content desk: how staff change what parents read without touching files.

Here live drafts and their way to a parent, the checks before each step, what is published (and goes before the files), differences,
translators' files, and writing back to `content/` and `locales/`. May import storage, library, languages and settings; never the console,
which shows all this, nor conversation, channels or people. Safety texts, helplines and what `content/desk.yml` lists stay in their files:
see docs/decisions/0019 and 0031.
"""
