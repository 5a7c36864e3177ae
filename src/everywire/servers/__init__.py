"""Servers: each makes exchanges out of what a carrier brings."""
