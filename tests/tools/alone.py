"""Runs a program where nothing can be imported but what some distributions bring: `python alone.py NAME,NAME… PROGRAM ARGUMENT…`."""

import re
import runpy
import sys
from collections.abc import Iterable
from importlib import metadata


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Others:
    """Finds nothing of other distributions, as if they were not installed."""

    def __init__(self, names: Iterable[str]) -> None:
        allowed = {canonical(name) for name in names}
        owners = metadata.packages_distributions().items()
        self.missing = {package for package, made in owners if not allowed & {canonical(each) for each in made}}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.missing:
            raise ModuleNotFoundError(f"No module named {name!r}: nobody installs it here", name=name)


if __name__ == "__main__":
    names, program, *arguments = sys.argv[1:]
    sys.meta_path.insert(0, Others(names.split(",")))
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")
