# SPDX-License-Identifier: Apache-2.0
"""Textual encoding of DER (RFC 7468): what people paste and other programs' command lines read."""

import base64
import binascii
import re
import textwrap

from tegata.messages import TegataError

_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\s([A-Za-z0-9+/=\s]{0,1000000}?)-----END \1-----")


class PemError(TegataError):
    """The text holds no such block (`codecs.pem_malformed`)."""


def encode(der: bytes, label: str = "CERTIFICATE") -> str:
    """Return the text form, lines of 64 characters, with a newline at its end (RFC 7468 §2)."""
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode("ascii"), 64))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n"


def decode(text: bytes, label: str = "CERTIFICATE") -> list[bytes]:
    """Return every block of this label, in order; raises `PemError` when there is none or one is no base64."""
    try:
        found = [
            base64.b64decode(b"".join(body.split()), validate=True)
            for name, body in _BLOCK.findall(text)
            if name.decode("ascii") == label
        ]
    except binascii.Error as error:
        raise PemError("codecs.pem_malformed", clause="RFC 7468 §3", label=label) from error
    if not found:
        raise PemError("codecs.pem_malformed", clause="RFC 7468 §3", label=label)
    return found


def der_or_pem(content: bytes, label: str = "CERTIFICATE") -> bytes:
    """Return the DER of a file that is either DER already or holds one PEM block; raises `PemError`."""
    return content if content[:1] == b"\x30" else decode(content, label)[0]
