# SPDX-License-Identifier: Apache-2.0
"""From bytes to typed commands: what is legal is settled here, with the status word that says what is wrong."""

import pytest

from tegata.card import commands
from tegata.card.rules import Refusal
from tegata.card.typed import (
    OWN_KEY,
    Authenticate,
    AuthenticateCard,
    Change,
    Erase,
    Finish,
    GetChallenge,
    GetData,
    MakeKey,
    PutData,
    QueryTries,
    ReadBinary,
    ReadRecord,
    Secured,
    SelectApplication,
    SelectEf,
    SelectRoot,
    SetPin,
    SetSessionKey,
    Sign,
    Typed,
    Unblock,
    Update,
    Verify,
)
from tegata.codecs.apdu import SW

JPKI = bytes.fromhex("D392F000260100000001")
GOOD: list[tuple[str, Typed]] = [
    ("00A4040C0A" + JPKI.hex(), SelectApplication(JPKI, after_current=False, fci=False)),
    ("00A404000A" + JPKI.hex() + "00", SelectApplication(JPKI, after_current=False, fci=True)),
    ("00A4040E01D3", SelectApplication(b"\xd3", after_current=True, fci=False)),
    ("00A4040C", SelectApplication(b"", after_current=False, fci=False)),
    ("00A40000", SelectRoot()),
    ("00A4020C020018", SelectEf(0x18)),
    ("00200080", QueryTries(None)),
    ("0020009800", QueryTries(0x18)),
    ("002000800431323334", Verify(None, b"1234")),
    ("0024019B06414243313233", Change(0x0024, 0x1B, b"ABC123")),
    ("8032008004" + "31323334", Change(0x8032, None, b"1234")),
    ("00B0000000", ReadBinary(None, 0, 256)),
    ("00B07FFF01", ReadBinary(None, 0x7FFF, 1)),
    ("00B08A1000", ReadBinary(0x0A, 0x10, 256)),
    ("00B08A00000000", ReadBinary(0x0A, 0, 65536)),
    ("802A0097010100", Sign(0x17, 0, b"\x01")),
    ("802A0580010100", Sign(None, 5, b"\x01")),
    ("00CA00F000", GetData(0xF0, 256)),
    ("0084000008", GetChallenge(8)),
    ("0082000010" + "00" * 16, Authenticate(bytes(16))),
    ("8046009700", MakeKey(0x17, keep=False)),
    ("8046019700", MakeKey(0x17, keep=True)),
    ("00D681000130", Update(0x01, 0, b"\x30")),
    ("8024009804" + "31323334", SetPin(0x18, b"1234")),
    ("00B2010400", ReadRecord(None, 1, 256)),
    ("00B2010C00", ReadRecord(1, 1, 256)),
    ("802A0000010100", Sign(OWN_KEY, 0, b"\x01")),
    ("0088009901AA00", AuthenticateCard(0x19, b"\xaa")),
    ("80AE0000000100" + "11" * 256, SetSessionKey(b"\x11" * 256)),
    ("08B081000596030000000000"[:20], Secured(0xB0, 0x81, 0x00, bytes.fromhex("9603000000"))),
    ("08A4040C", Secured(0xA4, 0x04, 0x0C, b"")),
    ("00DA00F00131", PutData(0xF0, b"1")),
    ("80540098", Unblock(0x18)),
    ("80440000", Finish()),
    ("80480000", Erase()),
]
BAD = [
    ("00", SW.WRONG_LENGTH),
    ("00A4040C11" + "00" * 17, SW.WRONG_LENGTH),
    ("00A404010A" + JPKI.hex(), SW.WRONG_P1P2),
    ("00A4090C020018", SW.WRONG_P1P2),
    ("00A40200020018", SW.WRONG_P1P2),
    ("00A4020C0118", SW.WRONG_LENGTH),
    ("00A40000023F00", SW.FILE_NOT_FOUND),
    ("00200180", SW.WRONG_P1P2),
    ("00200018", SW.WRONG_P1P2),
    ("0020009F", SW.WRONG_P1P2),
    ("0020008011" + "31" * 17, SW.WRONG_LENGTH),
    ("00240098", SW.WRONG_P1P2),
    ("00240198", SW.WRONG_LENGTH),
    ("00B00000", SW.WRONG_LENGTH),
    ("00B0000001FF", SW.WRONG_LENGTH),
    ("00B0A00000", SW.WRONG_P1P2),
    ("00B09F0000", SW.WRONG_P1P2),
    ("00B20104", SW.WRONG_LENGTH),
    ("00B2010500", SW.NOT_SUPPORTED),
    ("00B2010600", SW.WRONG_P1P2),
    ("00B201FC00", SW.WRONG_P1P2),
    ("00880099", SW.WRONG_LENGTH),
    ("0088010001AA00", SW.WRONG_P1P2),
    ("0088000001AA00", SW.WRONG_P1P2),
    ("80AE000100", SW.WRONG_P1P2),
    ("8054019800", SW.WRONG_P1P2),
    ("00DA00F0", SW.WRONG_LENGTH),
    ("802A0680010100", SW.WRONG_P1P2),
    ("00CA00F0", SW.WRONG_LENGTH),
    ("00840000", SW.WRONG_LENGTH),
    ("00840000000101", SW.CONDITIONS),
    ("008200000F" + "00" * 15, SW.WRONG_LENGTH),
    ("8046029700", SW.WRONG_P1P2),
    ("8046009701AA", SW.WRONG_LENGTH),
    ("00D68100", SW.WRONG_LENGTH),
    ("8024009811" + "31" * 17, SW.WRONG_LENGTH),
    ("8044000001AA", SW.WRONG_LENGTH),
    ("80440001", SW.WRONG_P1P2),
    ("80480100", SW.WRONG_P1P2),
    ("00FF0000", SW.INS_NOT_SUPPORTED),
    ("80A40000", SW.INS_NOT_SUPPORTED),
    ("01A40000", SW.LOGICAL_CHANNEL),
    ("83A40000", SW.LOGICAL_CHANNEL),
    ("40A40000", SW.LOGICAL_CHANNEL),
    ("10A40000", SW.CLA_NOT_SUPPORTED),
    ("FFB0000000", SW.CLA_NOT_SUPPORTED),
]


@pytest.mark.parametrize(("raw", "typed"), GOOD, ids=[raw[:12] for raw, _ in GOOD])
def test_a_legal_command_gets_its_type(raw: str, typed: Typed) -> None:
    """Reference, offset, lengths and data are read once and for all."""
    assert commands.parse(bytes.fromhex(raw)) == typed


@pytest.mark.parametrize(("raw", "sw"), BAD, ids=[raw[:12] for raw, _ in BAD])
def test_an_illegal_command_gets_its_status_word(raw: str, sw: int) -> None:
    """The word says whether class, instruction, parameters or length are wrong."""
    with pytest.raises(Refusal) as refused:
        commands.parse(bytes.fromhex(raw))
    assert refused.value.sw == sw, f"{refused.value.sw:04X}"
