"""Editing the directory by hand: drafts, approval by somebody else, a difference field by field, a history with undo.

A change is a set of answers against the answers that the record gave when it was begun. Applying it is one transaction;
the triggers raise the revision, so that the next search in any process finds it. Callers commit.
"""
