"""Plain HTTP beside the WebSocket."""

import pytest

from everywire.http.request import Headers, Request, Response
from everywire.servers.routes import Routes


@pytest.fixture
def routes(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    site = tmp_path / "site"
    (site / "chat").mkdir(parents=True)
    (site / "index.html").write_text("<h1>home</h1>")
    (site / "chat" / "index.html").write_text("chat")
    (site / "app.js").write_text("1")
    (site / "data.bin").write_bytes(b"\x00")
    (site / "out").symlink_to(tmp_path / "secret.txt")
    routes = Routes()
    routes.mount("/", site)
    routes.mount("/deep/", site / "chat")
    routes.add("/health", lambda request: Response(200, "fine"))
    return routes


def ask(routes, target, method="GET", **headers):
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return routes.answer(Request(method, target, Headers(fields)))


@pytest.mark.parametrize(
    ("target", "body", "kind"),
    [
        ("/", b"<h1>home</h1>", "text/html; charset=utf-8"),
        ("/index.html?x=1", b"<h1>home</h1>", "text/html; charset=utf-8"),
        ("/chat/", b"chat", "text/html; charset=utf-8"),
        ("/app.js", b"1", "text/javascript; charset=utf-8"),
        ("/data.bin", b"\x00", "application/octet-stream"),
        ("/deep/", b"chat", "text/html; charset=utf-8"),
        ("/health", b"fine", "text/plain; charset=utf-8"),
    ],
)
def test_what_is_there(routes, target, body, kind):
    answer = ask(routes, target)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, body, kind)


@pytest.mark.parametrize(
    "target",
    [
        "/missing",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/chat/../../secret.txt",
        "//etc/passwd",
        "/..%5csecret.txt",
        "/app.js%00",
        "/out",
        "/app.js/",
        "/" + "x" * 5000,
    ],
)
def test_what_is_not(routes, target):
    assert ask(routes, target).status == 404


def test_a_folder_without_its_slash_is_sent_to_it(routes):
    answer = ask(routes, "/chat?room=a")
    assert (answer.status, answer.headers["location"]) == (308, "/chat/?room=a")


def test_a_redirect_stays_here(routes):
    assert ask(routes, "//chat").status == 404


def test_files_are_only_read(routes):
    answer = ask(routes, "/", "POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert ask(routes, "/", "HEAD").status == 200


def test_what_the_client_has_is_not_sent_again(routes):
    tag = ask(routes, "/app.js").headers["etag"]
    answer = ask(routes, "/app.js", if_none_match=f'"old", W/{tag}')
    assert (answer.status, answer.body) == (304, b"")
    assert ask(routes, "/app.js", if_none_match='"old"').status == 200


def test_files_are_not_taken_for_something_else(routes):
    assert ask(routes, "/data.bin").headers["x-content-type-options"] == "nosniff"


def test_nothing_mounted_is_404():
    assert ask(Routes(), "/").status == 404


@pytest.mark.parametrize("path", ["health", "/health"])
def test_a_route_is_taken_once_and_begins_with_a_slash(routes, path):
    with pytest.raises(ValueError, match="route"):
        routes.add(path, lambda request: Response(200))


def test_a_folder_has_to_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        Routes().mount("/", tmp_path / "nothing")
    with pytest.raises(ValueError, match="slash"):
        Routes().mount("x", tmp_path)
