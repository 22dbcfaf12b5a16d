# SPDX-License-Identifier: Apache-2.0
"""The copier in the shop (マルチコピー機): chooses, reads, takes money, prints; knows nobody and keeps nothing of them."""
