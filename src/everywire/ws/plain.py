"""What the single-source modules need of the name `cython` where Cython is not installed."""

compiled = False
