"""What the house rules forgive, each with its reason; an entry that forgives nothing fails the test."""

# "path:name" of functions that take a boolean by position.
BOOLEANS: dict[str, str] = {
    "src/everywire/engine/borrowed.py:Borrowed.reading": "implements Link.reading, which its .pxd types",
    "src/everywire/engine/portable.py:Stream.reading": "implements Link.reading, which its .pxd types",
}

# "path:name" of functions with more parameters than the rule allows.
PARAMETERS: dict[str, str] = {
    "src/everywire/engine/tls.py:TlsLink.__init__": "what TLS needs, each option a keyword of its own",
    "src/everywire/brokers/memory/broker.py:MemoryBroker.__init__": "what it needs of the world, and its options, each a keyword of its own",
    "src/everywire/ws/handshake.py:make_request": "what a handshake may carry, each a keyword of its own",
    "src/everywire/servers/websocket.py:serve.__init__": "a server's options, each a keyword of its own, are its public face",
    "src/everywire/dialects/signalr/dialect.py:SignalRDialect.__init__": "a hub's options, each a keyword of its own, are its public face",
    "src/everywire/client/hub.py:Client.stream": "what a call may carry, each a keyword of its own, with their types",
    "src/everywire/client/websocket.py:connect.__init__": "a client's options, each a keyword of its own, are its public face",
}

# Modules, as paths below src/everywire, without a test module of their own.
UNTESTED: dict[str, str] = {
    "dialects/signalr/message.py": "a value; test_texts and test_packed beside it look at all of it",
    "django/migrations/0001_initial.py": "tests/django/test_models.py looks whether it makes what the models say",
    "gateway/relay.py": "an interface; tests/gateway/test_lines.py has a relay pass a request on",
    "http/handed.py": "a value; tests/engine/test_opening_handed.py and tests/gateway/test_moving.py say what becomes of it",
    "messages/commands.py": "values; tests/test_messages.py looks at all of them",
    "messages/events.py": "values; tests/test_messages.py looks at all of them",
    "messages/flow.py": "values; tests/test_messages.py looks at all of them",
    "messages/values.py": "values; tests/test_messages.py looks at all of them",
    "ws/plain.py": "stands in for Cython's own module, whose names it repeats; every test of the plain build uses it",
}

# Test files that may sleep.
SLEEPING: dict[str, str] = {}
