"""HTTP without I/O: requests, responses and their limits."""
