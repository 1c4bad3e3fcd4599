"""Series: what comes when (`plan`), who asked for what (`store`), sending it (`work`), and its calendar for staff.

May import the library, storage, delivery and people; not conversation, channels or console. `plan` is pure: no database, no clock.
"""
