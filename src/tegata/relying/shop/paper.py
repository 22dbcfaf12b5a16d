# SPDX-License-Identifier: Apache-2.0
"""The contract as text: what the person reads is, byte for byte, what she signs.

Plain text in UTF-8 with LF, both languages in one document.  It names the plan and the contract, not the person: who
she is comes from the certificate.
"""

import functools
import tomllib
from datetime import datetime
from importlib import resources

from tegata.clock import JST
from tegata.relying.errors import Refused
from tegata.relying.shop.model import Plan

MEDIA_TYPE = "text/plain; charset=utf-8"
SERVICE = "手形モバイル（試験用） / Tegata Mobile (test)"
TITLE = "携帯電話契約申込書 / Mobile contract"

_TEXT = """\
{title}
{service}

契約番号 / Contract number:
{contract_id}

料金プラン / Plan:
{plan_ja} / {plan_en}
月額 {yen:,} 円 / {yen:,} yen a month

申込日時 / Time of application:
{time_ja}
{time_en}

この申込書に電子署名することで、上のとおり契約を申し込みます。契約者の氏名、住所、生年月日、性別は、
署名用電子証明書に記載されたとおりとします。
By signing this document electronically I apply for the contract above. My name, address, date of birth
and sex are those in my signing certificate.

見本：試験用の文書であり、契約の効力はありません。
TEST: this document is a sample and binds nobody.
"""


@functools.cache
def plans() -> dict[str, Plan]:
    """Return what is on sale, by identifier."""
    raw = tomllib.loads((resources.files(__package__) / "plans.toml").read_text("utf-8"))
    return {name: Plan(name, **entry) for name, entry in raw.items()}


def plan(name: str) -> Plan:
    """Return one plan; raises `Refused` (`shop.unknown_plan`)."""
    try:
        return plans()[name]
    except KeyError:
        raise Refused("shop.unknown_plan") from None


def document(contract_id: str, wanted: Plan, now: datetime) -> bytes:
    """Return the bytes to sign."""
    moment = now.astimezone(JST)
    text = _TEXT.format(
        title=TITLE,
        service=SERVICE,
        contract_id=contract_id,
        plan_ja=wanted.ja,
        plan_en=wanted.en,
        yen=wanted.yen_a_month,
        time_ja=f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M:%S}（日本時間）",
        time_en=f"{moment:%Y-%m-%d %H:%M:%S} JST (UTC+9)",
    )
    return text.encode()
