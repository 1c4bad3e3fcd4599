"""Channels: recorded-style provider JSON in, expected `Inbound`s out; `Outbound`s in, the provider's calls out."""
