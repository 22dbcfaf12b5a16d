# SPDX-License-Identifier: Apache-2.0
"""Tegata: JPKI (公的個人認証) on cards and phones, whole, on one machine.

Outsiders import `tegata.verify` (judge certificates and signatures), `tegata.reader` (talk to cards and phones) and
`tegata.testing`; everyone else starts at the command `tegata`.
"""

__version__ = "0.1.0"
