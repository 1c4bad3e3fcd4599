"""Series: what comes when (`plan`), who asked for what (`store`), sending it (`work` one by one, `bulk` and `usual`
for many at once, `words`), and its calendar for staff.

May import the library, storage, delivery and people; not conversation, channels or console. `plan` is pure: no database, no clock.
"""
