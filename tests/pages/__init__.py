"""The landing and privacy pages."""
