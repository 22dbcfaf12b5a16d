# SPDX-License-Identifier: Apache-2.0
"""The pocket country: it alone knows all parties, and introduces them to one another."""
