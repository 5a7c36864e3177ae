"""The face for FastAPI."""
