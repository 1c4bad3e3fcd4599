"""Servers that stand in for providers in tests: strict, on loopback, tried with clients this project did not write."""
