"""WebSocket without I/O: frames, compression, handshake, connection (RFC 6455, 7692, 8441)."""
