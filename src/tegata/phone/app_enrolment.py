# SPDX-License-Identifier: Apache-2.0
"""The app's part in its own enrolment: the journal is written, then the step is taken, then its result is written.

    none ─► applied ─► (the card signs) ─► proven ─► … turns … ─► installed ─► first PINs ─► ready
                                                                     └─► stopping ─► … turns … ─► ended

The service's state leads; the app only follows it, so a step repeated after a crash finds the service where it is.  The
service drives the element: the app carries its turns and adds nothing, except the first PINs, which the service never
sees.
"""

import secrets
from contextlib import suppress
from typing import Any, Final

from tegata.jpki import Kind
from tegata.phone.app_http import Client
from tegata.phone.device import Phone
from tegata.phone.errors import AppError, ServiceError
from tegata.phone.journal import ENDED, INSTALLED, OVER, Journal
from tegata.reader import JpkiSession, PinRequired, ReaderError, Transmit
from tegata.reader.jpki import pin_bytes
from tegata.wire import b64, unb64

ATTEMPTS: Final = 3
"""How often a script is started again when the element dropped out of it, for instance because a reader reset it."""

APPLIED: Final = "applied"


class Enroller:
    """Enrols one phone with the service at `url`."""

    def __init__(self, phone: Phone, client: Client, url: str) -> None:
        self._phone = phone
        self._client = client
        self._base = f"{url.rstrip('/')}/enrolment/v1/applications"

    # -- applying -------------------------------------------------------------------------------------------------

    async def enrol(self, card: Transmit, card_password: str, auth_pin: str, signing_password: str) -> None:
        """Go from wherever the phone stands to certificates installed."""
        for kind, pin in ((Kind.AUTHENTICATION, auth_pin), (Kind.SIGNING, signing_password)):
            pin_bytes(kind.value, pin)
        pin_bytes(Kind.SIGNING.value, card_password)
        journal = await self.resume()
        if journal is None or journal.state == ENDED:
            journal = self._phone.write(Journal(secrets.token_hex(16)))
        answer = await self._apply(journal)
        if answer["state"] == APPLIED:
            await self._prove(card, card_password, answer)
        await self._drive()
        reached = self._phone.journal
        if reached is None or reached.state != INSTALLED:
            raise AppError("phone.enrolment_over", state=reached and reached.state, because=reached and reached.reason)

    async def _apply(self, journal: Journal) -> dict[str, Any]:
        """Apply, or ask where the application stands."""
        if journal.application_id is not None:
            return await self._ask(journal)
        body = {"request_id": journal.request_id, "device": self._phone.device}
        answer = await self._client.post(self._base, body)
        self._note(answer, application_id=_text(answer, "application_id"))
        return answer

    async def _prove(self, card: Transmit, password: str, answer: dict[str, Any]) -> None:
        """Have the card sign the application.  The card counts the tries of its password."""
        document, session = _bytes(answer.get("document")), JpkiSession(card)
        try:
            session.verify(Kind.SIGNING, password)
            certificate, signature = session.certificate(Kind.SIGNING), session.sign(Kind.SIGNING, document)
        finally:
            with suppress(ReaderError):
                session.select()  # the card forgets the password before it is taken away
        await self._post("proof", {"certificate": b64(certificate), "signature": b64(signature)})

    def set_pins(self, auth_pin: str, signing_password: str) -> None:
        """Set the first PINs, straight from the owner to the element; those set by an earlier attempt are checked."""
        journal = self._phone.journal
        if journal is None or journal.state != INSTALLED or journal.pins_set:
            return
        session = JpkiSession(self._phone.inside())
        for kind, pin in ((Kind.SIGNING, signing_password), (Kind.AUTHENTICATION, auth_pin)):
            try:
                session.set_first_pin(kind, pin)
            except PinRequired:
                session.verify(kind, pin)
        self._phone.leave()
        self._phone.write(journal.now(pins_set=True))

    def keep_pin(self, finger: str, auth_pin: str) -> None:
        """Let a finger stand for the PIN from now on; the element confirms first that it is the PIN."""
        match = self._phone.touch(finger)
        session = JpkiSession(self._phone.inside())
        session.verify(Kind.AUTHENTICATION, auth_pin)
        self._phone.leave()
        self._phone.keep_pin(match, auth_pin)

    # -- going on and ending --------------------------------------------------------------------------------------

    async def resume(self) -> Journal | None:
        """Go on as far as it goes without card and PINs; returns the journal."""
        journal = self._phone.journal
        if journal is None or journal.state == ENDED:
            return journal
        answer = await self._apply(journal)
        if journal.stopping or answer["state"] in OVER:
            await self.stop()
        elif answer["state"] not in (APPLIED, ENDED):
            await self._drive()
        return self._phone.journal

    async def stop(self) -> None:
        """Tell the service that the owner stops, then let it erase the element."""
        journal = self._phone.journal
        if journal is None or journal.application_id is None:
            raise AppError("phone.not_enrolled")
        if journal.state == ENDED:
            return
        journal = self._phone.write(journal.now(stopping=True))
        self._phone.forget_pin()
        if (await self._ask(journal))["state"] != ENDED:
            await self._post("stop", {})
            await self._drive()

    # -- carrying turns -------------------------------------------------------------------------------------------

    async def _drive(self) -> None:
        """Carry turns until the service has none left; start again when the element dropped out of a script."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._carry()
            except ServiceError as error:
                if error.service_reason != "enrolment.element_refused" or attempt == ATTEMPTS:
                    raise
            else:
                return

    async def _carry(self) -> None:
        transmit = self._phone.inside()
        name: str | None = None
        responses: list[str] = []
        while True:
            answer = await self._post("step", {"turn": name, "responses": responses})
            turn = answer.get("turn")
            if turn is None:
                self._phone.leave()
                return
            if not isinstance(turn, dict) or not isinstance(turn.get("commands"), list):
                raise ServiceError("phone.bad_request")
            name = _text(turn, "name")
            responses = [b64(transmit(_bytes(command))) for command in turn["commands"]]

    async def _ask(self, journal: Journal) -> dict[str, Any]:
        """Ask where the application stands; one that the service does not know has ended."""
        try:
            answer = await self._client.get(f"{self._base}/{journal.application_id}")
        except ServiceError as error:
            if error.service_reason != "enrolment.unknown_application":
                raise
            answer = {"state": ENDED, "reason": error.service_reason}
        self._note(answer)
        return answer

    async def _post(self, act: str, body: dict[str, Any]) -> dict[str, Any]:
        journal = self._phone.journal
        if journal is None:
            raise AppError("phone.not_enrolled")
        answer = await self._client.post(f"{self._base}/{journal.application_id}/{act}", body)
        self._note(answer)
        return answer

    def _note(self, answer: dict[str, Any], **changes: object) -> None:
        """Write down the service's word; once the element is another's or erased, the kept PIN opens nothing."""
        journal, state, reason = self._phone.journal, _text(answer, "state"), answer.get("reason")
        if journal is None:
            raise AppError("phone.not_enrolled")
        if state not in (APPLIED, "proven", INSTALLED):
            self._phone.forget_pin()
        self._phone.write(journal.now(state=state, reason=None if reason is None else str(reason), **changes))


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ServiceError("phone.bad_request")
    return value


def _bytes(text: object) -> bytes:
    try:
        return unb64(str(text))
    except ValueError as error:
        raise ServiceError("phone.bad_request") from error
