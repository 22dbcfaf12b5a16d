# SPDX-License-Identifier: Apache-2.0
"""JPKI's facts as data: object identifiers, names, attributes, municipalities, file maps, PIN rules, assumptions.

Every table cites its source.  What is not publicly known is an entry of `assumptions.toml`, and nowhere else.
"""

from enum import StrEnum


class Kind(StrEnum):
    """Which of the two certificates: 署名用 (`signing`) or 利用者証明用 (`authentication`)."""

    SIGNING = "signing"
    AUTHENTICATION = "authentication"


class Carrier(StrEnum):
    """What carries the key: the My Number Card, or a phone (移動端末設備)."""

    CARD = "card"
    PHONE = "phone"
