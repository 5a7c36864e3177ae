"""Real proxies that stand in the way: nginx, HAProxy, squid, tinyproxy, each with the habits of some network."""

from __future__ import annotations

import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import testbed

NGINX = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{front};
    location / {{ proxy_pass http://127.0.0.1:{back}; proxy_set_header Host $http_host; {habits} }}
  }}
}}
"""
# What Debian's nginx does when nobody tells it about WebSocket: HTTP/1.0 upstream, no Upgrade, answers buffered.
BUFFERS = "proxy_buffering on; proxy_buffer_size 16k; proxy_buffers 8 64k; proxy_ignore_headers X-Accel-Buffering;"
PRESSES = BUFFERS + " gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;"
STREAMS = "proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection '';"
UPGRADES = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"

HAPROXY = """\
global
  maxconn 500
  stats socket {folder}/admin level admin
defaults
  mode http
  timeout connect 5s
  timeout client {idle}
  timeout server {idle}
  timeout tunnel {idle}
frontend front
  bind 127.0.0.1:{front}
  {habits}
  default_backend back
backend back
  server under-test 127.0.0.1:{back}
"""
STRIPS = "http-request del-header Upgrade"
PROMPT = STRIPS + "\n  option http-no-delay"
STRIPS_AT_FIRST = "http-request del-header Upgrade unless {{ src -f {folder}/allowed }}\n  option http-no-delay"

# Every request goes to the next worker, over a connection of its own; the log says which one it was.
BALANCER = """\
global
  maxconn 1000
  stats socket {folder}/admin level admin
  log stdout format raw local0 info
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout tunnel 600s
  log global
  log-format "%s %HM %HP"
  option http-no-delay
  option http-server-close
frontend front
  bind 127.0.0.1:{front}
  default_backend workers
backend workers
  balance roundrobin
  http-reuse never
  {servers}
"""

SQUID = """\
http_port 127.0.0.1:{front} {mode}
{habits}
http_access {access}
cache deny all
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
access_log none
coredump_dir {folder}
pinger_enable off
shutdown_lifetime 0 seconds
error_directory {share}/squid-langpack/templates
icon_directory {share}/squid/icons
mime_table {share}/squid/mime.conf
unlinkd_program {lib}/unlinkd
logfile_daemon {lib}/log_file_daemon
"""

TINYPROXY = """\
Port {front}
Listen 127.0.0.1
Timeout 600
MaxClients 100
LogFile "{folder}/asked.log"
LogLevel Connect
PidFile "{folder}/tinyproxy.pid"
ConnectPort {back}
Filter "{folder}/filter"
FilterDefaultDeny No
"""


def free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int, log: Path) -> Iterator[int]:
    """Run a proxy in the foreground until the context ends; it is killed by its own process id."""
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        _wait_for(port, process, log)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        select.select([], [], [], 0.02)  # between two looks at another process
    raise RuntimeError(f"{process.args!r} does not listen: {log.read_text()[-2000:]}")


@contextmanager
def nginx(back: int, folder: Path, habits: str) -> Iterator[int]:
    """nginx in front of port `back`."""
    folder.mkdir(parents=True, exist_ok=True)
    front = free_port()
    path, environment = testbed.packaged("nginx")
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, front=front, back=back, habits=habits))
    command = [path, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(file)]
    with running(command, environment, front, folder / "nginx.out") as port:
        yield port


@contextmanager
def haproxy(back: int, folder: Path, habits: str = "", idle: str = "600s") -> Iterator[int]:
    """HAProxy in front of port `back`; what is silent for `idle` is cut."""
    folder.mkdir(parents=True, exist_ok=True)
    front = free_port()
    path, environment = testbed.packaged("haproxy")
    file = folder / "haproxy.cfg"
    (folder / "allowed").touch()
    habits = habits.format(folder=folder)
    file.write_text(HAPROXY.format(folder=folder, front=front, back=back, habits=habits, idle=idle))
    with running([path, "-db", "-f", str(file)], environment, front, folder / "haproxy.out") as port:
        yield port


@contextmanager
def balancer(backs: list[int], folder: Path) -> Iterator[int]:
    """HAProxy in front of several ports, with no idea of sessions."""
    folder.mkdir(parents=True, exist_ok=True)
    front = free_port()
    path, environment = testbed.packaged("haproxy")
    servers = "\n  ".join(f"server w{place} 127.0.0.1:{back}" for place, back in enumerate(backs))
    file = folder / "haproxy.cfg"
    file.write_text(BALANCER.format(folder=folder, front=front, servers=servers))
    with running([path, "-db", "-f", str(file)], environment, front, folder / "haproxy.out") as port:
        yield port


def tell(folder: Path, command: str) -> None:
    """Tell the HAProxy of `folder` something while it runs."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(folder / "admin"))
        line.sendall(f"{command}\n".encode())
        assert line.recv(1000) == b"\n"


def allow(folder: Path) -> None:
    """Have the HAProxy of `folder` let upgrades through from now on, where it was `STRIPS_AT_FIRST`."""
    tell(folder, f"add acl {folder}/allowed 127.0.0.1")


@contextmanager
def squid(back: int | None, folder: Path, habits: str = "") -> Iterator[int]:
    """squid: in front of port `back`, or as a forward proxy that only knows CONNECT."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    front = free_port()
    path, environment = testbed.packaged("squid")
    root = Path(path).parents[2]
    if back is None:
        mode, access, more = "", "allow CONNECT\nhttp_access deny all", "acl CONNECT method CONNECT"
    else:
        mode, access = "accel defaultsite=127.0.0.1 no-vhost", "allow all"
        more = f"cache_peer 127.0.0.1 parent {back} 0 no-query originserver"
    share = root / "usr/share" if (root / "usr/share/squid").exists() else Path("/usr/share")
    places = {"folder": folder, "front": front, "share": share, "lib": share.parent / "lib" / "squid"}
    file = folder / "squid.conf"
    file.write_text(SQUID.format(mode=mode, access=access, habits=f"{more}\n{habits}", **places))
    with running([path, "-N", "-f", str(file)], environment, front, folder / "squid.out") as port:
        yield port


@contextmanager
def tinyproxy(back: int, folder: Path) -> Iterator[int]:
    """tinyproxy: a forward proxy that lets CONNECT through to port `back`."""
    folder.mkdir(parents=True, exist_ok=True)
    front = free_port()
    path, environment = testbed.packaged("tinyproxy", "tinyproxy-bin")
    (folder / "filter").write_text("")
    file = folder / "tinyproxy.conf"
    file.write_text(TINYPROXY.format(front=front, back=back, folder=folder))
    with running([path, "-d", "-c", str(file)], environment, front, folder / "tinyproxy.out") as port:
        yield port
