"""Cue words: what in a sentence is a sign that a thing is spoken of.

The signs are in sight, so that a writer can be told why a point was given and a colleague can add
a word. They are general words of Chinese and English requests, fitted to no judged set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from matcher.languages import fold_han, normalise

_NUMERAL = "一二兩三四五六七八九十百千萬億"

# Chinese (either script) and English (whole words) by what they are a sign of; lower case, NFKC.
CUES: Mapping[str, tuple[str, str]] = {
    "number": (
        r"(?<![a-z0-9.])\d[\d.,]{0,14}\s?(?:"
        r"(?:[pnμkmgtcd]?(?:m|g|w|v|hz|pa|l|j|wh|b|bit|ev|ω|t)|[mkμn]a|m?ah|s|n|k|ms|μs|ns"
        r"|pp[mbt]|db|rpm|cfu|bar|fps|[kmg]bps|lux|tops)(?![a-z])|[%‰°]"
        r"|分鐘|小時|天|週|個月|倍|次|片|臺|件|組|隻|支|顆|度|元|萬|億|人|成|公[斤克噸尺分升頃里]"
        r"|噸|[毫微奈]?[米克升秒]|伏|瓦|坪|點|層|株|頭|瓶|批|轉)|(?<![\d.])\d{1,2}\s?年(?!\s?\d)"
        rf"|[{_NUMERAL}]{{1,8}}(?:公[斤克噸尺分升頃里]|噸|[毫微奈]?米|秒|分鐘|小時|個月|倍|成(?![本為功"
        rf"長型員分份熟不]))|[二兩三四五六七八九十百千][{_NUMERAL}]{{0,7}}(?:天|週|年|次|片|臺|件|組|"
        rf"隻|支|顆|度|元|人|名|位)|[{_NUMERAL}\d]分之[{_NUMERAL}\d]|ph\s?\d",
        r"\d[\d.,]{0,14}[ -]?(?:hours?|days?|weeks?|months?|years?|minutes?|seconds?|times|fold"
        r"|cycles|units|pieces|parts|tonnes?|tons?|met(?:re|er)s?|people|patients|steps?|percent)"),
    "bound": (
        r"以[內下上]|[低高少大小多]於|不[超到足]|至少|至多|最[多少高低]|(?<![馬雷])達|[降壓提升縮減]到|(?:之|[年月週天日鐘時秒元%成倍度次])\s?內"
        r"|不得|上限|下限",
        r"below|under|above|over|within|at (?:least|most)|(?:less|more|fewer|better) than|up to"
        r"|no more than|maximum|minimum|reach\w*|keep\w*"),
    "asks": (
        r"需要|希望|想[要找把借知請]|尋[求找]|徵求|目標|期[望盼]|盼|擬|請[提協]|求[助購]|必[須需]"
        r"|(?<![不重主只必首])[要須需找](?!求)",
        r"need(?:s|ed)?|want(?:s|ed)?|look(?:s|ing)? for|seek(?:s|ing)?|requir\w*|wish\w*|goal"
        r"|would like|should|must|aim\w*|target\w*|search(?:es|ing)? for|in search of|call for"),
    "gives": (
        r"提供|可[以供做在於依代協]|能[夠在]|開發|設計|建[置立構]|服務|課程|輔導|協助|供應|投資|補助|專長|擅長"
        r"|[檢量預監]測|分析|模擬|控制|處理|回收|製[作造備成]|合成|辨識|[優最]佳?化|培養|篩選|調整|計算|監控|取代",
        r"we|provid\w+|offer\w*|can|develop\w+|deliver\w*|measur\w+|design\w*|suppl\w+|help\w*"
        r"|train\w*|stud(?:y|ies)|analy[sz]\w+|simulat\w+|cuts?|reduc\w+|predict\w*|detect\w*"),
    "problem": (
        r"(?<!沒有)(?<!沒)(?<!無)問題|困[難擾]|瓶頸|痛點|缺[點陷失口乏少工]|短缺|不[良足夠穩準均易]"
        r"|[\u4e00-\u9fff]不(?:到|出|準|掉|起|了|懂|住|動|開|下|起來|出來)(?!\s?[\d一二三四五六七八九])"
        r"|不[符願敢收]|無法|沒辦法|還沒|沒有(?!問題)|不懂|不乾淨|更糟|難[以於]|很難|無效|沒用|[太過][高低長短慢快大小重貴"
        r"多少差強弱熱硬久]|失[效準敗活真靈控常]|故障|損[失壞耗傷]|退貨|客訴|抱怨|報廢|誤[判報]|漏[檢報判掉失水電]"
        r"|[漂飄][移走]|衰[減退]|劣化|汙染|變[形質黑]|裂(?!解)|破[裂損]|斷[裂線電]|中斷|脫層|剝[離落]|鏽蝕"
        r"|腐蝕|磨損|翹曲|刮[傷痕]|[沾粘]黏|結[垢塊]|[阻堵]塞|塞[死住]|卡[住死在]|停機|當機|延[誤遲]"
        r"|耗[時能費]|死亡|病害|蟲害|感染|超標|(?<!不)超過|罰|賠|虧|干擾|雜訊|洩漏|外洩|跌倒|只[有剩能]|僅[有剩]"
        r"|忽高忽低|風險|疑慮|受不了|[掉少跌降漏漲]了?[一二兩三四五六七八九]成|[掉跌]到",
        r"(?<!no )problems?|fail(?:s|ed|ure|ures|ing)?|los(?:e|es|ing|s|ses|t)|defect\w*"
        r"|drift(?:s|ed|ing)?|too \w+|cannot|can't|could not|unable|unstable|bottlenecks?"
        r"|reject(?:s|ed)?|downtime|contaminat\w+|crack(?:s|ed)?|scrapped|wast(?:e|es|ed)|lack(?:s|ing)?"
        r"|suffers?|degrad\w+|difficult\w*|drop(?:s|ped)?|f[ae]lls?|fades?|clogs?|br(?:eak|eaks|oke)"
        r"|burns?|killed|dies?|refuse[sd]?|trip(?:s|ped)|overheats?|uneven\w*|poor(?:ly)?|slow"
        r"|no longer|(?:does|do|did) not|wrong\w*|shortages?|delay\w*|risks?|complain\w*|voids?"
        r"|noisy|errors?|disconnect\w*|only \d\S*"),
    "better": (
        r"降[低到至為]|減[少低到半輕量]|[壓縮]到|縮短|提[高升]|增[加進強]|(?<!沒有)(?<!無)改[善良進]|取代|替代"
        r"|優[於化]|節[省能約]|省[下去電水]|避免|防止|不[必用需想]|無[須需]|免[除去]|不再|[比較][^，。；,;]{1,12}"
        r"[更高低快好少多省長強小]|更[高低快好少多省長強小穩準輕]|(?:[快省]|提前)\s?[\d一二兩三四五六七八九]"
        r"|加倍|創新|首創|獨[特有]|新[型穎]|非[破接][壞觸]|不破壞|即時|自動|抗(?![體議生])|耐(?!心)|而不只?是",
        r"reduc\w+|lower(?:s|ed|ing)?|increas(?:e|es|ed|ing)|improv\w+|shorten\w*|replac\w+|faster"
        r"|better|cuts?|sav(?:e|es|ed|ing|ings)|avoid\w*|instead of|rather than|without|cheaper"
        r"|fewer|higher|smaller|lighter|more (?:accurate|stable|efficient|reliable|robust)|safer"
        r"|real[- ]time|automat\w+|non-?destructive|contactless|no need|eliminat\w+|prevent\w*"
        r"|doubl\w+|halv\w+|outperform\w*|novel|innovative|remov(?:e|es|ing)"),
    "today": (
        r"目前|現[行有況]|(?<![出呈表發])現在|以往|過去|曾|至今|[試測換改做加包調裝除用買]過(?![程量度敏濾])|試[著了]|[貼裝換加買請改]了"
        r"|已經?[試改換裝做買]|改用|傳統|人[工眼](?!智)|手[動工寫貼]|(?<!可)靠(?!近)|師傅|外購|進口|仰賴|依賴"
        r"|沿用|一般|市售|既有|原[本有先]|仍[無舊然]|還是",
        r"currently|today(?:'s)?|at present|so far|existing|tried|conventional|manual(?:ly)?"
        r"|by hand|imported|until now|now|in use|state of the art"
        r"|commercial|usual\w*|traditional\w*|(?:did|does|do) not help|helps?,? (?:but|yet)"),
    "economics": (
        rf"[\d{_NUMERAL}]\s?多?[萬億千百]?[萬億]?元|\$\s?\d|nt\$|us\$|[€£]|臺幣|美[金元]|歐元|成本|費用|[電水運油工租藥]費"
        r"|運費|花費|開銷|支出|單價|[售造]價|價[格差錢值]|便宜|貴(?![公單院校所司])|省錢|賠錢|獲利|毛利"
        r"|利潤|營收|營業額|產[值量能]|[年月日]產|訂單|市場|市[占佔]|外銷|內銷|出貨|回收期|效益|良率|報廢|稼動率"
        r"|工時|量產|預算|(?:損失|花[了掉]|省[下了]|投[資入])\S{0,8}[萬億]|出口(?=[歐美日到至])"
        rf"|(?:每|一)[年月日天週分期]\S{{0,3}}[\d{_NUMERAL}][^，。；]{{0,5}}(?:噸|公斤|支|片|臺|件|隻|公頃|頭|瓶|箱)",
        r"(?:nt|us)\$|usd|eur|costs?|costly|pric\w+|cheap\w*|expensive|payback|budget|markets?"
        r"|revenue|sales|profit\w*|margins?|export\w*|invest\w+|money|annual\w*|yields?"
        r"|orders|throughput|(?:high|production|annual|large) volumes?"
        r"|\d+ ?% of (?:its|our|the) (?:output|production)"
        r"|\d[^.;]{0,30} (?:a|per|each|every) (?:year|month|week|day)"),
    "tests": (
        r"驗證|測試|試驗|實測|場域|試[量產作用飛養航跑辦]|認證|查證|確效|並機|樣品|標準|規範|法規|臨床",
        r"test(?:s|ed|ing|bed)?|trials?|validat\w+|verif\w+|pilot\w*|certif\w+|measured|prove\w*"
        r"|prototype\w*|standards?|(?:iso|iec|astm) \d+|regulators?|under [^.;]{0,30}conditions?"),
    "due": (
        rf"(?:\d|[{_NUMERAL}半])\s?(?:個月|週|年|天)之?以?內|期限|截止|[年季月]底|前(?:完成|交)|上線前|時程"
        r"|20\d\d\s?[年/.-]\s?\d",
        r"deadline|by (?:the end|q\d|20\d\d|[a-z]+ 20\d\d)|within \w+ (?:weeks?|months?|years?)"
        r"|due (?:date|by)|before (?:20\d\d|the end)|q[1-4] 20\d\d"),
    "budget": (
        rf"(?:預算|經費|資金|補助)[^。；]{{0,20}}[\d{_NUMERAL}]",
        r"budget [^.;]{0,20}\d|budget of|funding of"),
    "modes": (
        r"委託|共同[研開]|合作[研開]|技術(?:移轉|轉移|授權|服務)|授權|代工|借用|[租共]用",
        r"joint (?:research|development)|contract research|licen[cs]\w+|technical service|test site"
        r"|co-?develop\w*|on loan"),
    "trl": (r"trl\s?\d|技術(?:成熟度|就緒)", r"readiness level|prototype|proof of concept"),
    "use": (
        r"用[於在]|應用|適[用合]|對象|客戶|產業|業者|[工藥車面晶]廠|廠商|產線|醫院|農[民場家]|已在|已?輔導|模型",
        r"used? (?:for|in|by)|suit\w*|appl(?:y|ies|ied|ication|ications)|for|in (?:the|our|a)"
        r"|customers?|clients?|farm\w*|plants?|hospitals?|factor(?:y|ies)|industr\w+"),
}


def plain_of(text: str) -> str:
    """Give the text as signs are looked for in it: NFKC, lower case, Simplified Han."""
    return fold_han(normalise(text)).strip()


@cache
def cue(name: str) -> re.Pattern[str]:
    """Give the pattern of a sign, for plain sentences."""
    chinese, english = CUES[name]
    return re.compile(rf"{fold_han(chinese)}|(?<![a-z])(?:{english})(?![a-z])")
