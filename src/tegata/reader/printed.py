# SPDX-License-Identifier: Apache-2.0
"""The face of the card as the surface application holds it (file 0002): pictures and dates, as they are printed.

Source: soltia48/myna-card src/ap/surface.rs.  What stands here is read, not believed: `authenticity` checks who signed.
"""

from dataclasses import dataclass, field
from typing import Final

from tegata.codecs import tlv
from tegata.reader.errors import BadContent

_FACE: Final = 0xFF20
_BIRTH, _SEX, _NAME, _ADDRESS, _PHOTO, _EXPIRY, _CODE = 0xDF22, 0xDF23, 0xDF25, 0xDF26, 0xDF27, 0xDF29, 0xDF2A


@dataclass(frozen=True, slots=True)
class Face:
    """Birth and expiry `YYYYMMDD`, sex as one digit, name, address and security code as PNG, the photo as JPEG 2000."""

    birth: str = field(repr=False)
    sex: str = field(repr=False)
    name: bytes = field(repr=False)
    address: bytes = field(repr=False)
    photo: bytes = field(repr=False)
    expiry: str = field(repr=False)
    security_code: bytes = field(repr=False)

    @classmethod
    def parse(cls, content: bytes) -> "Face":
        """Read file 0002; raises `BadContent`."""
        try:
            outer = tlv.parse_one(content)
            found = {one.tag: one.value for one in tlv.parse(outer.value)}
            birth, sex, expiry = (found[tag].decode("ascii") for tag in (_BIRTH, _SEX, _EXPIRY))
            face = cls(birth, sex, found[_NAME], found[_ADDRESS], found[_PHOTO], expiry, found[_CODE])
        except (tlv.TlvError, KeyError, UnicodeDecodeError) as error:
            raise BadContent("face") from error
        if outer.tag != _FACE or not all(text.isdigit() for text in (birth, sex, expiry)):
            raise BadContent("face")
        return face

    def pictures(self) -> dict[str, bytes]:
        """Return the pictures by the names of the files that they may be written to."""
        return {
            "name.png": self.name,
            "address.png": self.address,
            "photo.jp2": self.photo,
            "security-code.png": self.security_code,
        }
