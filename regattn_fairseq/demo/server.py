"""The web server of the page, with limits on who may reach it and on the size of requests."""

import ipaddress
import logging
import socket

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regattn_fairseq.demo.page import CSS, THEME
from regattn_fairseq.runs.errors import PipelineError

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 2**20

# Gradio's page refers to fonts, scripts and pictures on other servers. This policy keeps browsers
# from loading them.
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that is bound to this name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Bind the port, before anything slow is done.

    Raises:
        PipelineError: the port is taken, or cannot be bound.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PipelineError(
            f"cannot listen at host={host} port={port} ({reason}): choose another port=…, or "
            "port=0 for any that is free"
        ) from error
    return listener


def application(page: gr.Blocks, host: str) -> FastAPI:
    """Wrap the page in the middleware that protects it.

    If the page is bound to a loopback address, it answers only requests to a loopback name. This
    refuses a foreign web page whose own name was made to point to this machine (DNS rebinding).
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(_Bounds)
    if is_loopback(host):
        app.add_middleware(
            TrustedHostMiddleware,
            allowed_hosts=list({"localhost", "127.0.0.1", "::1", "[::1]", host}),
            www_redirect=False,
        )
    return gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=THEME,
        css=CSS,
        ssr_mode=False,
        show_error=True,
        max_file_size=1,  # the page takes no files
        footer_links=[],
    )


def answer(page: gr.Blocks, listener: socket.socket, host: str) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    port = listener.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    if not is_loopback(host):
        logger.warning(
            "host=%s: everybody who can reach this machine can use the page; it asks for no "
            "password",
            host,
        )
    config = uvicorn.Config(
        application(page, host), log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    listener.listen()  # requests that come before all is ready wait
    logger.info("http://%s:%d (Ctrl-C ends it)", shown, port)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        logger.info("ended")


class _Bounds:
    """Refuse large bodies, and forbid browsers to load anything from other servers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection, as ASGI defines it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read = 0

        async def bounded() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BODY_BYTES:
                raise HTTPException(413, f"at most {MAX_BODY_BYTES} bytes are read")
            return message

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Content-Security-Policy"] = POLICY
            await send(message)

        await self.app(scope, bounded, with_policy)
