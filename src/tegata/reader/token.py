# SPDX-License-Identifier: Apache-2.0
"""The token info of the JPKI application: PKCS#11's CK_TOKEN_INFO with big-endian numbers, 160 bytes.

Source: soltia48/myna-card src/ap/jpki.rs; the label alone is read by every client.
"""

from dataclasses import dataclass
from typing import Any, Final

from tegata.reader.errors import BadContent

CARD: Final = "JPKIAPICCTOKEN2"
KINDS: Final = {
    CARD: "My Number Card",
    "JPKIAPICCTOKEN": "Basic Resident Register Card",
    "JPKIAPGPSETOKEN": "Android phone",
    "JPKIAPIOSTOKEN": "iPhone",
}
"""Labels, and what carries them; the last one stands in one public source only."""

_LABEL, _MAKER, _MODEL, _SERIAL = slice(0, 32), slice(32, 64), slice(64, 80), slice(80, 96)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """What the token says of itself."""

    label: str
    manufacturer: str
    model: str
    serial: str

    @classmethod
    def parse(cls, content: bytes) -> "TokenInfo":
        """Read file 0006; fields that are missing are empty.  Raises `BadContent` unless they can be shown."""
        return cls(*(_text(content[part]) for part in (_LABEL, _MAKER, _MODEL, _SERIAL)))

    @property
    def kind(self) -> str:
        """What carries this token, in words; the label where it is not known."""
        return KINDS.get(self.label, self.label)

    def to_json(self) -> dict[str, Any]:
        """Return the members that scripts read."""
        shown = {"manufacturer": self.manufacturer, "model": self.model, "serial": self.serial}
        return {"token": self.label, "kind": self.kind, **shown}


def _text(field: bytes) -> str:
    try:
        text = field.decode("ascii").strip(" \0")
    except UnicodeDecodeError as error:
        raise BadContent("token_info") from error
    if not text.isprintable():
        raise BadContent("token_info")
    return text
