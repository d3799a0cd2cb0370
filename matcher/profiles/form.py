"""The form of a need and of an offer: one row here is all there is to a field.

The page, its limits, the checks and what may be shown to whom are read from ``FORM_FIELDS``; what
a value has to look like is checked by the same converters as a file's cells. Both languages are
welcome: an offer's English text becomes a text of its own beside the Chinese one, so that either
is found in its own language; a need's is added to its text, which is one question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

AUDIENCES: Mapping[str, Mapping[str, str]] = {
    "owner": {"zh": "僅自己", "en": "only me"},
    "centre": {"zh": "園區管理者", "en": "my centre's office"},
    "matched": {"zh": "媒合對象", "en": "those I am matched with"},
    "public": {"zh": "公開", "en": "everybody"},
}
REACH_NAMES: Mapping[str, Mapping[str, str]] = {
    "centre": {"zh": "本園區", "en": "this centre"},
    "national": {"zh": "全國", "en": "the whole country"},
    "international": {"zh": "國際", "en": "abroad, too"},
}
SIDES: Mapping[str, Mapping[str, str]] = {
    "need": {"zh": "需求", "en": "Need"}, "offer": {"zh": "供給", "en": "Offer"},
}
BOTH, NEED, OFFER = ("need", "offer"), ("need",), ("offer",)


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    ``kinds`` are the offer kinds that show it, empty for all; ``limit`` counts characters;
    ``input`` is text, long, choice, choices, number, day, email, phone, url or check, ``choices``
    the list of terms it chooses from. ``twin`` is the same field in English: either will do.
    ``audience`` may see it unless the owner says otherwise, but never fewer than ``least``.
    """

    key: str
    sides: tuple[str, ...]
    input: str
    label: Mapping[str, str]
    help: Mapping[str, str]
    limit: int = 40
    required: bool = False
    kinds: tuple[str, ...] = ()
    choices: str | None = None
    twin: str | None = None
    audience: str = "matched"
    least: str = "centre"
    evidence_kind: str | None = None

    def is_shown(self, side: str, kind: str | None = None) -> bool:
        """Say whether the form of a side, and of a kind of offer, has this field."""
        fits = side == "need" or not self.kinds or kind in self.kinds
        return side in self.sides and fits


def _both(zh: str, en: str) -> Mapping[str, str]:
    return {"zh": zh, "en": en}


_NO_HELP = _both("", "")
_RESEARCH, _PLACES = ("capability",), ("capability", "equipment", "site", "supply")
_PAID = ("capability", "equipment", "site", "fund", "training", "supply")

FORM_FIELDS: tuple[FormField, ...] = (
    FormField("kind", OFFER, "choice", _both("供給類型", "Kind of offer"),
              _both("選定後會出現該類型的欄位", "The fields follow from it"), required=True,
              choices="offer_kinds"),
    FormField("title", BOTH, "text", _both("標題", "Title"),
              _both("一句話說明主題，不含公司名稱", "The subject in one line, without firm names"),
              256, True, twin="title_en"),
    FormField("title_en", BOTH, "text", _both("英文標題", "Title in English"),
              _both("英文讀者與國際夥伴看這一欄", "For readers of English"), 256),
    FormField("description", BOTH, "long", _both("說明", "Description"),
              _both("問題或能量、現況、數據與應用", "The problem or technique, today's state, "
                    "figures, use"), 4000, True, twin="description_en"),
    FormField("description_en", BOTH, "long", _both("英文說明", "Description in English"),
              _both("可比中文簡短", "May be shorter than the Chinese"), 4000),
    FormField("requirements", NEED, "long", _both("規格要求", "Requirements"),
              _both("目標數值與驗收方式", "Target figures and how they are tested"), 2000),
    FormField("requirements_en", NEED, "long", _both("英文規格要求", "Requirements in English"),
              _NO_HELP, 2000),
    FormField("kinds", NEED, "choices", _both("想找的供給類型", "Kinds of offers wanted"),
              _both("不選表示都可以", "None chosen: any kind"), choices="offer_kinds"),
    FormField("achievements", OFFER, "long", _both("成果與優勢", "Results and advantages"),
              _both("與現有作法相比好在哪裡", "What is better than today's practice"), 2000,
              kinds=_RESEARCH, evidence_kind="case"),
    FormField("specification", OFFER, "long", _both("機型與規格", "Model and specification"),
              _both("機型、量測範圍、精度、樣品限制", "Model, range, accuracy, limits of samples"),
              2000, kinds=("equipment",), evidence_kind="equipment"),
    FormField("conditions", OFFER, "long", _both("場域條件", "Conditions of the site"),
              _both("面積、水電、許可與安全規定", "Area, power, water, permits, safety rules"),
              2000, kinds=("site",), evidence_kind="equipment"),
    FormField("terms", OFFER, "long", _both("申請資格與條件", "Who may apply, and terms"),
              _both("資格、配合款、審查時程", "Eligibility, own share, time to a decision"), 2000,
              kinds=("fund",), evidence_kind="case"),
    FormField("syllabus", OFFER, "long", _both("課程內容", "Syllabus"),
              _both("單元、時數、先備知識", "Units, hours, what to know before"), 2000,
              kinds=("training",), evidence_kind="case"),
    FormField("markets", OFFER, "long", _both("市場與通路", "Markets and routes"),
              _both("國家、展會、買主類型", "Countries, fairs, kinds of buyers"), 2000,
              kinds=("channel",), evidence_kind="case"),
    FormField("certificates", OFFER, "long", _both("認證與品質", "Certificates and quality"),
              _both("認證、產能、最小訂量", "Certificates, capacity, least order"), 2000,
              kinds=("supply",), evidence_kind="certificate"),
    FormField("themes", BOTH, "choices", _both("產業主題", "Themes"), _NO_HELP, choices="themes"),
    FormField("trl_now", BOTH, "number", _both("目前技術成熟度", "TRL today"),
              _both("1 到 9", "1 to 9"), 8, kinds=_PLACES),
    FormField("trl_target", NEED, "number", _both("目標技術成熟度", "TRL aimed at"),
              _both("1 到 9", "1 to 9"), 8),
    FormField("modes", BOTH, "choices", _both("合作方式", "Ways of working"), _NO_HELP,
              choices="modes"),
    FormField("budget_min_ntd", NEED, "number", _both("預算下限（元）", "Budget from (NT$)"),
              _both("可寫 50萬", "Also 50萬"), audience="centre"),
    FormField("budget_max_ntd", NEED, "number", _both("預算上限（元）", "Budget up to (NT$)"),
              _both("可寫 120萬", "Also 120萬"), audience="centre"),
    FormField("money_min_ntd", OFFER, "number", _both("金額下限（元）", "Amount from (NT$)"),
              _both("費用、補助或投資金額", "Fee, grant or investment"), kinds=_PAID),
    FormField("money_max_ntd", OFFER, "number", _both("金額上限（元）", "Amount up to (NT$)"),
              _NO_HELP, kinds=_PAID),
    FormField("centre", BOTH, "choice", _both("園區", "Centre"),
              _both("由此園區審查", "Its office reviews the form"), 100, True, choices="centres"),
    FormField("county", BOTH, "choice", _both("縣市", "County"), _NO_HELP, 100,
              choices="counties"),
    FormField("reach", OFFER, "choice", _both("適用範圍", "Reach"),
              _both("只給本園區，或全國、國際", "This centre only, the country, or abroad"), 100,
              choices="reaches"),
    FormField("codes", BOTH, "text", _both("分類代碼", "Codes"),
              _both("例：IPC B23Q11/00；DGBAS 2912", "e.g. IPC B23Q11/00; DGBAS 2912"), 400),
    FormField("valid_from", BOTH, "day", _both("生效日", "Valid from"),
              _both("空白為刊登當日", "Empty: the day of publication")),
    FormField("valid_to", BOTH, "day", _both("有效期限", "Valid to"),
              _both("最長一年，可展延一次", "A year at most; it can be renewed once")),
    FormField("contact_name", BOTH, "text", _both("聯絡人", "Contact"),
              _both("雙方同意後才顯示", "Shown when both sides agree"), 100, True, least="owner"),
    FormField("contact_email", BOTH, "email", _both("電子郵件", "E-mail"),
              _both("雙方同意後才顯示", "Shown when both sides agree"), 254, True, least="owner"),
    FormField("contact_phone", BOTH, "phone", _both("電話", "Telephone"),
              _both("預設不顯示", "Not shown unless you choose to"), 40, audience="owner",
              least="owner"),
    FormField("contact_web", BOTH, "url", _both("網址", "Web address"), _NO_HELP, 300,
              least="owner"),
    FormField("organisation", BOTH, "fixed", _both("機構名稱", "Organisation"),
              _both("取自您的帳號", "From your account"), 300, least="owner"),
    FormField("anonymous", NEED, "check", _both("匿名刊登", "Publish anonymously"),
              _both("雙方同意前不顯示公司名稱與聯絡方式",
                    "Neither firm nor contact is shown until both sides agree"), 3),
)
FIELDS_BY_KEY: Mapping[str, FormField] = {field.key: field for field in FORM_FIELDS}
CONTACT = ("contact_name", "contact_email", "contact_phone", "contact_web")
# What names who is behind a record; hidden until both sides agree unless its owner shows it.
NAMING = (*CONTACT, "organisation", "party_id")
EVIDENCE_PARTS: Mapping[str, int] = {"title": 500, "text": 20_000, "kind": 40, "lang": 40,
                                     "year": 20, "source": 500, "doi": 300}
MOST_EVIDENCE = 200
# What is in a form beside its fields, and the parts of a line of evidence.
_LABELS: Mapping[str, Mapping[str, str]] = {
    "visibility": {"zh": "誰看得到", "en": "Who sees it"},
    "evidence": {"zh": "依據", "en": "Evidence"}, "title": {"zh": "標題", "en": "title"},
    "text": {"zh": "內容", "en": "text"}, "kind": {"zh": "種類", "en": "kind"},
    "lang": {"zh": "語言", "en": "language"}, "year": {"zh": "年份", "en": "year"},
    "source": {"zh": "出處", "en": "source"}, "doi": {"zh": "DOI", "en": "DOI"}}


def label_of(column: str) -> Mapping[str, str]:
    """Give people's words for a field's key, or for a part of a line of evidence."""
    field, (first, _, part) = FIELDS_BY_KEY.get(column), column.partition(".")
    if field is not None:
        return field.label
    number, _, name = part.partition(".")
    if first != "evidence" or not number.isdecimal():
        return _LABELS.get(column, {"zh": column, "en": column})
    own = _LABELS.get(name, {"zh": name, "en": name})
    return {lang: f"{_LABELS[first][lang]} {int(number) + 1}{mark}{own[lang]}"
            for lang, mark in (("zh", "："), ("en", ", "))}


def form_fields(side: str, kind: str | None = None) -> tuple[FormField, ...]:
    """Give the fields of a side's form; of an offer those of its kind."""
    return tuple(field for field in FORM_FIELDS if field.is_shown(side, kind))


def audience_of(key: str, chosen: Mapping[str, str]) -> str:
    """Give who may see a field: as chosen, else as usual, never fewer than the field allows.

    What is no field of a form is for its owner alone.
    """
    field = FIELDS_BY_KEY.get("organisation" if key == "party_id" else key)
    if field is None:
        return "owner"
    order, wanted = tuple(AUDIENCES), chosen.get(field.key, field.audience)
    wanted = wanted if wanted in order else field.audience
    return order[max(order.index(wanted), order.index(field.least))]
