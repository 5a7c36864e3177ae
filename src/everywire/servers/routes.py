"""Plain HTTP beside the WebSocket: routes and static files."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

from everywire.http.request import Request, Response
from everywire.http.streamed import Streamed

__all__ = ["Route", "Routes", "StaticFiles", "file"]

Route: TypeAlias = Callable[[Request], Response | Streamed | Awaitable[Response | Streamed]]

_TEXT = {"text/html", "text/css", "text/javascript", "text/plain", "image/svg+xml", "application/json"}


class Routes:
    """Answers by path: exact routes first, then folders, the longest prefix first."""

    def __init__(self) -> None:
        self._exact: dict[str, Route] = {}
        self._folders: list[StaticFiles] = []

    def add(self, path: str, route: Route) -> None:
        """Answer requests for `path` by `route`; raises `ValueError` where the path is taken."""
        if not path.startswith("/") or path in self._exact:
            raise ValueError(f"route {path!r} is taken, or does not begin with a slash")
        self._exact[path] = route

    def replace(self, path: str, route: Route) -> None:
        """Answer requests for `path` by `route` from now on."""
        self._exact[path] = route

    def mount(self, prefix: str, folder: Path) -> None:
        """Serve the files of `folder` under `prefix`; raises `ValueError` where the prefix is taken, `OSError` where the folder is none."""
        files = StaticFiles(prefix, folder)
        if any(files.prefix == each.prefix for each in self._folders):
            raise ValueError(f"prefix {files.prefix} is taken")
        self._folders.append(files)
        self._folders.sort(key=lambda files: len(files.prefix), reverse=True)

    def has(self, path: str) -> bool:
        """Say whether a route or a folder is there for `path`."""
        return path in self._exact or any(path.startswith(files.prefix) for files in self._folders)

    def __contains__(self, path: object) -> bool:
        return path in self._exact

    def answer(self, request: Request) -> Response | Streamed | Awaitable[Response | Streamed]:
        """Give the answer; 404 where nothing is, 405 for what is neither GET nor HEAD."""
        if (route := self._exact.get(request.path)) is not None:
            return route(request)
        for files in self._folders:
            if request.path.startswith(files.prefix):
                return files.answer(request)
        return Response(404, "not found\n")


def file(request: Request, path: Path, kind: str | None = None) -> Response:
    """Give a file, as of the content type `kind` or what its name says; 304 where the client has it, 405 for what is neither GET nor HEAD."""
    if request.method not in ("GET", "HEAD"):
        return Response(405, "GET or HEAD\n", [("Allow", "GET, HEAD")])
    body = path.read_bytes()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = [("ETag", tag), ("Cache-Control", "no-cache"), ("X-Content-Type-Options", "nosniff")]
    if tag in (request.headers.get("if-none-match") or ""):
        return Response(304, b"", headers)
    return Response(200, body, [*headers, ("Content-Type", kind or _content_type(path))])


class StaticFiles:
    """The files of one folder under one prefix, read when they are asked for.

    Not promised: ranges, compression, anything for big files.
    """

    def __init__(self, prefix: str, folder: Path) -> None:
        if not prefix.startswith("/"):
            raise ValueError(f"prefix {prefix!r} does not begin with a slash")
        self.prefix = prefix if prefix.endswith("/") else prefix + "/"
        if not folder.exists():
            raise FileNotFoundError(f"there is no folder {folder.absolute()}")
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder.absolute()} is no folder")
        self._root = folder.resolve(strict=True)

    def answer(self, request: Request) -> Response:
        """Give the file that the path names, a folder's index.html, 304 where the client has it."""
        if request.method not in ("GET", "HEAD"):
            return Response(405, "GET or HEAD\n", [("Allow", "GET, HEAD")])
        found = self._find(request.path[len(self.prefix) :])
        if found is None:
            return Response(404, "not found\n")
        if found.is_dir():  # without the slash, the page's own links would lead astray
            query = f"?{request.query}" if request.query else ""
            return Response(308, b"", [("Location", quote(request.path) + "/" + query)])
        return file(request, found)

    def _find(self, name: str) -> Path | None:
        """Give the file or the folder called `name`, which cannot lie outside this one.

        A name that ends with a slash, or no name, is a folder's page.
        """
        if "\0" in name or "\\" in name or name.startswith("/"):
            return None
        try:
            path = (self._root / name / "index.html" if name.endswith("/") or not name else self._root / name).resolve()
            inside = path.is_relative_to(self._root) and path.exists()
        except OSError:
            return None  # a name too long for the file system
        return path if inside else None


def _content_type(path: Path) -> str:
    kind, encoding = mimetypes.guess_type(path.name)
    if kind is None or encoding is not None:
        return "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind in _TEXT else kind
