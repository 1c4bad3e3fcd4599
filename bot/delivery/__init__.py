"""Getting messages out: the outbox, `can_send`, the sender, and the hub that wakes waiting pages.

May import storage, messages, channels' contract, and the library through the renderer it is given.
"""
