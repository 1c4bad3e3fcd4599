"""What an installation tells of itself: counts and states for Prometheus, and the path of one message.

`metrics` counts and is the one file that knows Prometheus's library; `gauges` reads the store when somebody asks, `trace` what became of
one message. Numbers and our own ids only: no person, no words, no address, no area. May import storage and messages; every other room
may import this one.
"""
