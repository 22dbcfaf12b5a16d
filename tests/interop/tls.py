# SPDX-License-Identifier: Apache-2.0
"""A TLS server on loopback that lets nobody in without a client certificate of one authority."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

from interop.pcsc import Run


@dataclass
class Door:
    """The server: its port, its own certificate, and who came in (certificates in DER, versions of TLS)."""

    port: int
    certificate: Path
    visitors: list[tuple[bytes, str]] = field(default_factory=list)


@contextmanager
def door(folder: Path, authority: Path, run: Run) -> Iterator[Door]:
    """Serve HTTPS to whoever shows a certificate of `authority` (PEM), until the end of the context."""
    key, certificate = folder / "server.key", folder / "server.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    new = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-addext", names]
    run("openssl", "req", *new, "-keyout", key, "-out", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    server = Greeting(("127.0.0.1", 0), Greeter)
    found = Door(server.server_address[1], certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.door = found
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class Greeting(ThreadingHTTPServer):
    """A server that knows its door."""

    door: Door

    def handle_error(self, *_: object) -> None:
        """Say nothing of those who were not let in: the visitor knows."""


class Greeter(BaseHTTPRequestHandler):
    """Lets whoever shook hands in, and remembers the certificate."""

    timeout = 10

    def do_GET(self) -> None:
        """Say hello."""
        connection = self.connection
        assert isinstance(connection, ssl.SSLSocket)
        shown, version = connection.getpeercert(binary_form=True), connection.version()
        assert shown
        assert version
        cast(Greeting, self.server).door.visitors.append((shown, version))
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
