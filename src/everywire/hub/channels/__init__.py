"""Channels: who listens, how each is told, what was missed, who is there."""
