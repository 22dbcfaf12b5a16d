# SPDX-License-Identifier: Apache-2.0
"""Bytes to frozen values and back, without opinions: APDU (ISO/IEC 7816-3, -4), BER-TLV, DER (X.690)."""
