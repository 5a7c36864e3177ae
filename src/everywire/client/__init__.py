"""Clients: a plain WebSocket, and the one that speaks to the hub."""
