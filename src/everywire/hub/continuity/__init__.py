"""Sessions that outlive their node."""
