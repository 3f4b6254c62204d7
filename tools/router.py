"""What a question asks for, without a language model: which tools, in which language, about which part.

A table of intents, each with the words people use for it in English and Japanese. Strong words always count; weak ones ("problem",
見て) appear in every kind of question and count only when no strong word is there. English words are corrected for typos against the
table's own vocabulary first. A new tool joins by a row in INTENTS; a question with no known word gets the default, which with a photo is
"is it OK, and where not?".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from kenpin.storage.vocabulary import Language

DEFAULT_TOOLS = ("compare", "locate")


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One thing people ask for."""

    name: str
    tools: tuple[str, ...] = ()  # empty: no tool does it yet, or none is needed
    english: str = r"(?!)"  # regular expression over lower-case words; the default matches nothing
    english_weak: str = r"(?!)"
    japanese: str = r"(?!)"
    japanese_weak: str = r"(?!)"


@dataclass(frozen=True, kw_only=True)
class Route:
    """What to do about a question."""

    language: Language
    tools: tuple[str, ...]  # to be called, in this order; the default when the question is not clear
    cannot: tuple[str, ...]  # names of intents that were asked for and that no tool does yet
    wants_help: bool
    clear: bool  # False: no known word was found, `tools` is the default
    part_words: tuple[str, ...]  # what looks like a part number, as written, NFKC


_DEFECT = r"(?:defects?|scratch(?:es)?|cracks?|dents?|chips?|stains?|damage|marks?|flaws?|anomal(?:y|ies)|spots?|burrs?|dirt|contamination)"
_KIZU = r"(?:キズ|きず|傷|疵|欠陥|不良|欠け|カケ|割れ|ひび|ヒビ|クラック|汚れ|異物|異常|へこみ|凹み|打痕|バリ)"

INTENTS = (
    Intent(
        name="compare",
        tools=("compare",),
        english=r"\b(?:ok|okay|okey|k\?|fine|good|alright|all right|pass|passes|passed|fail|fails|acceptable|accept|usable|use (?:it|this|them)|"
        r"reject|ng|n\.g|defective|faulty|conforming|nonconforming|in spec|within spec|out of spec|ship|verdict|judge|go or no ?go|"
        r"go/no-?go|safe to|normal|abnormal|healthy|trust|keep (?:it|this)|ready to go|toss|bin (?:it|this)|scrap (?:it|this)|up to standard)\b",
        english_weak=r"\b(?:problems?|issues?|wrong|broken|bad|damaged?|check|inspect|inspection|look|looks|odd|strange|weird|unusual|off|review|"
        r"quality|any|is there|are there|does it have|do you see|see any|find|anything|opinion|think)\b",
        japanese=r"大丈夫|だいじょうぶ|ダイジョウブ|\bok\b|(?<![a-z])ok(?![a-z])|オッケー|オーケー|おっけー|良品|正常|合格|合否|良否|可否|判定|"
        r"(?<![a-z])ng(?![a-z])|エヌジー|だめ|ダメ|駄目|いける|いけます|いけそう|使え|使って|使用でき|出荷|流して|通して|平気|セーフ|アウト|"
        r"不良(?:です|でしょう|かな|か|ですか|品)|問題(?:ない|無い|なし|無し|ありません|ございません|あり(?:ます|そう)|ある)",
        japanese_weak=rf"問題|おかし|変(?:です|かな|じゃ|な|では)|良い|よい|よろしい|いい|異常|見て|みて|確認|チェック|検査|点検|どう|いかが|{_KIZU}",
    ),
    Intent(
        name="locate",
        tools=("locate",),
        english=r"\b(?:where|whereabouts|locate|location|position|point (?:to|out|at)|highlight|circle|mark (?:it|the|them|where)|outline|heat ?map|"
        r"which (?:side|corner|area|spot|region|end|edge|place|bit)|how (?:large|big|many|much of)|what size|size of|area of|extent|"
        rf"count (?:the|all)|number of {_DEFECT}|(?:show|see) me (?:the|any|all)? ?{_DEFECT}|show (?:the|any|all)? ?{_DEFECT}|what(?:'s| is) wrong)\b",
        japanese=r"どこ|ドコ|何処|どの(?:辺|へん|あたり|辺り|部分|場所|位置|箇所|面|角|隅)|場所|位置|箇所|個所|何(?:か所|ヶ所|ヵ所|カ所|箇所|個|つ)|"
        r"いくつ|大きさ|サイズ|どれ(?:くらい|ぐらい|ほど|だけ)|どの(?:くらい|ぐらい)|面積|範囲|印を|印つけ|マーク|示して|指して|囲って|囲んで|"
        r"ヒートマップ|何(?:%|パーセント)",
    ),
    Intent(
        name="history",
        tools=("history",),
        english=r"\b(?:seen|before|previous|previously|earlier|similar|history|past|last (?:time|week|month|year)|recurring|recurr?ed|"
        r"happened|happen before|ever (?:had|seen|happened)|first time|how often|already (?:had|seen)|did we (?:do|decide|scrap|rework)|decided|"
        rf"other cases|like this one|same (?:defect|problem|issue|thing|{_DEFECT})|repeat|look(?:s|ed)? familiar|known issue)\b",
        japanese=r"前(?:に|回|も|と同じ|にも|例)|以前|過去|履歴|似た|似て|類似|同じ(?:ような|不良|欠陥|キズ|傷|もの|の|問題|やつ|事例|症状)|再発|初めて|はじめて|"
        r"見たこと|みたこと|見覚え|事例|昔|先(?:週|月|日)|最近|何回目|何度(?:目|も)|(?:処置|処理|判断|対応|決定|決め)(?:した|しました|された|ました|た)|"
        r"(?:他|ほか)にも|あったっけ|ありましたっけ|あったこと|これまで|今まで|いままで|頻度|よく(?:ある|出る|あり|起)",
    ),
    Intent(
        name="measure",
        english=r"\b(?:\d* ?mm|millimet(?:er|re)s?|cm|centimet(?:er|re)s?|inch|inches|microns?|um|μm|measure|measurements?|dimensions?|diameter|"
        r"how (?:deep|thick|long|tall|wide|high)|depth|thickness|tolerance)\b",
        japanese=r"ミリ|(?<![a-z])[cm]m(?![a-z])|センチ|寸法|長さ|深さ|幅は|幅を|厚み|厚さ|直径|測って|測れ|測定|計測|公差|ミクロン|μm",
    ),
    Intent(
        name="read_label",
        english=r"\b(?:labels?|barcode|qr|ocr|read (?:the|this|it|out|me)|transcribe|sticker|engraving|date code|"
        r"(?:what|which)(?:'s| is| does)? (?:the |it |this )?(?:say|says|text|serial|lot|part number|number|written|printed|model|batch)|"
        r"(?:serial|lot|part|batch) (?:number|no\.?) (?:is|on)|what does (?:it|this|the \w+) say)\b",
        japanese=r"ラベル|読(?:んで|める|めます|み取|取)|バーコード|(?<![a-z])qr(?![a-z])|文字|刻印|印字|銘板|何て書|何と書|なんて書|書いて(?:ある|あり)|"
        r"(?:シリアル|ロット|製造|型番|品番|番号)(?:番号|ナンバー)?(?:は|を|が)?(?:何|なに|いくつ|教え|読|わか|分か)|\bocr\b",
    ),
    Intent(
        name="reason",
        english=r"\b(?:why|cause|causes|caused|causing|root cause|reason|how did (?:this|it|that) (?:happen|get|come)|what (?:made|led)|comes? from|"
        r"due to what|result of|what could have|prevent)\b",
        japanese=r"なぜ|何故|なんで|何で(?:こう|こん|起|でき|出)|原因|理由|どうして|要因|何のせい|対策|どうやってでき",
    ),
    Intent(
        name="classify",
        english=rf"\b(?:what (?:kind|type|sort|class)|which (?:kind|type|class)|classify|name of (?:the|this) {_DEFECT}|what {_DEFECT} is|"
        rf"what do you call|is (?:it|this|that) a {_DEFECT} or|{_DEFECT} or (?:a |just |only )?(?:{_DEFECT}|dust|dirt|shadow|reflection))\b",
        japanese=rf"何(?:の|という|て(?:いう|ゆう)){_KIZU}|どんな(?:種類|{_KIZU})|どういう{_KIZU}|種類|分類|不良名|欠陥名|{_KIZU}(?:です)?(?:か、?|それとも|なのか).*{_KIZU}|"
        r"不良モード|何不良",
    ),
    Intent(
        name="describe",
        english=r"\b(?:describe|description|what do you see|what(?:'s| is) (?:in|on) (?:the|this) (?:photo|picture|image)|what am i looking at|"
        r"what (?:part |component )?is this(?: part| thing)?|caption|tell me about)\b",
        japanese=r"説明|何が写|なにが写|写って(?:いる|る)|これ(?:は|って)?(?:何|なに|なん)(?:です|だ|？|\?|の部品|$)|何の部品|なんの部品",
    ),
    Intent(
        name="help",
        english=r"\b(?:help|what can you (?:do|tell|answer)|how (?:do|can|should) (?:i|we) use|how does (?:this|it|the bot) work|how do you work|commands?|"
        r"instructions|manual|who are you|what are you|hello|hi|hey kenpin|thanks|thank you|good morning)\b",
        japanese=r"使い方|つかいかた|ヘルプ|(?:何|なに)が(?:でき|出来)|できること|出来ること|どう使|どうやって使|あなたは(?:誰|だれ)|こんにちは|おはよう|ありがとう|こんばんは|はじめまして",
    ),
)

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々]")
_LATIN_WORD = re.compile(r"[a-z]{2,}")
_SLACK_MARKUP = re.compile(r"<[@#!][^>]*>|<https?://[^>]*>|:[a-z0-9_+-]+:")

# A part number by its looks: capitals, a hyphen, a digit later on; or anything with a digit after a word that announces one.
_PART_SHAPE = re.compile(r"(?<![A-Za-z0-9_/.-])[A-Z]{1,8}(?:-[A-Z0-9]+)*-[A-Z0-9]*\d[A-Z0-9]*(?:-[A-Z0-9]+)*(?![A-Za-z0-9_])")
_PART_ANNOUNCED = re.compile(
    r"(?:\bpart(?: ?(?:number|no\.?))?|\bp/?n|部品(?:番号)?|品番|型番|型式)\s*[:：#]?\s*([A-Za-z0-9][A-Za-z0-9._-]*\d[A-Za-z0-9-]*)", re.IGNORECASE
)
_NO_PART = re.compile(r"(?:ISO|JIS|IEC|EN|DIN|ASTM|ANSI|IMG|DSC|DSCN|PXL|LOT|SN|PO|WO|NO|REV|V|STATION|LINE|CAM|COVID)-", re.IGNORECASE)


def route(text: str, *, default_language: Language = Language.EN) -> Route:
    """Read a question. `default_language` is for texts without a word in any language, such as an empty one."""
    plain = _SLACK_MARKUP.sub(" ", unicodedata.normalize("NFKC", text))
    part_words = _part_words(plain)
    for word in part_words:
        plain = plain.replace(word, " ")
    language = _language(plain, default_language)
    asked = _intents(plain.lower())
    tools = tuple(tool for intent in asked for tool in intent.tools)
    cannot = tuple(intent.name for intent in asked if not intent.tools and intent.name != "help")
    # "Hello, is this OK?" asks about the part; help is for a question that asks nothing else.
    wants_help = not tools and not cannot and any(intent.name == "help" for intent in asked)
    if not asked:
        tools = DEFAULT_TOOLS
    return Route(language=language, tools=tools, cannot=cannot, wants_help=wants_help, clear=bool(asked), part_words=part_words)


def _intents(text: str) -> tuple[Intent, ...]:
    english = _corrected(text)
    strong = tuple(i for i in INTENTS if re.search(i.japanese, text) or re.search(i.english, english))
    if strong:
        return strong
    return tuple(i for i in INTENTS if re.search(i.japanese_weak, text) or re.search(i.english_weak, english))


def _language(text: str, default: Language) -> Language:
    """Japanese as soon as there is Japanese writing: people mix English words into Japanese sentences, hardly the other way round."""
    if _JAPANESE.search(text):
        return Language.JA
    return Language.EN if _LATIN_WORD.search(text.lower()) else default


def _part_words(text: str) -> tuple[str, ...]:
    shaped = [m.group() for m in _PART_SHAPE.finditer(text)]
    announced = [m.group(1).rstrip(".-_") for m in _PART_ANNOUNCED.finditer(text)]
    return tuple(dict.fromkeys(word for word in shaped + announced if not _NO_PART.match(word)))


# Typos. Words of everyday English are left alone, so that "were" does not become "where".
_EVERYDAY = frozenset(
    ["this", "that", "these", "those", "there", "here", "were", "have", "has", "had", "been", "with", "what", "when", "which", "will", "would", "could", "should", "does", "done", "from", "into", "over", "under", "your", "mine", "ours", "they", "them", "then", "than", "very", "just", "only", "also", "some", "more", "most", "part", "parts", "piece", "line", "shift", "cell", "photo", "picture", "image", "please", "still", "like", "want", "need", "know", "tell", "give", "take", "make", "made", "same", "sane", "line", "lines", "side", "food", "wood", "mood", "fire", "file", "five", "find", "mind", "sip", "chip", "shop", "slip", "shot", "hip", "best", "rest", "test", "text", "next", "note", "not", "now", "nor", "how", "who", "whom", "ours", "hours", "ward", "warm", "seem", "seen", "send", "sent", "fast", "last", "lost", "cast", "post", "most", "must", "mast", "made", "kind", "king", "wing", "ring", "thing", "think", "thank", "thanks", "bank", "tank", "rank", "back", "pack", "lack", "look", "took", "cook", "book", "hook", "cock", "lock", "pick", "pink", "link", "again", "after", "first", "later", "today", "being", "bring", "doing", "going", "using", "used", "user", "uses", "able", "table", "cable", "other", "others", "another", "really", "right", "light", "night", "might", "sight", "tight", "fight", "eight", "weight", "height", "about", "above", "below", "along", "around", "across", "every", "each", "either", "never", "whenever", "wherever", "however"]
)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    """The words of the English patterns, long enough to be mistyped recognisably."""
    patterns = " ".join(f"{i.english} {i.english_weak}" for i in INTENTS)
    return frozenset(re.findall(r"[a-z]{4,}", re.sub(r"\\[bdw]", " ", patterns))) - _EVERYDAY | {"seen", "happen"}


def _corrected(text: str) -> str:
    return _LATIN_WORD.sub(lambda found: _nearest(found.group()), text.replace("’", "'"))


@lru_cache(maxsize=4096)
def _nearest(word: str) -> str:
    """The vocabulary's one nearest word within one slip (two from eight letters on), or the word itself."""
    vocabulary = _vocabulary()
    if len(word) < 4 or word in vocabulary or word in _EVERYDAY:
        return word
    allowed = 1 if len(word) < 8 else 2
    near: dict[int, set[str]] = {}
    for known in vocabulary:
        if abs(len(known) - len(word)) <= allowed and (distance := _slips(word, known)) <= allowed:
            near.setdefault(distance, set()).add(known)
    if not near:
        return word
    best = near[min(near)]
    return best.pop() if len(best) == 1 else word


def _slips(a: str, b: str) -> int:
    """Optimal string alignment distance: letters left out, added, changed, or two neighbours swapped."""
    before, row = list[int](), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row_above = before, row
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(row_above[j] + 1, row[j - 1] + 1, row_above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        before = row_above
    return row[-1]
