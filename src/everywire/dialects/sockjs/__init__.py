"""SockJS, protocol 0.3.3: strings, over whatever gets through."""

from everywire.dialects.sockjs.dialect import SockJSDialect
from everywire.dialects.sockjs.frames import Speech
from everywire.dialects.sockjs.routes import Offer

__all__ = ["Offer", "SockJSDialect", "Speech"]
