"""The columns of every table: field, Chinese header, other spellings, converter, example.

One row here is all there is to a column; forms, templates and files read it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from matcher.intake import convert as to
from matcher.vocabulary import Evidence, JudgedPair, Need, Offer, Party


@dataclass(frozen=True, slots=True)
class Field:
    """One column: the noun's field, its Chinese header, aliases, and how to read a cell.

    What a ``soft`` column cannot read is warned of and left empty; the row stays.
    """

    name: str
    zh: str
    convert: Callable[[str], Any] = to.as_text
    aliases: tuple[str, ...] = ()
    required: bool = False
    example: str = ""
    soft: bool = False


_CENTRE = Field("centre", "園區", to.as_centre, ("centre_code", "park", "中心", "創新中心"),
                example="STSP")
_COUNTY = Field("county", "縣市", to.as_county, ("city",), example="臺南市")
_LANG = Field("lang", "語言", to.as_language, ("language",), example="zh")
_PARTY = Field("party_id", "機構編號", to.as_id, ("organisation_id",), example="P001")
_THEMES = Field("themes", "產業主題", to.many_of("themes"), ("theme", "主題", "領域"),
                example="智慧機械")
_MODES = Field("modes", "合作方式", to.many_of("modes"), ("mode", "合作模式"), example="委託研究")
_FROM = Field("valid_from", "生效日", to.as_date, ("開始日期", "start"), example="2026-01-01")
_TO = Field("valid_to", "有效期限", to.as_date, ("截止日", "結束日期", "end", "deadline"),
            example="2027-12-31")
_CODES = Field("codes", "分類代碼", to.as_codes, ("code", "分類", "ipc"),
               example="DGBAS 2912；IPC B23Q11/00")
_TRL = Field("trl_now", "目前TRL", to.as_trl, ("trl", "技術成熟度"), example="4")

FIELDS: Mapping[str, tuple[Field, ...]] = {
    "parties": (
        Field("party_id", "機構編號", to.as_id, ("organisation_id", "code", "公司代號", "代號"),
              True, "P001"),
        Field("name", "機構名稱", aliases=("公司名稱", "企業名稱", "名稱", "單位名稱"),
              required=True, example="範例精密股份有限公司（樣本）"),
        Field("name_en", "英文名稱", aliases=("english_name", "abbr_en", "英文簡稱"),
              example="Sample Precision Co. (sample)"),
        Field("kind", "機構類型", to.one_of("party_kinds"), ("type",), example="企業"),
        Field("tax_id", "統一編號", to.as_id, ("統編", "ubn", "營利事業統一編號"),
              example="04595257"),
        Field("industry", "產業類別", aliases=("產業", "行業"), example="精密機械"),
        Field("website", "網址", aliases=("url", "網站"), example="https://example.org"),
        Field("address", "地址", aliases=("公司地址", "住址"), example="臺南市新市區"),
        _COUNTY, replace(_CENTRE, soft=True), _LANG,
        Field("size", "規模", aliases=("員工人數",), example="11-49"),
        Field("source", "來源", example="園區名錄"),
    ),
    "needs": (
        Field("need_id", "需求編號", to.as_id, ("id", "編號", "需求代碼"), True, "N001"),
        Field("title", "標題", aliases=("需求標題", "題目", "需求名稱"), example="主軸熱變位補償"),
        Field("description", "需求說明",
              aliases=("說明", "技術需求", "需求內容", "問題描述", "text"),
              example="五軸加工機開機兩小時後 Z 軸伸長 35 µm，想找能即時補償的作法。"),
        Field("requirements", "規格要求", aliases=("要求", "目標規格", "技術規格"),
              example="八小時內誤差小於 8 µm。"),
        _PARTY, _CENTRE, _COUNTY, _LANG,
        Field("kinds", "想找的供給類型", to.many_of("offer_kinds"), ("kind", "供給類型"),
              example="研發能量；設備"),
        _THEMES, _TRL, Field("trl_target", "目標TRL", to.as_trl, example="7"),
        Field("budget_min_ntd", "預算下限", to.as_integer, ("budget_min",), example="500000"),
        Field("budget_max_ntd", "預算上限", to.as_integer, ("budget_max", "預算"), example="120萬"),
        _FROM, _TO, _MODES, _CODES,
    ),
    "offers": (
        Field("offer_id", "供給編號", to.as_id, ("id", "編號", "供給代碼"), True, "O001"),
        Field("title", "標題", aliases=("供給標題", "名稱"), example="工具機熱誤差建模"),
        Field("description", "供給說明", aliases=("說明", "內容", "研發能量", "text"),
              example="以 12 點溫度量測建立主軸熱誤差模型，補償後殘差 6 µm。"),
        Field("kind", "供給類型", to.one_of("offer_kinds"), ("type",), example="研發能量"),
        _PARTY, _CENTRE, _COUNTY, _LANG, _THEMES, _TRL, _MODES,
        Field("money_min_ntd", "金額下限", to.as_integer, ("money_min",), example="300000"),
        Field("money_max_ntd", "金額上限", to.as_integer, ("money_max", "金額"), example="200萬"),
        _FROM, _TO, Field("reach", "適用範圍", to.as_reach, example="全國"), _CODES,
    ),
    "evidence": (
        Field("evidence_id", "依據編號", to.as_id, ("id", "編號"), True, "E001"),
        Field("offer_id", "供給編號", to.as_id, required=True, example="O001"),
        Field("text", "依據內容", aliases=("內容", "說明", "摘要", "abstract", "description"),
              required=True, example="以類神經網路預測主軸熱變位，於三台加工中心驗證。"),
        Field("title", "標題", aliases=("題名",), example=""),
        Field("kind", "依據類型", to.one_of("evidence_kinds"), ("type",), example="論文"),
        _LANG, Field("year", "年度", to.as_year, ("年份",), example="2025"),
        Field("source", "來源", example="機械學刊"),
    ),
    "judged": (
        Field("need_id", "需求編號", to.as_id, required=True, example="N001"),
        Field("offer_id", "供給編號", to.as_id, required=True, example="O001"),
        Field("grade", "等級", to.as_grade, ("score", "評分"), True, "3"),
        Field("judge", "判定者", example="office"),
        Field("date", "判定日", to.as_date, ("日期",), example="2026-11-24"),
        Field("reason", "理由", example="解決同一問題"),
    ),
}
NOUNS: Mapping[str, type] = {"parties": Party, "needs": Need, "offers": Offer,
                             "evidence": Evidence, "judged": JudgedPair}
# Nouns that keep columns we have no field for.
KEEPS_EXTRA = frozenset({"parties"})
# Rows need at least one of these, or there is nothing to match.
SOME_TEXT: Mapping[str, tuple[str, ...]] = {"needs": ("title", "description", "requirements"),
                                            "offers": ("title", "description")}
KEYS: Mapping[str, tuple[str, ...]] = {
    "parties": ("party_id",), "needs": ("need_id",), "offers": ("offer_id",),
    "evidence": ("evidence_id",), "judged": ("need_id", "offer_id", "judge"),
}
ORDERED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "needs": (("budget_min_ntd", "budget_max_ntd"), ("valid_from", "valid_to")),
    "offers": (("money_min_ntd", "money_max_ntd"), ("valid_from", "valid_to")),
}
