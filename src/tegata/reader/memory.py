# SPDX-License-Identifier: Apache-2.0
"""A card that lives in this process, as a reader sees it."""

from dataclasses import dataclass

from tegata.reader.script import Element, Transmit


def insert(element: Element) -> Transmit:
    """Put a card on the reader: it is reset, and answers through what is returned."""
    element.reset()
    return element.transmit


@dataclass(frozen=True, slots=True)
class Answering:
    """The same card behind another interface: only its answer to reset, `atr`, is another."""

    element: Element
    atr: bytes

    def transmit(self, command: bytes) -> bytes:
        """Answer one command APDU."""
        return self.element.transmit(command)

    def reset(self) -> None:
        """Reset the card."""
        self.element.reset()
