# SPDX-License-Identifier: Apache-2.0
"""What the card does for whoever holds it: select, verify, read, sign, change a PIN.

Sources: the behaviour of clients and observers of real cards (soltia48/myna-card, jpki/myna, OpenSC); JICSAP 1.1 for
the words.
"""

import hashlib
from typing import Final

from tegata.card import rules
from tegata.card.image import KeyState
from tegata.card.rules import KeyUse, PinEvent, PinStatus, Refusal
from tegata.card.state import DONE, ISD, Outcome, State, Tools, demand_open, resolve_kind, resolve_pin
from tegata.card.typed import (
    AuthenticateCard,
    Change,
    GetChallenge,
    GetData,
    QueryTries,
    ReadBinary,
    ReadRecord,
    SelectApplication,
    SelectEf,
    SelectRoot,
    Sign,
    Verify,
)
from tegata.codecs import der, tlv
from tegata.codecs.apdu import SW, Response
from tegata.crypto.keys import CryptoError, Scheme, SoftwareKey
from tegata.jpki import Kind, assumptions, card_map
from tegata.jpki.card_map import Application, Ef, EfKind
from tegata.reader import files

PRESENT: Final = 0x8F


def select_application(state: State, command: SelectApplication, _: Tools) -> Outcome:
    """Select by AID or prefix.  What was verified is forgotten, also when the same application is selected again."""
    found = _match(state, command)
    selected = state.now(application=found.name, ef=None, verified=frozenset(), channel=None)
    fci = tlv.encode(0x6F, tlv.encode(0x84, found.aid)) if command.fci else b""
    return selected, Response(fci)


def _match(state: State, command: SelectApplication) -> Application:
    candidates = list(state.image.profile.applications.values())
    if command.after_current:
        candidates = candidates[candidates.index(state.application) + 1 :]
    for application in candidates:
        if application.aid.startswith(command.aid):
            return application
    raise Refusal(SW.FILE_NOT_FOUND)


def select_root(state: State, _: SelectRoot, __: Tools) -> Outcome:
    """Confirm inside an application without doing anything, as the real card does; refuse outside."""
    if state.session.application == ISD:
        raise Refusal(SW.WRONG_P1P2)
    return state, DONE


def select_ef(state: State, command: SelectEf, _: Tools) -> Outcome:
    """Make a file current."""
    ef = state.application.efs.get(command.ef)
    if ef is None or ef.kind is EfKind.OBJECT:
        raise Refusal(SW.FILE_NOT_FOUND)
    return state.now(ef=ef.id), DONE


def query_tries(state: State, command: QueryTries, _: Tools) -> Outcome:
    """Answer `63Cx` always, also after a successful VERIFY: clients take anything else for an error."""
    state, ef, __ = resolve_pin(state, command.ref)
    return state, Response(sw=SW.TRIES_LEFT | state.pin(ef).tries_left)


def verify(state: State, command: Verify, _: Tools) -> Outcome:
    """Compare a PIN.  A wrong one takes a try and undoes an earlier success."""
    state, ef, rule = resolve_pin(state, command.ref)
    pin, event = rules.present(state.pin(ef), rule, command.value)
    if pin != state.pin(ef):
        state = state.having(state.image.with_pin(state.place(ef), pin))
    if event is PinEvent.RIGHT:
        return state.now(verified=state.session.verified | {ef.id}), DONE
    return state.now(verified=state.session.verified - {ef.id}), Response(sw=SW.TRIES_LEFT | pin.tries_left)


def change(state: State, command: Change, _: Tools) -> Outcome:
    """Replace a PIN that was verified in this session; on a phone, also set one that was never set."""
    if state.application.change != command.code:
        raise Refusal(SW.INS_NOT_SUPPORTED)
    state, ef, rule = resolve_pin(state, command.ref)
    pin = state.pin(ef)
    first = pin.status is PinStatus.UNSET and state.image.profile.holder_sets_first_pin
    if not first and ef.id not in state.session.verified:
        raise Refusal(SW.SECURITY_STATUS)
    changed = rules.put(pin, rule, command.value, PinEvent.CHANGED)
    return state.having(state.image.with_pin(state.place(ef), changed)), DONE


def read_binary(state: State, command: ReadBinary, tools: Tools) -> Outcome:
    """Return what is left of the file, at most `size` bytes; 6B00 at or past its end."""
    state, ef = resolve_kind(state, command.ref, EfKind.TRANSPARENT, EfKind.PUBLIC_KEY)
    demand_open(state, ef)
    content = _content(state, ef, tools)
    if command.offset >= len(content):
        raise Refusal(SW.WRONG_OFFSET)
    return state, Response(content[command.offset : command.offset + command.size])


def _content(state: State, ef: Ef, tools: Tools) -> bytes:
    if ef.role == "certificate_flags":
        return _certificate_flags(state)
    if ef.kind is EfKind.PUBLIC_KEY:
        key = state.image.keys.get(state.place(ef))
        return b"" if key is None else files.session_key(tools.load_key(key.pkcs8).spki)
    return state.image.files.get(state.place(ef), b"")


def read_record(state: State, command: ReadRecord, _: Tools) -> Outcome:
    """Return one record with its tag and length; 6A83 when there is none of this number."""
    state, ef = resolve_kind(state, command.ref, EfKind.RECORD)
    demand_open(state, ef)
    records = files.records(state.image.files.get(state.place(ef), b""))
    if not 1 <= command.number <= len(records):
        raise Refusal(SW.RECORD_NOT_FOUND)
    return state, Response(records[command.number - 1][: command.size])


def _certificate_flags(state: State) -> bytes:
    """File 0008: one byte for each certificate, and one of unknown use."""
    absent = int(assumptions.value("card.certificate_absent_mark"))
    places = [("jpki", card_map.jpki_file("certificate", kind)) for kind in (Kind.SIGNING, Kind.AUTHENTICATION)]
    return bytes(PRESENT if state.image.files.get(place) else absent for place in places) + b"\x00"


def get_data(state: State, command: GetData, _: Tools) -> Outcome:
    """Return an object of the issuer security domain while no application is selected; 6700 if it does not fit Le."""
    ef = state.application.efs.get(command.tag)
    if ef is None or ef.kind is not EfKind.OBJECT:
        raise Refusal(SW.REFERENCE_NOT_FOUND)
    content = state.image.profile.atr[1:] if ef.role == "atr" else state.image.files.get(state.place(ef), b"")
    if not content:
        raise Refusal(SW.REFERENCE_NOT_FOUND)
    if len(content) > command.size:
        raise Refusal(SW.WRONG_LENGTH)
    return state, Response(content)


def get_challenge(state: State, command: GetChallenge, tools: Tools) -> Outcome:
    """Return random bytes, which the issuer may answer next."""
    challenge = tools.random(command.size)
    return state.now(challenge=challenge), Response(challenge)


def sign(state: State, command: Sign, tools: Tools) -> Outcome:
    """Sign with a key whose PIN is verified, or, while the card is being issued, with a fresh key for its issuer."""
    state, ef = resolve_kind(state, command.ref, EfKind.KEY)
    if ef.role == "key.internal":
        raise Refusal(SW.CONDITIONS)
    loaded = _usable(state, ef, tools)
    schemes = _SCHEMES if loaded.algorithm.is_rsa else _NEXT_SCHEMES
    if command.scheme not in schemes:
        raise Refusal(SW.WRONG_P1P2)
    try:
        return state, Response(schemes[command.scheme](loaded, command.data))
    except CryptoError as error:
        raise Refusal(SW.WRONG_LENGTH) from error


def authenticate_card(state: State, command: AuthenticateCard, tools: Tools) -> Outcome:
    """INTERNAL AUTHENTICATE: sha256WithRSA over the challenge, by the one key that is for it."""
    state, ef = resolve_kind(state, command.ref, EfKind.KEY)
    demand_open(state, ef)
    if ef.role != "key.internal":
        raise Refusal(SW.CONDITIONS)
    return state, Response(_message_pkcs1(_usable(state, ef, tools), command.challenge))


def _usable(state: State, ef: Ef, tools: Tools) -> SoftwareKey:
    key = state.image.keys.get(state.place(ef))
    if key is None:
        raise Refusal(SW.CONDITIONS)
    _demand_use(state, ef, key)
    return tools.load_key(key.pkcs8)


def _demand_use(state: State, ef: Ef, key: KeyState) -> None:
    if key.use is KeyUse.IN_USE:
        demand_open(state, ef)
    elif not state.session.issuer:
        raise Refusal(SW.CONDITIONS)


def _message(data: bytes) -> bytes:
    if not 1 <= len(data) <= 255:
        raise Refusal(SW.WRONG_LENGTH)
    return hashlib.sha256(data).digest()


def _digest(data: bytes) -> bytes:
    if len(data) != 32:
        raise Refusal(SW.CONDITIONS)
    return data


def _pad(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_padded(data)


def _hash_bare(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_padded(_message(data))


def _digest_pkcs1(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_padded(der.digest_info("sha256", _digest(data)))


def _message_pkcs1(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_padded(der.digest_info("sha256", _message(data)))


def _digest_pss(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_pss_digest(_digest(data))


def _message_pss(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_pss_digest(_message(data))


def _digest_ecdsa(key: SoftwareKey, data: bytes) -> bytes:
    return key.sign_digest(Scheme.ECDSA_SHA384, data)


def _message_ecdsa(key: SoftwareKey, data: bytes) -> bytes:
    if not 1 <= len(data) <= 255:
        raise Refusal(SW.WRONG_LENGTH)
    return key.sign(Scheme.ECDSA_SHA384, data)


_SCHEMES: Final = dict(enumerate((_pad, _hash_bare, _digest_pkcs1, _message_pkcs1, _digest_pss, _message_pss)))
"""By P1 of `80 2A`, as found on a real card by soltia48/myna-card (src/ap/jpki.rs)."""

_NEXT_SCHEMES: Final = {0: _digest_ecdsa, 2: _digest_ecdsa, 3: _message_ecdsa}
"""The same for the rehearsal of the next card (assumption `card.next_generation`)."""
