# SPDX-License-Identifier: Apache-2.0
"""Two services that accept cards and phones: `shop` concludes a mobile contract by signature, `tax` is a tax office
that people sign in to.

Each is a party of its own with its own file; they share this package's errors and nothing else.
"""
