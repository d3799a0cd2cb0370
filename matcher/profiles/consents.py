"""Consent texts (個資同意) as a table, and giving and withdrawing consent.

Each text says what the Personal Data Protection Act (個人資料保護法) § 8 asks for: purpose,
classes of data, period, region, recipients and way of use, the rights of § 3, and what follows
from refusing. A text is never changed: a new version is a new row, and asks for a new consent.
Not legal advice; the operator's lawyer has the last word on the wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from matcher.access import Viewer
from matcher.errors import InputError
from matcher.store import Store
from matcher.store.audit import AuditLine
from matcher.store.profiles import ConsentRow, Draft, consents, put_consents

POINTS: Mapping[str, Mapping[str, str]] = {
    "purpose": {"zh": "蒐集目的", "en": "Purpose"},
    "classes": {"zh": "個人資料類別", "en": "Classes of data"},
    "period": {"zh": "利用期間", "en": "Period"},
    "region": {"zh": "利用地區", "en": "Region"},
    "recipients": {"zh": "利用對象與方式", "en": "Recipients and way of use"},
    "rights": {"zh": "您的權利", "en": "Your rights"},
    "refusal": {"zh": "不提供的影響", "en": "If you refuse"},
}
_RIGHTS = {
    "zh": "您可隨時查詢、閱覽、取得複本、補充、更正、要求停止蒐集處理利用，或刪除；"
          "在「我的資料」即可辦理，這些權利不得預先拋棄。",
    "en": "At any time you may ask about, view and copy your data, add to and correct them, stop "
          "their collection, processing or use, and delete them, under “My data”. These rights "
          "cannot be given up beforehand.",
}
_REGION = {"zh": "本系統主機所在地，及園區與媒合對象所在地區。",
           "en": "Where this system runs, and where the centre and those you are matched with are."}


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One version of what somebody agrees to; ``points`` by :data:`POINTS`, in zh and en."""

    purpose: str
    version: str
    points: Mapping[str, Mapping[str, str]]


CONSENTS: tuple[ConsentText, ...] = (
    ConsentText("publish", "2026-11", {
        "purpose": {"zh": "產學媒合：審查、刊登您的檔案，並與需求或供給比對。",
                    "en": "Matching industry and academia: to review and publish what you wrote "
                          "and compare it with needs or offers."},
        "classes": {"zh": "姓名、電子郵件、電話、網址；職業、學經歷與研究成果；您填寫的內容。",
                    "en": "Name, e-mail, telephone, web address; occupation, education and "
                          "research; what you write in the form."},
        "period": {"zh": "刊登期間（最長一年，可展延一次）及其後一年；刪除時立即停止。",
                   "en": "While it is published (a year at most, renewed once) and a year after; "
                         "it ends at once when you delete it."},
        "region": _REGION,
        "recipients": {"zh": "您的園區管理者；其他人只看到您逐欄開放的內容，"
                             "聯絡方式於雙方同意後才顯示。",
                       "en": "The office of your centre; others see only the fields you open to "
                             "them, and contact data only when both sides agree."},
        "rights": _RIGHTS,
        "refusal": {"zh": "不同意則無法送出刊登；草稿仍保留在您的帳號。",
                    "en": "Without it the form cannot be submitted; your draft stays yours."},
    }),
    ConsentText("release", "2026-11", {
        "purpose": {"zh": "讓您選定的研究團隊看到這項需求，以評估能否協助。",
                    "en": "To let the groups you choose see this need, so that they can say "
                          "whether they can help."},
        "classes": {"zh": "需求中開放給媒合對象的欄位；不含聯絡方式，匿名時不含公司名稱。",
                    "en": "The need's fields that are open to those you are matched with; no "
                          "contact data, and no firm name where it is anonymous."},
        "period": {"zh": "至需求到期或您撤回為止。",
                   "en": "Until the need expires or you take it back."},
        "region": _REGION,
        "recipients": {"zh": "您選定的供給提供者，在系統內閱覽。",
                       "en": "Those who made the offers you choose; they read it in the system."},
        "rights": _RIGHTS,
        "refusal": {"zh": "不同意則只有貴公司與園區管理者看得到。",
                    "en": "Without it only your firm and your centre's office see the need."},
    }),
    ConsentText("agree", "2026-11", {
        "purpose": {"zh": "雙方都同意後交換聯絡方式，以便直接洽談。",
                    "en": "To exchange contact data once both sides agree, so that you can talk."},
        "classes": {"zh": "機構名稱、聯絡人、電子郵件，以及您開放的電話與網址。",
                    "en": "Organisation, contact, e-mail, and the telephone and web address that "
                          "you opened."},
        "period": {"zh": "至任一方撤回、檔案到期或刪除為止；對方已取得者請逕向其主張權利。",
                   "en": "Until either side takes it back or the record ends; for what the other "
                         "side already has, turn to them."},
        "region": _REGION,
        "recipients": {"zh": "僅這一組媒合的對方。", "en": "The other side of this match only."},
        "rights": _RIGHTS,
        "refusal": {"zh": "不同意則對方看不到您的聯絡方式，其他媒合不受影響。",
                    "en": "Without it the other side does not see your contact data; other "
                          "matches are not affected."},
    }),
)


def consent_text(purpose: str) -> ConsentText:
    """Give the newest text of a purpose: publish, release or agree."""
    return next(text for text in reversed(CONSENTS) if text.purpose == purpose)


def row_of(viewer: Viewer, record_id: str, purpose: str, text: str, time: datetime,
           address: str | None = None, lang: str | None = None) -> ConsentRow:
    """Make the row of a consent to the newest version of a text."""
    return ConsentRow(viewer.account_id or "", record_id, purpose, consent_text(text).version,
                      lang or viewer.lang or "zh", time, address)


def note_consent(store: Store, viewer: Viewer, draft: Draft, version: str, time: datetime,
                 lang: str, address: str | None = None) -> None:
    """Record that the viewer agreed to the publication of a draft; ``version`` was shown.

    Raises ``InputError`` where the text has a newer version than the one shown.
    """
    newest = consent_text("publish").version
    if version != newest:
        raise InputError("The consent text is now version {newest}, you were shown {shown}; please "
                         "read it again.", newest=newest, shown=version)
    put_consents(store, [row_of(viewer, draft.record_id, "publish", "publish", time, address,
                                lang)],
                 AuditLine(time, viewer.account_id or "", "consent", draft.side, draft.record_id,
                           None, {"purpose": "publish", "version": version}))


def has_consent(store: Store, record_id: str) -> bool:
    """Say whether somebody agreed to the newest text for the publication of a record."""
    return bool(consents(store, record_id=record_id, purpose="publish",
                         version=consent_text("publish").version))
