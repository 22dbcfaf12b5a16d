# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests that drive other people's software."""

from interop.pcsc import run, vpcd_port

__all__ = ["run", "vpcd_port"]
