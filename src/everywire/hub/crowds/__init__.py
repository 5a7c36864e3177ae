"""Many sessions at once, on all nodes: who they are, where they are subscribed, what they answer."""
