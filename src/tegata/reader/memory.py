# SPDX-License-Identifier: Apache-2.0
"""A card that lives in this process, as a reader sees it."""

from tegata.reader.script import Element, Transmit


def insert(element: Element) -> Transmit:
    """Put a card on the reader: it is reset, and answers through what is returned."""
    element.reset()
    return element.transmit
