"""Measurements, each against a peer in the same run. Ratios count; absolute times are one machine's on one day."""
