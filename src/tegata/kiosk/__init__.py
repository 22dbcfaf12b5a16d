# SPDX-License-Identifier: Apache-2.0
"""コンビニ交付: documents from a copier in a shop.

Two services that could stand in different buildings and meet over HTTP only: `terminal`, the copier with reader,
screen and printer, and `delivery`, the delivery centre (証明書交付センター) that checks who is asking and fetches the
document from the municipality.

The invariant: the subject of the authenticated certificate is the subject of every page printed.  It is checked by
the centre when the document arrives, and by the terminal, last, before paper (`binding`).
"""
