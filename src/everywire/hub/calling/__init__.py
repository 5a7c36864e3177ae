"""Calls: of the application's handlers by clients, and of clients by the application."""
