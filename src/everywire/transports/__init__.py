"""Transports: what carries one client's payloads."""
