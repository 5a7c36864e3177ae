"""The authority on one node: the only place where sessions and channels change."""
