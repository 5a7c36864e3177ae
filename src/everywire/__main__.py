"""`python -m everywire` is the command `everywire`."""

from everywire.cli import main

main()
