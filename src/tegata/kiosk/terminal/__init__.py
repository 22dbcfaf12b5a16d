# SPDX-License-Identifier: Apache-2.0
"""The copier in the shop (マルチコピー機): reads a card, takes money, prints; keeps nothing of anybody."""
