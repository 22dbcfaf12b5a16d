# SPDX-License-Identifier: Apache-2.0
"""Command and response APDUs (ISO/IEC 7816-3 §12.1, ISO/IEC 7816-4 §5).

A command is parsed once into `Command`; `le` is `None` when no answer is expected, and the maximum (256, or 65536 in
the extended form) when the field is zero.  Short form is written whenever the values fit it and the command was not
extended before.
"""

from dataclasses import dataclass, field
from typing import Final

from tegata.messages import TegataError


class ApduError(TegataError):
    """The bytes are no APDU (`codecs.apdu_malformed`)."""


class SW:
    """Status words (ISO/IEC 7816-4 §5.6) that Tegata's cards answer."""

    OK: Final = 0x9000
    END_OF_FILE: Final = 0x6282
    DEACTIVATED: Final = 0x6283
    NOT_VERIFIED: Final = 0x6300
    TRIES_LEFT: Final = 0x63C0
    MEMORY_FAILURE: Final = 0x6581
    WRONG_LENGTH: Final = 0x6700
    LOGICAL_CHANNEL: Final = 0x6881
    SECURE_MESSAGING: Final = 0x6882
    NOT_ALLOWED: Final = 0x6900
    INCOMPATIBLE_FILE: Final = 0x6981
    SECURITY_STATUS: Final = 0x6982
    BLOCKED: Final = 0x6983
    DATA_INVALIDATED: Final = 0x6984
    CONDITIONS: Final = 0x6985
    NO_CURRENT_EF: Final = 0x6986
    SM_MISSING: Final = 0x6987
    SM_INCORRECT: Final = 0x6988
    WRONG_DATA: Final = 0x6A80
    NOT_SUPPORTED: Final = 0x6A81
    FILE_NOT_FOUND: Final = 0x6A82
    RECORD_NOT_FOUND: Final = 0x6A83
    NO_SPACE: Final = 0x6A84
    WRONG_P1P2: Final = 0x6A86
    REFERENCE_NOT_FOUND: Final = 0x6A88
    WRONG_OFFSET: Final = 0x6B00
    INS_NOT_SUPPORTED: Final = 0x6D00
    CLA_NOT_SUPPORTED: Final = 0x6E00
    UNKNOWN: Final = 0x6F00


@dataclass(frozen=True, slots=True)
class Command:
    """A command APDU.  `data` may hold a PIN and never appears in a repr."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = field(default=b"", repr=False)
    le: int | None = None
    extended: bool = field(default=False, compare=False)

    def to_bytes(self) -> bytes:
        """Return the encoding: short form if it fits, else extended (ISO/IEC 7816-4 §5.2).

        Raises `ApduError` for more data than an APDU can carry.
        """
        if len(self.data) > 0xFFFF:
            raise ApduError("codecs.apdu_malformed", clause="ISO/IEC 7816-4 §5.2")
        head = bytes((self.cla, self.ins, self.p1, self.p2))
        if self.extended or len(self.data) > 255 or (self.le or 0) > 256:
            return head + self._extended()
        lc = bytes((len(self.data),)) + self.data if self.data else b""
        le = b"" if self.le is None else bytes((self.le & 0xFF,))
        return head + lc + le

    def _extended(self) -> bytes:
        lc = b"\x00" + len(self.data).to_bytes(2, "big") + self.data if self.data else b""
        if self.le is None:
            return lc
        le = (self.le & 0xFFFF).to_bytes(2, "big")
        return lc + le if lc else b"\x00" + le

    @classmethod
    def parse(cls, raw: bytes) -> "Command":
        """Read a command; raises `ApduError` when the lengths do not agree (ISO/IEC 7816-3 §12.1.3, cases 1 to 4)."""
        if len(raw) < 4:
            raise ApduError("codecs.apdu_malformed", clause="ISO/IEC 7816-4 §5.1")
        cla, ins, p1, p2 = raw[:4]
        data, le, extended = _body(raw[4:])
        return cls(cla, ins, p1, p2, data, le, extended)


def _body(body: bytes) -> tuple[bytes, int | None, bool]:
    if not body:
        return b"", None, False
    if len(body) == 1:
        return b"", body[0] or 256, False
    if body[0]:
        return (*_tail(body[1:], body[0], 1, 256), False)
    if len(body) == 3:
        return b"", int.from_bytes(body[1:], "big") or 65536, True
    if len(body) > 3 and (length := int.from_bytes(body[1:3], "big")):
        return (*_tail(body[3:], length, 2, 65536), True)
    raise ApduError("codecs.apdu_malformed", clause="ISO/IEC 7816-3 §12.1.3")


def _tail(rest: bytes, lc: int, width: int, most: int) -> tuple[bytes, int | None]:
    if len(rest) == lc:
        return rest, None
    if len(rest) == lc + width:
        return rest[:lc], int.from_bytes(rest[lc:], "big") or most
    raise ApduError("codecs.apdu_malformed", clause="ISO/IEC 7816-3 §12.1.3")


@dataclass(frozen=True, slots=True)
class Response:
    """A response APDU: data and status word `sw`."""

    data: bytes = field(default=b"", repr=False)
    sw: int = SW.OK

    @property
    def ok(self) -> bool:
        """Whether the command was carried out (`9000`)."""
        return self.sw == SW.OK

    @property
    def tries_left(self) -> int | None:
        """Tries left when the status word says so (`63Cx`), else `None`."""
        return self.sw & 0x0F if self.sw & 0xFFF0 == SW.TRIES_LEFT else None

    def to_bytes(self) -> bytes:
        """Return data followed by the status word."""
        return self.data + self.sw.to_bytes(2, "big")

    @classmethod
    def parse(cls, raw: bytes) -> "Response":
        """Read a response; raises `ApduError` when it is shorter than a status word."""
        if len(raw) < 2:
            raise ApduError("codecs.apdu_malformed", clause="ISO/IEC 7816-4 §5.1")
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))
