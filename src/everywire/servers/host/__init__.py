"""An ASGI application on our own server: its scopes, its HTTP, its WebSockets, its lifespan."""
