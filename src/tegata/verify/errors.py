# SPDX-License-Identifier: Apache-2.0
"""The errors of the verifier.

VerifyError                 no verdict; `checks` lists what passed, what failed, what was not reached
├── Rejected                the evidence is bad; repeating it unchanged does not help
└── StatusUnavailable       status is missing, stale, not authentic or not about this certificate: fetch it anew
"""

from tegata.messages import TegataError
from tegata.verify.checks import Check


class VerifyError(TegataError):
    """Root of this package's errors.  `checks` is filled by the verifier, in the order of its steps."""

    checks: tuple[Check, ...] = ()


class Rejected(VerifyError):
    """The evidence does not prove what it should; the reason says why."""


class StatusUnavailable(VerifyError):
    """Nothing that was given tells the certificate's present status; the same evidence may pass with fresh status."""
