"""The face for FastAPI: a real router, and FastAPI's dependencies in handlers, hooks and rules.

    rt = Everywire()
    api = FastAPI()
    api.include_router(router(rt, prefix="/rt", user=current_user))

    @rt.on("say")
    async def say(message: Message, user: Annotated[User, Depends(current_user)], db: Annotated[Session, Depends(session)]): ...

All of it is told in docs/fastapi.md.
"""

try:
    import fastapi as _fastapi  # noqa: F401 - whether it is there
except ImportError:
    raise ImportError("this is for FastAPI, which is not installed: install everywire[fastapi]") from None

from everywire.fastapi.asking import CurrentCaller, CurrentConnecting
from everywire.fastapi.routing import router

__all__ = ["CurrentCaller", "CurrentConnecting", "router"]
