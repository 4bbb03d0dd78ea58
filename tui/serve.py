"""The same app as a web page: textual-serve behind a secret, so that no other page and no other user can drive it."""

from __future__ import annotations

import asyncio
import errno
import hmac
import ipaddress
import logging
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
from aiohttp import web
from textual_serve.server import Server

from engine.errors import StyloraError
from engine.workspace import Workspace
from tui import console, themes

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PAGE = Path(__file__).with_name("page")
SCRIPTS = "'self' 'unsafe-inline'"
"""The page has its script and style in it, and all else from this server: nothing is asked of anybody's network."""


def command() -> str:
    """The shell command that shows the app, from a checkout too."""
    home = Path(__file__).resolve().parents[1]
    if (home / "pyproject.toml").exists():
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(home), os.environ.get("PYTHONPATH")]))
    return shlex.join([sys.executable, "-P", "-m", "tui.cli"])


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class PrivateServer(Server):
    """Answers only who brings the secret of its address: once in the address, then in a cookie."""

    def __init__(self, host: str, port: int, shown: str | None = None) -> None:
        """`shown` is the command that shows the app, by default ours."""
        super().__init__(shown or command(), host, port, title="Stylora", templates_path=PAGE)
        self.secret = secrets.token_urlsafe(24)
        self.cookie = f"stylora-{port}"

    @property
    def address(self) -> str:
        """What to open in a browser."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.port}/?key={self.secret}"

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    def _guard(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._refuse_strangers(request)
            key = request.query.get("key", "")
            if request.path == "/" and key and self._knows(key):
                # The secret does not stay in the address line.
                answer: web.StreamResponse = web.Response(status=303, headers={"Location": "/"})
                answer.set_cookie(self.cookie, self.secret, httponly=True, samesite="Strict", path="/")
            elif self._knows(request.cookies.get(self.cookie, "")):
                answer = await handler(request)
            else:
                raise web.HTTPForbidden(text="open the address that 'stylora serve' printed: it holds the key\n")
            if not answer.prepared:
                answer.headers.update(self._headers(request))
            return answer

        return guard

    def _knows(self, told: str) -> bool:
        return hmac.compare_digest(told.encode(), self.secret.encode())

    def _refuse_strangers(self, request: web.Request) -> None:
        """A page of another origin, or of a name that was bent to this address, has no business here."""
        name = urlsplit(f"//{request.host}").hostname or ""
        if is_loopback(self.host) and not is_loopback(name):
            raise web.HTTPForbidden(text=f"{name}: not a name of this machine's own\n")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="asked for by another page\n")

    @staticmethod
    def _headers(request: web.Request) -> dict[str, str]:
        sockets = f"ws://{request.host} wss://{request.host}"
        policy = f"default-src 'self'; script-src {SCRIPTS}; style-src {SCRIPTS}; img-src 'self' data:; "
        policy += f"connect-src 'self' {sockets}; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
        return {
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }

    @aiohttp_jinja2.template("app_index.html")
    async def handle_index(self, request: web.Request) -> dict[str, Any]:
        """The page, with addresses as the browser sees this server: it may come through an SSH tunnel."""
        size = request.query.get("fontsize", "")
        return {
            "font_size": int(size) if size.isdecimal() else 16,
            "app_websocket_url": f"ws://{request.host}/ws",
            "config": {"static": {"url": "/static/"}},
            "application": {"name": self.title},
            "colours": themes.DARK,
        }

    def initialize_logging(self) -> None:
        """Warnings only, and no local variables, which would be the user's text."""
        logging.basicConfig(level=logging.ERROR, format="stylora: %(message)s")

    async def on_startup(self, app: web.Application) -> None:
        console.line(self.address)
        console.errors.print("open it in a browser; Ctrl-C stops serving, jobs go on in the background", style="dim")


def _free_port(host: str, port: int) -> int:
    """`port` if it can be listened at, or any free one for 0. Raises `StyloraError` with what to do."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
            return int(trial.getsockname()[1])
    except OSError as error:
        what = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be listened at ({error.strerror})"
        raise StyloraError(f"{host} port {port} {what}; give another --port, or 0 for a free one") from None


def serve_app(workspace: Workspace, host: str, port: int) -> None:
    """Serve the app of `workspace` until Ctrl-C; prints the address with its secret."""
    port = _free_port(host, port)
    if not is_loopback(host):
        console.errors.print(
            f"! {host} is reached from other machines, and what they send is not encrypted: whoever reads the address "
            "can do all that you can here; safer is 'ssh -L 8000:localhost:8000' to a server left at 127.0.0.1"
        )
    os.chdir(workspace.root)
    asyncio.set_event_loop(asyncio.new_event_loop())
    PrivateServer(host, port).serve()
