"""This repository keeps its own house rules: sizes, names, docstrings, imports, mirrored tests."""

from pathlib import Path

import pytest
from tests.house import exceptions, rules
from tests.house.rules import Source

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "everywire"
FOLDERS = ("src", "tests", "tools", "bench", "conformance", "fuzz", "examples", "clients/js/src", "clients/js/test")
FETCHED = {"node_modules", "dist", "_static", "__pycache__", "vendor", ".build", "results"}
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")
LONGER_THAN_USUAL = 0.05


def files(*suffixes: str, under: tuple[str, ...] = FOLDERS) -> list[Path]:
    found = (path for folder in under for suffix in suffixes for path in (ROOT / folder).rglob(f"*{suffix}"))
    return sorted(path for path in found if not FETCHED & set(path.relative_to(ROOT).parts))


EVERYTHING = [Source.read(ROOT, path) for path in files(".py")]
TREES = [source.tree for source in EVERYTHING]  # now, while tests are collected and nobody looks for garbage among them


def sources(*folders: str) -> list[Source]:
    """Those under `folders`; each is parsed once, however many rules read it."""
    return [source for source in EVERYTHING if source.path.startswith(tuple(f"{folder}/" for folder in folders))]


def generated(path: Path) -> bool:
    """Cython writes its C beside a source that is translated by hand."""
    return path.suffix == ".c" and (path.with_suffix(".py").exists() or path.with_suffix(".pyx").exists())


def none(offences: list[str]) -> None:
    """Fail with a list of what is wrong, one per line, unless it is empty."""
    if offences:
        pytest.fail("\n".join(offences), pytrace=False)


PRODUCT = sources("src")
PROGRAMS = sources("src", "tools", "bench", "conformance", "fuzz", "examples")


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        (rules.long_functions, EVERYTHING),
        (rules.missing_docstrings, PRODUCT),
        (rules.impure_imports, PRODUCT),
        (rules.sideways_imports, PRODUCT),
        (rules.negative_indices, PRODUCT),
        (rules.matches, PRODUCT),
        (rules.secrets_compared, PRODUCT),
        (rules.code_from_data, PRODUCT),
        (rules.foreign_words, [source for source in PRODUCT if source.layer not in ("dialects", "django")]),
        (rules.leftovers, EVERYTHING),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rule(rule, read):
    offences = rules.offences(read, rule)
    none(offences)


def test_native_functions_are_short():
    read = [Source.read(ROOT, path) for path in files(".pyx")]
    offences = rules.offences(read, rules.long_native_functions)
    none(offences)


def test_files_are_short():
    paths = files(".py", ".pyx", ".pxd", ".ts", ".js", ".mjs", ".css", ".html", ".c", ".h")
    read = [Source.read(ROOT, path) for path in paths if not generated(path)]
    offences = rules.offences(read, rules.long_file)
    none(offences)


def test_most_functions_are_shorter_than_the_usual_limit():
    found = ((source, *one) for source in PRODUCT for one in rules.function_lengths(source, rules.USUAL_FUNCTION))
    long = sorted(((length, f"{source.path}:{name}") for source, name, _, length in found), reverse=True)
    if len(long) > LONGER_THAN_USUAL * sum(len(source.functions) for source in PRODUCT):
        none([f"{length} lines of code: {name}" for length, name in long])


@pytest.mark.parametrize(
    ("rule", "excused"),
    [(rules.many_parameters, exceptions.PARAMETERS), (rules.positional_booleans, exceptions.BOOLEANS)],
    ids=["number", "booleans"],
)
def test_parameters(rule, excused):
    offences = rules.offences(PROGRAMS, rule)
    forgiven = {key: [one for one in offences if _names(one) == key] for key in excused}
    assert all(forgiven.values()), f"no longer needed: {[key for key, found in forgiven.items() if not found]}"
    left = [one for one in offences if _names(one) not in forgiven]
    none(left)


def _names(offence: str) -> str:
    """``path:name`` of "path:line: name has …"."""
    path, _, text = offence.split(":", 2)
    return f"{path}:{text.split()[0]}"


def test_names_say_a_subject():
    paths = [path.relative_to(PACKAGE).as_posix() for path in files(".py", ".pyx", under=("src/everywire",))]
    none(list(rules.vague_names(paths)))


def test_tests_mirror_the_sources():
    modules = [path.relative_to(PACKAGE).as_posix() for path in files(".py", ".pyx", under=("src/everywire",))]
    tests = {path.relative_to(ROOT / "tests").as_posix() for path in files(".py", under=("tests",))}
    missing = list(rules.unmirrored(modules, tests, exceptions.UNTESTED))
    none(missing)
    needless = [
        one for one in exceptions.UNTESTED if not list(rules.unmirrored([one] if one in modules else [], tests))
    ]
    assert not needless, f"no longer needed: {needless}"


def test_tests_do_not_sleep():
    read = [source for source in sources("tests") if source.path not in exceptions.SLEEPING]
    offences = rules.offences([source for source in read if source.path != "tests/house/test_rules.py"], rules.sleeps)
    none(offences)
    needless = [
        path for path in exceptions.SLEEPING if not rules.offences([Source.read(ROOT, ROOT / path)], rules.sleeps)
    ]
    assert not needless, f"no longer needed: {needless}"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_exists(name):
    assert (ROOT / name).exists()
