"""The hub's limits and times, each with its default."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from everywire.bounds import COUNT, TIME, check
from everywire.http.forwarded import networks
from everywire.hub.access.rates import Rate
from everywire.messages import Heartbeat

__all__ = ["Settings"]

_COMMANDS = Rate(5_000, 50_000)
_RECEIVED = Rate(8 << 20, 32 << 20)
_PUBLISHES = Rate(2_000, 20_000)
_SUBSCRIBES = Rate(100, 1_000)
_GUESSES = Rate(20 / 60, 20)
_LEAST_WINDOW = 16
_BOUNDS = {  # what must be more than nothing for a hub to work
    **dict.fromkeys(("lease", "check_every", "connect_deadline"), TIME),
    **dict.fromkeys(("max_name", "max_data", "max_changes", "change_tries"), COUNT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Limits (counts, bytes) and times (seconds) of one hub, each told in docs/settings.md; a rate that is None is no limit.

    Raises `ValueError` for what is negative or no number, `TypeError` for what is no rate.
    """

    linger: float = 10.0  # how long a session outlives its transport
    resume_ttl: float = 3600.0  # how long a session's secret brings it back after that
    connect_deadline: float = 10.0  # from the transport's opening to its `connect`
    expiry_grace: float = 30.0  # from the end of a token's time to that of its session's connection
    revocation: float = 86_400.0  # how long a revocation is kept unless it says otherwise; at least a token's life
    max_token: int = 8 * 1024  # characters of a token
    token_parameter: str | None = None  # of an address's query, where a token may stand that cannot stand elsewhere
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    lease: float = (
        3.0  # how long a node holds its places in channels without saying so again; it does three times in it
    )
    max_channels: int = 128  # subscriptions of one session
    max_name: int = 255  # characters in a channel's name
    max_data: int = 64 * 1024  # bytes of application data in one command
    max_info: int = 1024  # bytes of what a client tells about itself
    max_waiting: int = 256  # commands of one session that wait for an earlier one
    max_page: int = 1_000  # publications in one answer; a client asks on for the rest
    max_page_bytes: int = 256 * 1024  # bytes of their data; one publication is always given
    max_pages: int = 16  # answers to one command, or pages that are all for others; a client asks on for the rest
    commands: Rate | None = _COMMANDS  # of one session; who goes on beyond twice the burst is closed with 1008
    received: Rate | None = _RECEIVED  # bytes of one session; closed with 1008 beyond that
    publishes: Rate | None = _PUBLISHES  # of one user, of one session where nobody knows the user
    subscribes: Rate | None = _SUBSCRIBES  # of one session
    guesses: Rate | None = _GUESSES  # of one address: secrets of sessions, ids of lines, keys that are made up
    max_user_sessions: int = 256  # connected at once, on one node
    max_address_connections: int = 4_096  # of one address, on one node
    max_address_unconnected: int = 1_000  # of these, before their `connect`
    trusted_proxies: tuple[str, ...] = ()  # whose X-Forwarded-For is believed; "unix": sockets
    check_every: float = 5.0  # between two looks at whether all that the broker has was heard here
    max_held: int = 1_000  # events kept for one subscription while history is read
    call_deadline: float | None = 60.0  # for a handler's answer; None: for ever. A stream has none but its client's
    finish_grace: float = 5.0  # for handlers that are to finish, when the server ends
    answer_deadline: float = 10.0  # for a client's answer to a call of the server
    max_calls: int = 64  # handlers of one session's calls that are at work at a time
    max_unfinished: int = 10_000  # handlers at work that go on without their clients, of all sessions together
    max_asked: int = 64  # calls of the server to one client that wait for its answer
    max_credit: int = 65_536  # items that a client may say it takes, at any moment
    stream_window: int = 16  # items of one client's stream under way; 16 at least, with which clients begin
    max_stream_bytes: int = 4 * 1024 * 1024  # bytes of the items of one session's streams that wait for their handlers
    hold_deadline: float = 5.0  # how long a client without credit is not heard for their sake
    round_deadline: float = 5.0  # for all nodes to answer what is asked of all of them
    max_gathered: int = 10_000  # sessions of one listing, or that one call asks, on all nodes
    max_gathered_bytes: int = 16 * 1024 * 1024  # of what is said of them, or of what they answer
    max_changes: int = 64  # hooks for joins and leaves under way at a time
    change_tries: int = 5  # how often such a hook is tried that fails

    def __post_init__(self) -> None:
        for each in fields(self):
            value, usual = getattr(self, each.name), each.default
            if isinstance(usual, Rate) and not isinstance(value, Rate | None):
                raise TypeError(
                    f"settings: {each.name} is a Rate(per_second, burst), or None for no limit, not {value!r}"
                )
            if not isinstance(usual, int | float) or (value is None and each.name == "call_deadline"):
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ValueError(f"settings: {each.name} is a number and not negative, not {value!r}")
        check(self, _BOUNDS, "settings: ")
        if self.stream_window < _LEAST_WINDOW:
            raise ValueError(f"settings: stream_window is {_LEAST_WINDOW} at least, with which clients begin")
        if not isinstance(self.heartbeat, Heartbeat):
            raise TypeError(f"settings: heartbeat is a Heartbeat(every, patience), not {self.heartbeat!r}")
        proxies: object = self.trusted_proxies
        if isinstance(proxies, str):
            raise TypeError(f"settings: trusted_proxies are several: ({proxies!r},)")
        try:
            networks(self.trusted_proxies)
        except ValueError as error:
            raise ValueError(f"settings: trusted_proxies: {error}; they are addresses, networks and 'unix'") from None
