"""The house rules as functions from a source text to what is wrong with it.

Each rule takes a `Source` and yields one line of text per offence, with the line number first. What
a rule forgives is written in `exceptions.py`, with the reason; the rules themselves know no file.
"""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LONGEST_FUNCTION = 40
USUAL_FUNCTION = 25
LONGEST_FILE = 500
MOST_PARAMETERS = 5

PURE_LAYERS = ("dialects", "errors", "http", "messages", "payloads", "ws")
IMPURE_MODULES = frozenset({"asyncio", "socket", "ssl", "time", "random", "secrets", "uuid", "threading", "logging"})
VAGUE_NAMES = frozenset({"utils", "util", "common", "helpers", "helper", "core", "misc"})
# What dialects share, and brokers: neither knows another.
SHARED = {"dialects": ("base", "channel_calls", "emission"), "brokers": ("base",)}
# Words of other projects for things that have a name here; a dialect speaks its own language.
FOREIGN_WORDS = {
    "packet": "frame below the transport, payload above it",
    "packets": "frames below the transport, payloads above it",
    "topic": "channel",
    "topics": "channels",
    "manager": "hub, broker or what it really does",
    "adapter": "broker",
}
SECRET_WORDS = frozenset(
    {"secret", "secrets", "token", "tokens", "password", "passwords", "signature", "mac", "resume", "ticket"}
)
CODE_LOADERS = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"})
CODE_RUNNERS = frozenset({"eval", "exec", "compile", "__import__"})
LEFTOVERS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|/(?:root|home)/\w")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A Python file: ``path`` relative to the repository, its text, and the text of its .pxd if it has one."""

    path: str
    text: str
    types: str | None = None

    @classmethod
    def read(cls, root: Path, file: Path) -> "Source":
        types = file.with_suffix(".pxd")
        beside = types.read_text() if types.exists() and file.suffix == ".py" else None
        return cls(file.relative_to(root).as_posix(), file.read_text(), beside)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, in the order of `ast.walk`."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[tuple[str, Function, bool]]:
        """Each function with its qualified name, and whether it is a method."""
        return list(_functions(self.tree, "", is_class=False))

    @cached_property
    def code_lines(self) -> set[int]:
        """The numbers of the lines that hold code: not blank, comment or docstring."""
        return _code_lines(self.text) - _docstring_lines(self.nodes)

    @property
    def layer(self) -> str | None:
        """The top-level module or package of everywire that this file belongs to."""
        parts = Path(self.path).with_suffix("").parts
        return parts[2] if parts[:2] == ("src", "everywire") and len(parts) > 2 else None


def function_lengths(source: Source, over: int = 0) -> Iterator[tuple[str, int, int]]:
    """(name, line, lines of code) of each function that has more than ``over``, decorators and docstring left out."""
    for name, function, _ in source.functions:
        assert function.end_lineno is not None
        span = range(function.lineno, function.end_lineno + 1)
        if len(span) > over:  # else its code, which takes long to be told from the rest, has no more lines either
            length = sum(line in source.code_lines for line in span)
            if length > over:
                yield name, function.lineno, length


def native_function_lengths(text: str) -> Iterator[tuple[str, int, int]]:
    """The same for Cython sources, by indentation: (name, line, lines of code)."""
    head = re.compile(r"^( *)(?:async )?(?:def|cdef|cpdef) (?!class\b|extern\b)[^=(]*?(\w+)\(")
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if found := head.match(line):
            body = _indented_under(lines[number - 1 :], len(found[1]))
            code = "\n".join(body)
            code = re.sub(r'"""[\s\S]*?"""', "", code)
            kept = [one for one in code.splitlines() if one.strip() and not one.strip().startswith("#")]
            yield found[2], number, len(kept)


def long_functions(source: Source) -> Iterator[str]:
    for name, line, length in function_lengths(source, LONGEST_FUNCTION):
        yield f"{line}: {name} has {length} lines of code, at most {LONGEST_FUNCTION}"


def long_native_functions(source: Source) -> Iterator[str]:
    for name, line, length in native_function_lengths(source.text):
        if length > LONGEST_FUNCTION:
            yield f"{line}: {name} has {length} lines of code, at most {LONGEST_FUNCTION}"


def long_file(source: Source) -> Iterator[str]:
    length = source.text.count("\n")
    if length > LONGEST_FILE:
        yield f"{LONGEST_FILE}: the file has {length} lines, at most {LONGEST_FILE}"


def many_parameters(source: Source) -> Iterator[str]:
    for name, function, method in source.functions:
        count = len(_parameters(function, method=method)) + len(function.args.kwonlyargs)
        if count > MOST_PARAMETERS:
            yield f"{function.lineno}: {name} has {count} parameters, at most {MOST_PARAMETERS}"


def positional_booleans(source: Source) -> Iterator[str]:
    """``f(x, True)`` tells a reader nothing. Functions that a .pxd types cannot have keyword-only ones."""
    typed = set(re.findall(r"\b(\w+)\s*\(", source.types or ""))
    for name, function, method in source.functions:
        decorators = {ast.unparse(one).rpartition(".")[2] for one in function.decorator_list}
        if function.name in typed or "setter" in decorators:
            continue
        for argument in _boolean_parameters(function, method=method):
            yield f"{function.lineno}: {name} takes the boolean {argument!r} by position; put it after *"


def missing_docstrings(source: Source) -> Iterator[str]:
    """The module, its public classes and its public functions each say what they are."""
    if not (ast.get_docstring(source.tree) or "").strip():
        yield "1: the module does not say what lives here"
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            overload = any("overload" in ast.unparse(one) for one in node.decorator_list)
            if not (node.name.startswith("_") or overload or ast.get_docstring(node)):
                yield f"{node.lineno}: {node.name} is public and has no docstring"


def impure_imports(source: Source) -> Iterator[str]:
    """Pure layers get ids, clocks and randomness handed in, and do no I/O."""
    if source.layer in PURE_LAYERS:
        for line, module in imports(source):
            if module.split(".")[0] in IMPURE_MODULES:
                yield f"{line}: {source.layer} is pure and imports {module}"


def sideways_imports(source: Source) -> Iterator[str]:
    """Dialects know no dialect, brokers no broker, and the hub of brokers only the interface.

    What several of them share is in modules of its own beside them.
    """
    if source.layer not in ("dialects", "brokers", "hub"):
        return
    own = "everywire." + ".".join(Path(source.path).with_suffix("").parts[2:])
    for line, module in imports(source):
        for package in ("dialects", "brokers"):
            prefix = f"everywire.{package}."
            itself = prefix + own[len(prefix) :].split(".")[0] if own.startswith(prefix) else own
            allowed = (itself, *(prefix + each for each in SHARED[package]))
            sibling = source.layer == package or (source.layer == "hub" and package == "brokers")
            if sibling and module.startswith(prefix) and not _within(module, allowed):
                yield f"{line}: imports {module}; of {package}, only what they share is known here: {', '.join(SHARED[package])}"


def negative_indices(source: Source) -> Iterator[str]:
    """Compiled modules are built without wraparound: ``x[-1]`` would read before the start of x."""
    if source.types is None:
        return
    for node in source.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.UnaryOp):
            yield f"{node.lineno}: negative index {ast.unparse(node)} in a compiled module"


def matches(source: Source) -> Iterator[str]:
    """What Cython 3.3 makes of a ``match`` may crash: a variable that its cases set otherwise counts as never set."""
    if source.types is None:
        return
    for node in source.nodes:
        if isinstance(node, ast.Match):
            yield f"{node.lineno}: match {ast.unparse(node.subject)} in a compiled module"


def sleeps(source: Source) -> Iterator[str]:
    """A test that sleeps is slow or flaky, and mostly both; ``sleep(0)`` only lets others run."""
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        if name == "sleep" and [ast.unparse(argument) for argument in node.args] != ["0"]:
            yield f"{node.lineno}: {ast.unparse(node)}: wait for the event itself"


def secrets_compared(source: Source) -> Iterator[str]:
    """``==`` on a secret tells by its time how much of a guess was right; ``hmac.compare_digest`` does not."""
    for node in source.nodes:
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            sides = [node.left, *node.comparators]
            if not any(isinstance(side, ast.Constant) for side in sides) and any(map(_is_secret, sides)):
                yield f"{node.lineno}: {ast.unparse(node)}: compare secrets by hmac.compare_digest"


def code_from_data(source: Source) -> Iterator[str]:
    """What turns data into code, or into any object at all."""
    for line, module in imports(source):
        if module.split(".")[0] in CODE_LOADERS:
            yield f"{line}: imports {module}"
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODE_RUNNERS:
            yield f"{node.lineno}: {ast.unparse(node)[:60]}"


def _is_secret(node: ast.expr) -> bool:
    name = {ast.Name: "id", ast.Attribute: "attr"}.get(type(node))
    words = re.findall(r"[a-z]+", str(getattr(node, name)).lower()) if name else []
    return bool(SECRET_WORDS & set(words))


def foreign_words(source: Source) -> Iterator[str]:
    """Names defined here are made of our own words."""
    for line, name in _defined_names(source.nodes):
        for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name):
            if (ours := FOREIGN_WORDS.get(word.lower())) is not None:
                yield f"{line}: {name}: say {ours}"


def leftovers(source: Source) -> Iterator[str]:
    """No notes to oneself, and no paths of one's own machine."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if (found := LEFTOVERS.search(line)) and "LEFTOVERS" not in line:
            yield f"{number}: {found[0]!r} was left behind"


def vague_names(paths: Iterable[str]) -> Iterator[str]:
    """Files and folders of the package that are named for no subject."""
    for path in paths:
        parts = Path(path).with_suffix("").parts
        if VAGUE_NAMES & set(parts) or "base" in parts[:-1]:
            yield f"{path}: say what lives there"


def unmirrored(modules: Iterable[str], tests: Collection[str], exempt: Collection[str] = ()) -> Iterator[str]:
    """Modules (paths below the package) without a test module of the same place and name.

    ``ws/frames.py`` wants ``ws/test_frames.py``, or more than one: ``ws/test_frames_*.py``.
    """
    for module in modules:
        path = Path(module)
        if path.name.startswith("__") or module in exempt:
            continue
        wanted = (path.parent / f"test_{path.stem}").as_posix()
        if not any(test == f"{wanted}.py" or test.startswith(f"{wanted}_") for test in tests):
            yield f"{module}: no tests/{wanted}.py"


def imports(source: Source) -> Iterator[tuple[int, str]]:
    """(line, absolute module name) of every import, wherever in the file it stands."""
    package = Path(source.path).with_suffix("").parts[1:-1]
    for node in source.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def offences(sources: Iterable[Source], rule: Callable[[Source], Iterator[str]]) -> list[str]:
    """What ``rule`` says of all sources, as ``path:line: text``."""
    return sorted({f"{source.path}:{text}" for source in sources for text in rule(source)})


def _functions(node: ast.AST, prefix: str, *, is_class: bool) -> Iterator[tuple[str, Function, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child, is_class
            yield from _functions(child, f"{prefix}{child.name}.", is_class=False)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.", is_class=True)
        elif not isinstance(child, ast.expr):  # of these only lambdas are functions, and they have no name
            yield from _functions(child, prefix, is_class=is_class)


def _code_lines(text: str) -> set[int]:
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def _docstring_lines(nodes: Iterable[ast.AST]) -> set[int]:
    lines: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            lines.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def _indented_under(lines: list[str], indent: int) -> list[str]:
    """The first line and those that belong to its block; a multi-line head's closing line too."""
    body = [lines[0]]
    for line in lines[1:]:
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth <= indent and not line.strip().startswith(")"):
            break
        body.append(line)
    return body


def _parameters(function: Function, *, method: bool) -> list[ast.arg]:
    positional = [*function.args.posonlyargs, *function.args.args]
    static = any(ast.unparse(one) == "staticmethod" for one in function.decorator_list)
    return positional[1:] if method and not static else positional


def _boolean_parameters(function: Function, *, method: bool) -> Iterator[str]:
    positional = _parameters(function, method=method)
    defaults: list[ast.expr | None] = [*function.args.defaults]
    padded = [None] * (len(positional) - len(defaults)) + defaults if len(defaults) <= len(positional) else defaults
    for argument, default in zip(positional, padded, strict=False):
        annotated = argument.annotation is not None and ast.unparse(argument.annotation) in ("bool", "bool | None")
        if annotated or (isinstance(default, ast.Constant) and isinstance(default.value, bool)):
            yield argument.arg


def _defined_names(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def _within(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)
