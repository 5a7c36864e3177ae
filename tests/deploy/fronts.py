"""The proxies of deploy/, started as their files say, but for ports, names and certificates."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.middlemen.proxies import free_port, running

import testbed

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {live}
}}
"""
CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"


def changed(text: str, changes: dict[str, str]) -> str:
    """Give `text` with each of these replaced; each has to be there."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(
    back: int, folder: Path, certificate: Path, key: Path, otherwise: dict[str, str] | None = None
) -> Iterator[int]:
    """nginx by deploy/nginx/live.conf, with some of it said `otherwise`."""
    front = free_port()
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{back}",
        "listen 443": f"listen 127.0.0.1:{front}",
        "listen 80": f"listen 127.0.0.1:{free_port()}",
        "live.example": "localhost",
        "/etc/ssl/live/certificate.pem": str(certificate),
        "/etc/ssl/live/key.pem": str(key),
    }
    live = changed((DEPLOY / "nginx/live.conf").read_text(), changes | (otherwise or {}))
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, live=live))
    path, environment = testbed.packaged("nginx")
    command = [path, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with running(command, environment, front, folder / "nginx.out") as port:
        yield port


@contextmanager
def haproxy(back: int, folder: Path, certificate: Path, key: Path) -> Iterator[int]:
    """HAProxy by deploy/haproxy/haproxy.cfg."""
    front = free_port()
    (folder / "live.pem").write_bytes(certificate.read_bytes() + key.read_bytes())
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{back}",
        "bind :443": f"bind 127.0.0.1:{front}",
        "bind :80": f"bind 127.0.0.1:{free_port()}",
        "/etc/ssl/live/live.pem": str(folder / "live.pem"),
        "maxconn 100000": "maxconn 500",
        "  user haproxy\n  group haproxy\n": "",
    }
    (folder / "haproxy.cfg").write_text(changed((DEPLOY / "haproxy/haproxy.cfg").read_text(), changes))
    path, environment = testbed.packaged("haproxy")
    command = [path, "-db", "-f", str(folder / "haproxy.cfg")]
    with running(command, environment, front, folder / "haproxy.out") as port:
        yield port


@contextmanager
def caddy(back: int, folder: Path, certificate: Path, key: Path) -> Iterator[int]:
    """Caddy by deploy/caddy/Caddyfile; its certificate is not fetched."""
    front = free_port()
    site = "{$LIVE_HOST:live.example} {\n"
    changes = {site: f"{site}\ttls {certificate} {key}\n"}
    (folder / "Caddyfile").write_text(CADDY + changed((DEPLOY / "caddy/Caddyfile").read_text(), changes))
    path, environment = testbed.packaged("caddy")
    told = {
        "LIVE_HOST": f"https://localhost:{front}",
        "LIVE_UPSTREAM": f"127.0.0.1:{back}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HOME": str(folder),
    }
    command = [path, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with running(command, {**os.environ, **environment, **told}, front, folder / "caddy.out") as port:
        yield port
