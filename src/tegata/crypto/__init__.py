# SPDX-License-Identifier: Apache-2.0
"""Keys, signatures, message authentication and sealing: the only door to hazardous primitives.

Nothing outside this package imports `cryptography.hazmat`; `make check` holds that.
"""
