# SPDX-License-Identifier: Apache-2.0
"""The app with which a phone's owner applies for certificates, signs and signs in.

`enrol`, `resume` and `stop` are steps noted in the journal before they are taken, so each may be called again after
anything; see `enrolling`.  The signing password goes from the owner's fingers into the element and is kept nowhere; the
authentication PIN may be kept in the keystore, where a finger releases it.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tegata.clock import Clock
from tegata.jpki import Kind, assumptions
from tegata.messages import Lang
from tegata.phone.app_enrolment import Enroller
from tegata.phone.app_http import Client, origin
from tegata.phone.device import Phone
from tegata.phone.errors import AppError, Locked, ServiceError
from tegata.phone.journal import Enrolment
from tegata.reader import JpkiSession, Transmit
from tegata.wire import b64, unb64


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a service asks the owner to sign: `document` are the exact bytes."""

    service: str
    title: str
    document: bytes = field(repr=False)
    media_type: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What a service asks the owner to confirm: `scopes` is what it will learn."""

    service: str
    request_id: str = field(repr=False)
    challenge: bytes = field(repr=False)
    scopes: tuple[str, ...]
    expires_at: datetime


class App:
    """The app on one phone; a phone has one.  Its errors are `PhoneError`s and the reader's."""

    def __init__(
        self, phone: Phone, http: httpx.AsyncClient, enrolment_url: str, clock: Clock, language: Lang = "ja"
    ) -> None:
        self._phone = phone
        self._client = Client(http, language)
        self._clock = clock
        self._enroller = Enroller(phone, self._client, enrolment_url)
        self._busy = asyncio.Lock()

    # -- enrolment ------------------------------------------------------------------------------------------------

    @property
    def enrolment(self) -> Enrolment:
        """Return where the enrolment stands, as far as the phone knows."""
        return Enrolment.of(self._phone.journal)

    async def enrol(
        self,
        card: Transmit,
        *,
        card_password: str,
        auth_pin: str,
        signing_password: str,
        finger: str | None = None,
    ) -> Enrolment:
        """Get certificates into the phone: apply, have the card sign, load, set the first PINs; or go on with that.

        `card` is the owner's My Number Card, held to the phone; `card_password` its signing password.  `auth_pin` and
        `signing_password` become the phone's own.  With `finger` that finger stands for the PIN from then on.  Raises
        `Locked`, `BadPinFormat`, `WrongPin`, `ServiceError`; nothing done so far is lost.
        """
        async with self._busy:
            self._demand_unlocked()
            await self._enroller.enrol(card, card_password, auth_pin, signing_password)
            self._enroller.set_pins(auth_pin, signing_password)
            if finger is not None:
                self._enroller.keep_pin(finger, auth_pin)
            return self.enrolment

    async def resume(self) -> Enrolment:
        """Go on with what is under way as far as it goes without the owner: loading, stopping, erasing.

        What was superseded or put on hold elsewhere is erased here.  Raises `ServiceError`.
        """
        async with self._busy:
            await self._enroller.resume()
            return self.enrolment

    async def stop(self) -> Enrolment:
        """Stop using the phone for this: its certificates are revoked, then its keys erased.  Raises `ServiceError`."""
        async with self._busy:
            await self._enroller.stop()
            return self.enrolment

    # -- signing --------------------------------------------------------------------------------------------------

    async def signing_request(self, url: str) -> SigningRequest:
        """Return what the service at `url` asks to be signed; raises `ServiceError`, `AppError`."""
        answer = await self._client.get(url)
        try:
            return SigningRequest(
                str(answer["service"]),
                str(answer["title"]),
                unb64(answer["document"]),
                str(answer["media_type"]),
                _time(answer["expires_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceError("phone.bad_request") from error

    async def sign(self, url: str, *, password: str) -> dict[str, Any]:
        """Sign what the service at `url` asks for, and return its answer.

        Raises `WrongPin` with the tries left, `Blocked`, `ServiceError`, `AppError` (`phone.request_expired`).
        """
        self._demand_unlocked()
        self._demand_ready()
        request = await self.signing_request(url)
        self._demand_time(request.expires_at)
        return await self._client.post(url, self._signed(Kind.SIGNING, password, request.document))

    # -- signing in -----------------------------------------------------------------------------------------------

    async def sign_in_request(self, url: str) -> SignInRequest:
        """Return what the service at `url` asks to be confirmed; raises `ServiceError`, `AppError`."""
        answer = await self._client.get(url)
        try:
            return SignInRequest(
                str(answer["service"]),
                str(answer["request_id"]),
                unb64(answer["challenge"]),
                tuple(str(scope) for scope in answer["scopes"]),
                _time(answer["expires_at"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceError("phone.bad_request") from error

    async def sign_in(self, url: str, *, finger: str | None = None, pin: str | None = None) -> dict[str, Any]:
        """Confirm the sign-in that the service at `url` asks for, by finger or by PIN, and return its answer.

        Raises `Locked`, `WrongPin`, `ServiceError`, `AppError`.
        """
        pin = self._pin(finger, pin)
        self._demand_unlocked()
        self._demand_ready()
        request = await self.sign_in_request(url)
        self._demand_time(request.expires_at)
        data = sign_in_bytes(origin(url), request.request_id, request.challenge)
        return await self._client.post(url, self._signed(Kind.AUTHENTICATION, pin, data))

    def _pin(self, finger: str | None, pin: str | None) -> str:
        if (finger is None) == (pin is None):
            raise AppError("phone.finger_or_pin")
        return self._phone.release_pin(self._phone.touch(finger)) if finger is not None else pin or ""

    def _signed(self, kind: Kind, pin: str, data: bytes) -> dict[str, Any]:
        session = JpkiSession(self._phone.inside())
        try:
            session.verify(kind, pin)
            certificate, signature = session.certificate(kind), session.sign(kind, data)
        finally:
            self._phone.leave()
        return {"certificate": b64(certificate), "signature": b64(signature)}

    def _demand_unlocked(self) -> None:
        if not self._phone.unlocked:
            raise Locked("phone.locked")

    def _demand_ready(self) -> None:
        enrolment = self.enrolment
        if not enrolment.ready:
            raise AppError("phone.pins_missing" if enrolment.pins_missing else "phone.not_enrolled")

    def _demand_time(self, expires_at: datetime) -> None:
        if self._clock.now() >= expires_at:
            raise AppError("phone.request_expired")


def sign_in_bytes(contacted: str, request_id: str, challenge: bytes) -> bytes:
    """Return the bytes signed to sign in: prefix (assumption `phone.sign_in_prefix`), origin, request, challenge."""
    prefix = str(assumptions.value("phone.sign_in_prefix"))
    return b"\0".join([prefix.encode(), contacted.encode(), request_id.encode(), challenge])


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment
