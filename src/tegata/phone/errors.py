# SPDX-License-Identifier: Apache-2.0
"""The errors of the phone.

PhoneError
├── BadPhoneImage    the stored phone is damaged or of another version
├── Locked           the screen lock, the biometrics or the keystore does not let this pass
├── AppError         the app cannot do this in the state it is in
└── ServiceError     a service could not be reached, or refused; its own words are among the facts
"""

from tegata.messages import TegataError


class PhoneError(TegataError):
    """Root of this package's errors."""


class BadPhoneImage(PhoneError):
    """The bytes are no phone (`phone.bad_image`), or one of another version (`phone.image_version`)."""


class Locked(PhoneError):
    """The phone does not know that its owner is there."""


class AppError(PhoneError):
    """The act does not fit what the app knows."""


class ServiceError(PhoneError):
    """A service could not be reached (`phone.service_unreachable`) or refused (`phone.service_refused`).

    A refusal carries the service's own `service_reason`, `service_what`, `service_next` and HTTP `status` as facts,
    beside the facts that the service gave.
    """

    @property
    def service_reason(self) -> str | None:
        """Return the service's own reason, or `None` when it gave none."""
        reason = self.facts.get("service_reason")
        return None if reason is None else str(reason)
