# SPDX-License-Identifier: Apache-2.0
"""The control API as one table: routes, OpenAPI document and the checks of request bodies all come from here."""

from dataclasses import dataclass
from typing import Any, Final

from tegata import __version__

BASE: Final = "/control/v1"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a request body, or of a query: `kind` is a JSON Schema type, `limit` the longest text or the
    largest number.
    """

    name: str
    about: str
    required: bool = True
    kind: str = "string"
    limit: int = 500

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema; one that is not required may be null."""
        kind = self.kind if self.required else [self.kind, "null"]
        return {"type": kind, "description": self.about, **self._bounds()}

    def parameter(self) -> dict[str, Any]:
        """Return it as a parameter of a query."""
        schema = {"type": self.kind, **self._bounds()}
        return {"name": self.name, "in": "query", "required": False, "description": self.about, "schema": schema}

    def _bounds(self) -> dict[str, int]:
        if self.kind == "string":
            return {"minLength": 1, "maxLength": self.limit}
        return {"minimum": 1, "maximum": self.limit} if self.kind == "integer" else {}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `name` is its identifier and the method of the handler that carries it out."""

    name: str
    method: str
    path: str
    summary: str
    body: tuple[Member, ...] = ()
    answer: str = "What was asked for."
    status: int = 200
    open_body: bool = False
    query: tuple[Member, ...] = ()

    @property
    def has_body(self) -> bool:
        """Whether a JSON object is to be sent, be it an empty one."""
        return self.method in ("POST", "PUT")


def _optional(name: str, about: str, kind: str = "string", limit: int = 500) -> Member:
    return Member(name, about, required=False, kind=kind, limit=limit)


_LONGEST_APDU: Final = (4 + 3 + 65_535 + 2 + 2) // 3 * 4
"""Characters of base64 that hold an extended command APDU (ISO/IEC 7816-4 §5.2)."""
_URL = Member("url", "The link that a service shows (or puts into its two-dimensional code).", limit=2000)
_FINGER = _optional("finger", "The finger on the sensor; every owner enrolled `right-index`.")

OPERATIONS: Final = (
    Operation("openapi", "GET", "/openapi.json", "This document."),
    Operation(
        "clock", "GET", "/clock", "The country's clock.", answer="`now` in UTC, and whether it is the machine's."
    ),
    Operation(
        "people",
        "GET",
        "/people",
        "Who lives here.",
        query=(
            _optional("limit", "At most so many (100).", "integer", 1000),
            _optional("after", "Begin after this slug: `next` of the answer before."),
        ),
    ),
    Operation("personas", "GET", "/personas", "Who could come."),
    Operation(
        "admit",
        "POST",
        "/people",
        "Let a persona move in: she is registered at her town hall and issued a card.",
        (
            Member("persona", "Whose story."),
            _optional("slug", "Under which name here (a to z, digits, hyphens); by default the next free one."),
        ),
        status=201,
    ),
    Operation("person", "GET", "/people/{slug}", "One person: register entry, cards, phones, certificates in PEM."),
    Operation(
        "happen",
        "POST",
        "/people/{slug}/events",
        "Something happens to a person, and her town hall is told.",
        (
            Member(
                "kind",
                "move, name_change, sex_correction, birth_correction, death, leave_register, card_lost, card_returned",
            ),
            _optional("request_id", "Repeat with the same identifier and nothing happens twice."),
        ),
        open_body=True,
    ),
    Operation("cards", "GET", "/cards", "All cards."),
    Operation("card", "GET", "/cards/{card_id}", "What a card tells everyone."),
    Operation(
        "apdu",
        "POST",
        "/cards/{card_id}/apdu",
        "Send one command APDU to a card.",
        (Member("apdu", "Command APDU, base64.", limit=_LONGEST_APDU),),
        answer="`response`: response APDU, base64.",
    ),
    Operation("reset_card", "POST", "/cards/{card_id}/reset", "Take a card out of the field and put it back."),
    Operation("phones", "GET", "/phones", "All phones."),
    Operation("models", "GET", "/phones/models", "Models that the enrolment service knows."),
    Operation(
        "buy_phone",
        "POST",
        "/phones",
        "Give a person a new phone, set up with screen lock and finger.",
        (Member("holder", "Slug of the person."), _optional("model", "Model as in `models` (TG-A1).")),
        status=201,
    ),
    Operation("phone", "GET", "/phones/{phone_id}", "What a phone shows without being unlocked, and its certificates."),
    Operation("touch", "POST", "/phones/{phone_id}/touch", "Put a finger on the sensor.", (_FINGER,)),
    Operation(
        "passcode", "POST", "/phones/{phone_id}/passcode", "Type the passcode.", (Member("passcode", "Screen lock."),)
    ),
    Operation("sleep", "POST", "/phones/{phone_id}/sleep", "Turn the screen off."),
    Operation(
        "enrol",
        "POST",
        "/phones/{phone_id}/enrol",
        "Tap a card and have certificates put into the phone.",
        (
            Member("card_password", "The card's signing password (署名用)."),
            Member("auth_pin", "New four-digit PIN of the phone."),
            Member("signing_password", "New signing password of the phone."),
            _optional("card_id", "Card to tap; by default the holder's newest."),
            _FINGER,
        ),
    ),
    Operation("resume", "POST", "/phones/{phone_id}/resume", "Go on with an enrolment that was broken off."),
    Operation(
        "stop_phone",
        "POST",
        "/phones/{phone_id}/stop",
        "Stop using the phone: revoke its certificates, erase its keys.",
    ),
    Operation(
        "signing_request",
        "POST",
        "/phones/{phone_id}/signing-request",
        "Open a link and read what is to be signed.",
        (_URL,),
    ),
    Operation(
        "sign",
        "POST",
        "/phones/{phone_id}/sign",
        "Sign what a service asks for.",
        (_URL, Member("password", "The phone's signing password.")),
    ),
    Operation(
        "sign_in_request",
        "POST",
        "/phones/{phone_id}/sign-in-request",
        "Open a link and read who asks to sign in.",
        (_URL,),
    ),
    Operation(
        "sign_in",
        "POST",
        "/phones/{phone_id}/sign-in",
        "Approve a sign-in, by finger or by PIN.",
        (_URL, _FINGER, _optional("pin", "The phone's four-digit PIN in place of a finger.")),
    ),
    Operation("on_reader", "GET", "/reader", "What lies on the kiosk's reader."),
    Operation(
        "put_on_reader",
        "PUT",
        "/reader",
        "Put a card, or hold a phone, to the kiosk's reader.",
        (_optional("card_id", "A card"), _optional("phone_id", "or a phone.")),
    ),
    Operation("clear_reader", "DELETE", "/reader", "Take it away again."),
    Operation(
        "hotline",
        "POST",
        "/hotline",
        "Report a phone as lost, by telephone: its certificates are put on hold.",
        (Member("phone_id", "The lost phone."), _optional("request_id", "Repeat with the same one freely.")),
    ),
    Operation("clients", "GET", "/clients", "Services that may use sign-in."),
    Operation(
        "add_client",
        "POST",
        "/clients",
        "Register a service with the sign-in service.",
        (
            Member("name", "As people will read it."),
            Member("redirect_uris", "Where users come back to; compared exactly.", kind="array"),
            Member("jwks", "Its public keys (RFC 7517).", kind="object"),
            _optional("client_id", "A fixed identifier, to be able to repeat."),
        ),
        status=201,
    ),
)


def document(server: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tegata control API",
            "version": __version__,
            "description": "The hands of the people in a pocket country. "
            "For test use on one's own machine; it asks for no credentials.",
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": {"Problem": _PROBLEM}},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    problem = {"description": "Refused.", "content": {"application/problem+json": {"schema": _PROBLEM_REF}}}
    answer = {"description": operation.answer, "content": {"application/json": {"schema": {"type": "object"}}}}
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {str(operation.status): answer, "4XX": problem, "5XX": problem},
    }
    parameters = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]
    parameters += [one.parameter() for one in operation.query]
    if parameters:
        found["parameters"] = parameters
    if operation.has_body:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(operation)}}}
    return found


def _schema(operation: Operation) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.name: one.schema() for one in operation.body},
        "required": [one.name for one in operation.body if one.required],
        "additionalProperties": operation.open_body,
    }


_PROBLEM_REF: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEM: Final = {
    "type": "object",
    "description": "RFC 9457 problem document",
    "properties": {name: {"type": "string"} for name in ("type", "title", "detail", "reason", "next", "clause")}
    | {"status": {"type": "integer"}, "facts": {"type": "object"}, "checks": {"type": "array"}},
    "required": ["type", "title", "status", "reason", "next"],
}
