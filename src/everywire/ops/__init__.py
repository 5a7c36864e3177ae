"""Seeing a running application: metrics, health, logs, spans."""
