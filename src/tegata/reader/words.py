# SPDX-License-Identifier: Apache-2.0
"""Says in words, Japanese or English, what a command asks of the card and what its answer means.

One table for commands, one for status words (ISO/IEC 7816-4 §5.6, and what JICSAP makes of them on this card).  Files
are named by their role in `card_map`.
"""

from typing import Final

from tegata.codecs.apdu import Command
from tegata.jpki import card_map
from tegata.jpki.card_map import Application, Ef
from tegata.messages import Lang

_ANY: Final = -1
_COMMANDS: Final[dict[tuple[int, int], tuple[str, str]]] = {
    (0x00, 0x20): ("VERIFY：{file} を照合する", "VERIFY {file}"),
    (0x00, 0x24): ("CHANGE：{file} を新しくする", "CHANGE {file}"),
    (0x80, 0x32): ("CHANGE KEY：{file} を新しくする", "CHANGE KEY {file}"),
    (0x00, 0xB0): ("READ BINARY：{file} を {offset} バイト目から読む", "READ BINARY {file} from byte {offset}"),
    (0x00, 0xB2): ("READ RECORD：{file} の {p1} 番を読む", "READ RECORD {p1} of {file}"),
    (0x80, 0x2A): ("署名：{file}、方式 {p1:02X}", "COMPUTE DIGITAL SIGNATURE with {file}, scheme {p1:02X}"),
    (0x00, 0x88): ("INTERNAL AUTHENTICATE：{file} で応答を作る", "INTERNAL AUTHENTICATE with {file}"),
    (0x00, 0x84): ("GET CHALLENGE：乱数を求める", "GET CHALLENGE: ask for random bytes"),
    (0x00, 0xCA): ("GET DATA：オブジェクト {p1:02X}{p2:02X}", "GET DATA object {p1:02X}{p2:02X}"),
    (0x00, 0xCB): ("GET DATA：{p1:02X}{p2:02X}", "GET DATA {p1:02X}{p2:02X}"),
    (0x80, 0xA2): ("端末の証明書を渡す", "hand over a terminal's certificate"),
    (0x80, 0xAE): ("SET SESSION KEY：暗号通信の鍵を渡す", "SET SESSION KEY: begin secure messaging"),
    (0x00, 0xD6): ("UPDATE BINARY：{file} に書き込む", "UPDATE BINARY {file}"),
    (0x00, 0xC0): ("GET RESPONSE：応答の続きを求める", "GET RESPONSE: ask for the rest of an answer"),
}
_QUERY: Final = ("{file} の残り回数を尋ねる", "ask for the tries left of {file}")
_SELECT: Final = {
    0x04: ("SELECT：アプリケーション {application}", "SELECT application {application}"),
    0x02: ("SELECT：ファイル {file}", "SELECT file {file}"),
    _ANY: ("SELECT：形式 {p1:02X}", "SELECT in form {p1:02X}"),
}
_SECURED: Final = ("（暗号通信）", " (secure messaging)")
_OTHER: Final = ("この表にない命令（INS {ins:02X}）", "a command that is not in the table (INS {ins:02X})")
_ANSWERS: Final[dict[int, tuple[str, str]]] = {
    0x9000: ("成功", "done"),
    0x6282: ("ファイルの終わり", "end of file"),
    0x6300: ("照合できない", "wrong"),
    0x6581: ("カードの記憶の故障", "memory failure"),
    0x66F1: ("この AP に鍵配送はない", "no key delivery in this application"),
    0x6700: ("長さが違う", "wrong length"),
    0x6881: ("論理チャネルは使えない", "no such logical channel"),
    0x6882: ("暗号通信は使えない", "no secure messaging here"),
    0x6981: ("種類の違うファイル", "wrong kind of file"),
    0x6982: ("先に照合が必要", "a PIN must be verified first"),
    0x6983: ("ロックされている", "blocked"),
    0x6984: ("ロックされている", "blocked: no try is left"),
    0x6985: ("条件が満たされていない", "conditions not satisfied"),
    0x6986: ("ファイルが選ばれていない", "no file is selected"),
    0x6987: ("暗号通信の要素がない", "a secure messaging object is missing"),
    0x6988: ("暗号通信の要素が正しくない", "a secure messaging object is wrong"),
    0x69FC: ("暗号通信が始まっていない", "no secure messaging session"),
    0x6A80: ("データが正しくない", "wrong data"),
    0x6A81: ("対応していない", "not supported"),
    0x6A82: ("ファイルか AP がない", "no such file or application"),
    0x6A83: ("レコードがない", "no such record"),
    0x6A86: ("P1-P2 が正しくない", "wrong P1-P2"),
    0x6A88: ("対象がない", "no such object or key"),
    0x6B00: ("位置がファイルの外", "offset outside the file"),
    0x6D00: ("知らない命令", "unknown instruction"),
    0x6E00: ("知らないクラス", "unknown class"),
    0x6F00: ("内部の誤り", "internal error"),
}


def command(typed: Command, application: Application | None, file: Ef | None, ef: int | None, lang: Lang = "en") -> str:
    """Say what a command asks, given what is selected and the file that it speaks of."""
    known = (typed.cla & ~0x08, typed.ins)
    if known == (0x00, 0xA4):
        pattern = _SELECT.get(typed.p1, _SELECT[_ANY])
        ef = int.from_bytes(typed.data, "big") if typed.p1 == 0x02 else None
        file = application.efs.get(ef) if application is not None and ef is not None else None
    elif known == (0x00, 0x20) and not typed.data:
        pattern = _QUERY
    else:
        pattern = _COMMANDS.get(known, _OTHER)
    facts = {"p1": typed.p1, "p2": typed.p2, "ins": typed.ins, "offset": _offset(typed)}
    said = _in(pattern, lang).format(file=_file(file, ef, lang), application=_application(typed), **facts)
    return said + (_in(_SECURED, lang) if typed.cla & 0x08 else "")


def answer(sw: int, lang: Lang = "en") -> str:
    """Say what a status word means."""
    if sw & 0xFFF0 == 0x63C0:
        return _in((f"残り {sw & 0x0F} 回", f"tries left: {sw & 0x0F}"), lang)
    return _in(_ANSWERS.get(sw, ("この表にない応答", "not in the table")), lang)


def reset(lang: Lang = "en") -> str:
    """Say what a reset is."""
    return _in(
        ("カードを入れ直す：選択と照合が消える", "power off and on: selections and verified PINs are gone"), lang
    )


def malformed(lang: Lang = "en") -> str:
    """Say that the bytes were no command."""
    return _in(("APDU として読めないバイト列", "bytes that are no APDU"), lang)


def recorded(lang: Lang = "en") -> str:
    """Say what a recording is, and what it leaves out."""
    ja = "カードとのやり取りの記録。暗証番号と個人情報は書かれていない。"
    return _in((ja, "A recorded dialogue with a card. PINs and what they guard are not written down."), lang)


def _in(pair: tuple[str, str], lang: Lang) -> str:
    return pair[0] if lang == "ja" else pair[1]


def _file(file: Ef | None, ef: int | None, lang: Lang) -> str:
    if file is not None:
        return f"{file.role} ({file.id:04X})"
    return f"{ef:04X}" if ef is not None else _in(("選択中のファイル", "the current file"), lang)


def _application(typed: Command) -> str:
    if typed.data:
        for known in card_map.profile("card").applications.values():
            if known.aid.startswith(typed.data):
                return known.name
    return typed.data.hex().upper()


def _offset(typed: Command) -> int:
    return typed.p2 if typed.p1 & 0x80 else typed.p1 << 8 | typed.p2
