"""Retention: how long each kind of data is kept (`content/retention.yml`), and its deletion, every night.

`schedule` reads the periods, `purge` knows what is due of each kind, `night` deletes it in small steps and records what went, `holds` keeps
a case from it. May import people, storage and the YAML reader of the library; nothing of conversation, delivery or the console.
"""
