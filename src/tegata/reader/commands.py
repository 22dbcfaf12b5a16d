# SPDX-License-Identifier: Apache-2.0
"""Single steps of a conversation with a My Number Card or the phone's applet, as scripts.

They send what clients of the real card send (SELECT with P2=0C, READ BINARY in blocks of 256, `80 2A` on the selected
key) and turn status words into errors.  No step ever sends a PIN twice.
"""

from tegata.codecs import der
from tegata.codecs.apdu import SW, Command, Response
from tegata.jpki import card_map
from tegata.reader.errors import BadContent, Blocked, CardRefused, NotACard, PinRequired, WrongPin
from tegata.reader.script import Script, send

BLOCK = 256
"""Bytes per READ BINARY: the most that a short APDU returns."""

MAX_FILE = 0x7FFF
"""Highest offset that READ BINARY can express."""


def expect(step: str, response: Response) -> Response:
    """Return `response` if it succeeded; raises `PinRequired` for 6982 and `CardRefused` for anything else."""
    if response.ok:
        return response
    if response.sw == SW.SECURITY_STATUS:
        raise PinRequired
    raise CardRefused(step, response.sw)


def select_application(name: str, generation: str = "card") -> Script[None]:
    """SELECT an application by its full identifier; raises `NotACard` when it is not there.

    `generation` is the card map's profile; only the rehearsal of the next card (`next`) has other identifiers.
    """
    aid = card_map.application(name, generation).aid
    response = yield from send(Command(0x00, 0xA4, 0x04, 0x0C, aid))
    if response.sw == SW.FILE_NOT_FOUND:
        raise NotACard(name)
    expect("select", response)


def select_ef(ef: int) -> Script[None]:
    """SELECT an elementary file of the current application."""
    expect("select", (yield from send(Command(0x00, 0xA4, 0x02, 0x0C, ef.to_bytes(2, "big")))))


def read_block(offset: int, size: int = BLOCK) -> Script[bytes]:
    """READ BINARY at `offset` of the current file; returns nothing at its end."""
    response = yield from send(Command(0x00, 0xB0, offset >> 8, offset & 0xFF, le=size))
    if response.sw in (SW.WRONG_OFFSET, SW.END_OF_FILE):
        return response.data
    return expect("read", response).data


def read_file(ef: int) -> Script[bytes]:
    """Read a whole file: until the card has no more."""
    yield from select_ef(ef)
    content = b""
    while len(content) <= MAX_FILE:
        block = yield from read_block(len(content))
        content += block
        if len(block) < BLOCK:
            break
    return content


def read_der(ef: int) -> Script[bytes]:
    """Read the DER element at the start of a file, without the filler behind it; empty when the file holds none.

    Raises `BadContent` when it claims to be longer than a file can be: offsets beyond would name other files.
    """
    yield from select_ef(ef)
    content = yield from read_block(0)
    size = _der_size(content)
    if size > MAX_FILE:
        raise BadContent("certificate")
    while len(content) < size:
        block = yield from read_block(len(content), min(BLOCK, size - len(content)))
        if not block:
            return b""
        content += block
    return content[:size]


def _der_size(head: bytes) -> int:
    if len(head) < 4 or head[0] != der.SEQUENCE or head[1] != 0x82:
        return 0
    return 4 + int.from_bytes(head[2:4], "big")


def tries_left(pin: int) -> Script[int]:
    """Ask how many tries a PIN has left; costs none."""
    yield from select_ef(pin)
    response = yield from send(Command(0x00, 0x20, 0x00, 0x80))
    if response.tries_left is None:
        raise CardRefused("retry query", response.sw)
    return response.tries_left


def verify(pin: int, value: bytes) -> Script[None]:
    """Present a PIN once; raises `WrongPin` or `Blocked`."""
    yield from select_ef(pin)
    response = yield from send(Command(0x00, 0x20, 0x00, 0x80, value))
    if response.sw in (SW.BLOCKED, SW.DATA_INVALIDATED) or response.tries_left == 0:
        raise Blocked
    if response.tries_left is not None:
        raise WrongPin(response.tries_left)
    expect("verify", response)


def change(application: str, pin: int, value: bytes, generation: str = "card") -> Script[None]:
    """Set a new PIN; the old one must have been verified in this session."""
    code = card_map.application(application, generation).change
    if code is None:
        raise KeyError(application)
    yield from select_ef(pin)
    p1 = 0x01 if code >> 8 == 0x00 else 0x00
    expect("change", (yield from send(Command(code >> 8, code & 0xFF, p1, 0x80, value))))


def read_record(ef: int, number: int) -> Script[bytes]:
    """READ RECORD by short identifier; returns the record's value."""
    response = expect("read record", (yield from send(Command(0x00, 0xB2, number, ef << 3 | 0x04, le=BLOCK))))
    if len(response.data) < 2 or len(response.data) != 2 + response.data[1]:
        raise BadContent("record")
    return response.data[2:]


def get_data(tag: int) -> Script[bytes]:
    """GET DATA of the issuer security domain, which must be selected; returns nothing when there is no such object."""
    response = yield from send(Command(0x00, 0xCA, tag >> 8, tag & 0xFF, le=65536))
    return b"" if response.sw == SW.REFERENCE_NOT_FOUND else expect("get data", response).data


def sign_by_application(digest: bytes) -> Script[bytes]:
    """Challenge the key of the 券面 application that is selected: `80 2A 00 00` over a DigestInfo, no PIN needed."""
    payload = der.digest_info("sha256", digest)
    return expect("sign", (yield from send(Command(0x80, 0x2A, 0x00, 0x00, payload, le=256)))).data


def authenticate_card(challenge: bytes) -> Script[bytes]:
    """INTERNAL AUTHENTICATE in the common application: its key signs 1 to 255 bytes."""
    key = card_map.application("common").by_role("key.internal").id
    return expect("authenticate", (yield from send(Command(0x00, 0x88, 0x00, 0x80 | key, challenge, 256)))).data


def compute_signature(key: int, p1: int, data: bytes) -> Script[bytes]:
    """COMPUTE DIGITAL SIGNATURE with a key file; `p1` chooses the scheme (00: pad `data` as it is)."""
    yield from select_ef(key)
    return expect("sign", (yield from send(Command(0x80, 0x2A, p1, 0x80, data, le=256)))).data
