"""What a question asks for, without a language model: which tools, in which language, about which part.

A table of intents, each with the words people use for it in English and Japanese. Strong words always count; weak ones ("problem",
見て) turn up in every kind of question and count only when there is no strong word. English words are first corrected for typos against
the table's own vocabulary. A new tool joins by its name in INTENTS; a question with no known word gets the default, which is "is it OK,
and where not?".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from kenpin.storage.vocabulary import Language

DEFAULT_TOOLS = ("compare", "locate")
HELP = "help"
MOST_CHARACTERS = 2000  # of a question are read; nobody asks longer, and some patterns take time that grows with the square


@dataclass(frozen=True, kw_only=True)
class Route:
    """What to do about a question."""

    language: Language
    tools: tuple[str, ...]  # to be called, in this order; the default when the question is not clear
    cannot: tuple[str, ...]  # names of intents that were asked for and that no tool serves yet
    wants_help: bool
    clear: bool  # False: no known word was found, and `tools` is the default
    part_words: tuple[str, ...]  # what looks like a part number, as written but for its width


def _english(*phrases: str) -> re.Pattern[str]:
    """Any of the phrases, as whole words; a phrase may be a regular expression."""
    return re.compile(rf"(?<![a-z])(?:{'|'.join(phrases)})(?![a-z])") if phrases else _NOTHING


def _japanese(*pieces: str) -> re.Pattern[str]:
    """Any of the pieces, anywhere: Japanese is written without blanks."""
    return re.compile("|".join(pieces)) if pieces else _NOTHING


_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One thing people ask for. Matched against lower-case text after NFKC."""

    name: str
    tools: tuple[str, ...] = ()  # empty: no tool serves it yet, or none is needed
    english: re.Pattern[str] = _NOTHING
    english_weak: re.Pattern[str] = _NOTHING
    japanese: re.Pattern[str] = _NOTHING
    japanese_weak: re.Pattern[str] = _NOTHING


_DEFECT = "(?:defects?|scratch(?:es)?|cracks?|dents?|chips?|stains?|damage|marks?|flaws?|anomaly|anomalies|spots?|burrs?|dirt)"
_KIZU = "(?:キズ|きず|傷|疵|欠陥|不良|欠け|カケ|割れ|ひび|ヒビ|クラック|汚れ|異物|異常|へこみ|凹み|打痕|バリ)"
_IT = "(?:it|this|that|them|these|those)"

INTENTS = (
    Intent(
        name="compare",
        tools=("compare",),
        english=_english(
            "ok", "okay", "okey", "fine", "good", "alright", "all right", "pass", "passes", "passed", "fail", "fails", "acceptable",
            "accept", "usable", rf"(?<!how do i )(?<!how can i )(?<!how do we )use {_IT}(?! bot)", "reject", "ng", r"n\.g", "defective",
            "faulty", "conforming", "nonconforming", "in spec", "within spec", "out of spec", "ship", "verdict", "judge", "go or no ?go",
            "go/no-?go", "safe to", "normal", "abnormal", "healthy", "ready to go", f"toss {_IT}", f"bin {_IT}", f"scrap {_IT}",
            f"keep {_IT}", "up to standard",
        ),
        english_weak=_english(
            "problems?", "issues?", "wrong", "broken", "bad", "damaged?", "check", "inspect", "inspection", "look", "looks", "odd",
            "strange", "weird", "unusual", "off", "review", "quality", "any", "is there", "are there", "does it have", "see any", "find",
            "anything", "opinion", "think", "thoughts",
        ),
        japanese=_japanese(
            "大丈夫", "だいじょうぶ", "ダイジョウブ", r"(?<![a-z])ok(?![a-z])", "オッケー", "オーケー", "おっけー", "良品", "正常",
            "合格", "合否", "良否", "可否", "判定", "検品", r"(?<![a-z])ng(?![a-z])", "エヌジー", "だめ", "ダメ", "駄目", "いける",
            "いけます", "いけそう", "使え", "使って", "使用でき", "出荷", "流して", "通して", "平気", "セーフ", "アウト",
            "(?<!何の)不良(?:です|でしょう|かな|か|品)",
            "問題(?:は|が)?(?:ない|無い|なし|無し|ありません|ございません|あり(?:ます|そう)|ある)",
        ),
        japanese_weak=_japanese(
            "問題", "おかし", "変(?:です|かな|じゃ|な|では)", "良い", "よい", "よろしい", "いい", "見て", "みて", "確認", "チェック",
            "検査", "点検", "どう", "いかが", _KIZU,
        ),
    ),
    Intent(
        name="locate",
        tools=("locate",),
        english=_english(
            "where", "were exactly", "whereabouts", "locate", "location", "position", "point (?:to|out|at)", "highlight", "circle",
            "mark (?:it|the|them|where)", "outline", "heat ?map", "which (?:side|corner|area|spot|region|end|edge|place|bit)",
            "how (?:large|big|many|much of)", "what size", "size of", "what (?:percent|percentage|share|part of|fraction)", "area of",
            "extent", f"count (?:the|all) {_DEFECT}", f"number of {_DEFECT}", f"(?:show|see)(?: me)? (?:the|any|all)? ?{_DEFECT}",
            "what(?:'s| is) wrong",
        ),
        japanese=_japanese(
            "どこ", "ドコ", "何処", "どの(?:辺|へん|あたり|辺り|部分|場所|位置|箇所|面|角|隅)", "場所", "位置", "箇所", "個所",
            "何(?:か所|ヶ所|ヵ所|カ所|箇所|個|つ)", "いくつ", "大きさ", "サイズ", "どれ(?:くらい|ぐらい|ほど|だけ)",
            "どの(?:くらい|ぐらい)", "面積", "範囲", "(?<!刻)印を", "印つけ", "マーク", "示して", "指して", "囲って", "囲んで", "丸を",
            "ヒートマップ", "何(?:%|パーセント)",
        ),
    ),
    Intent(
        name="history",
        tools=("history",),
        english=_english(
            "seen", "before", "previous", "previously", "earlier", "similar", "history", "past", "last (?:time|week|month|year)",
            "recurring", "recurred", "happened", "ever (?:had|seen|happened)", "first time", "how often", "already (?:had|seen)",
            "did we (?:do|decide|scrap|rework)", "decided", "other cases", "like this one", f"same (?:problem|issue|thing|{_DEFECT})",
            "repeat", "looks? familiar", "known issue", f"know this {_DEFECT}",
        ),
        japanese=_japanese(
            "前(?:に|回|も|と同じ|例)", "以前", "過去", "履歴", "似た", "似て", "類似",
            "同じ(?:ような|不良|欠陥|キズ|傷|もの|の|問題|やつ|事例|症状)", "再発", "初めて", "はじめて", "見たこと", "みたこと",
            "見覚え", "事例", "昔", "先(?:週|月|日)", "最近", "何回目", "何度(?:目|も)",
            "(?:処置|処理|判断|対応|決定|決め)(?:した|しました|された|ました|た)", "(?:他|ほか)にも", "あったっけ", "ありましたっけ",
            "あったこと", "これまで", "今まで", "いままで", "頻度", "よく(?:ある|出る|あり|起)",
        ),
    ),
    Intent(
        name="measure",
        english=_english(
            r"\d* ?mm", "millimeters?", "millimetres?", "cm", "centimeters?", "centimetres?", "inch", "inches", "microns?", "um", "μm",
            "measure", "measurements?", "dimensions?", "diameter", "how (?:deep|thick|long|tall|wide|high)", "depth", "thickness",
            "tolerance",
        ),
        japanese=_japanese(
            "ミリ", "(?<![a-z])[cm]m(?![a-z])", "センチ", "寸法", "長さ", "深さ", "幅は", "幅を", "厚み", "厚さ", "直径", "測って",
            "測れ", "測定", "計測", "公差", "ミクロン", "μm",
        ),
    ),
    Intent(
        name="read_label",
        english=_english(
            "labels?", "barcode", "qr", "ocr", "read (?:the|this|it|out|me)", "transcribe", "sticker", "engraving", "date code",
            "(?:what|which)(?:'s| is| does)? (?:the |it |this )?(?:say|says|text|serial|lot|part number|number|written|printed|batch)",
            "what does (?:it|this|the [a-z]+) say",
        ),
        japanese=_japanese(
            "ラベル", "読(?:んで|める|めます|み取|取)", "バーコード", "(?<![a-z])qr(?![a-z])", "文字", "刻印", "印字", "銘板",
            "(?:何て|何と|なんて)書", "書いて(?:ある|あり)",
            "(?:シリアル|ロット|製造|型番|品番|番号)(?:番号|ナンバー)?(?:は|を|が)?(?:何|なに|いくつ|教え|読|わか|分か)",
        ),
    ),
    Intent(
        name="reason",
        english=_english(
            "why", "cause", "causes", "caused", "causing", "root cause", "reason", "how did (?:this|it|that) (?:happen|get|come)",
            "what (?:made|led)", "comes? from", "due to what", "result of", "what could have", "prevent",
        ),
        japanese=_japanese(
            "なぜ", "何故", "なんで", "何で(?:こう|こん|起|でき|出)", "原因", "理由", "どうして", "要因", "何のせい", "対策",
            "どうやってでき",
        ),
    ),
    Intent(
        name="classify",
        english=_english(
            "what (?:kind|type|sort|class)", "which (?:kind|type|class)", "classify", f"name of (?:the|this) {_DEFECT}",
            f"what {_DEFECT} is", "what do you call", f"is (?:it|this|that) a {_DEFECT} or",
            f"{_DEFECT} or (?:a |just |only )*(?:{_DEFECT}|dust|shadow|reflection)",
        ),
        japanese=_japanese(
            f"何(?:の|という|て(?:いう|ゆう)){_KIZU}", f"どんな(?:種類|{_KIZU})", f"どういう{_KIZU}", "種類", "分類", "不良名", "欠陥名",
            f"{_KIZU}(?:です)?(?:か、?|それとも|なのか).*{_KIZU}", "不良モード", "何不良",
        ),
    ),
    Intent(
        name="describe",
        english=_english(
            "describe", "description", "what do you see", "what(?:'s| is) (?:in|on) (?:the|this) (?:photo|picture|image)",
            "what am i looking at", "what (?:part |component )?is this(?: part| thing)?", "caption", "tell me about",
        ),
        japanese=_japanese(
            "説明", "何が写", "なにが写", "写って(?:いる|る)", r"これ(?:は|って)?(?:何|なに|なん)(?:です|だ|\?|の部品|$)",
            "(?:何|なん)の部品",
        ),
    ),
    Intent(
        name=HELP,
        english=_english(
            "help", "what can you (?:do|tell|answer)", "how (?:do|can|should) (?:i|we) use", "how does (?:this|it|the bot) work",
            "how do you work", "commands?", "instructions", "manual", "who are you", "what are you", "hello", "hi", "thanks", "thank you",
            "good morning",
        ),
        japanese=_japanese(
            "使い方", "つかいかた", "ヘルプ", "(?:何|なに)が(?:でき|出来)", "できること", "出来ること", "どう使", "どうやって使",
            "あなたは(?:誰|だれ)", "こんにちは", "おはよう", "ありがとう", "こんばんは",
        ),
    ),
)  # fmt: skip

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々]")
_LATIN_WORD = re.compile(r"[a-z]{2,}")
_SLACK_MARKUP = re.compile(r"<[@#!][^>]*>|<https?://[^>]*>|:[a-z0-9_+-]+:")

# A part number by its looks: capitals, a hyphen, a digit later on; or anything with a digit after a word that announces one.
_PART_SHAPE = re.compile(r"(?<![A-Za-z0-9_/.-])[A-Z]{1,8}(?:-[A-Z0-9]+)*-[A-Z0-9]*\d[A-Z0-9]*(?:-[A-Z0-9]+)*(?![A-Za-z0-9_])")
_PART_ANNOUNCED = re.compile(
    r"(?:\bpart(?: ?(?:number|no\.?))?|\bp/?n|部品(?:番号)?|品番|型番|型式)\s*[:#]?\s*([A-Za-z0-9][A-Za-z0-9._-]*\d[A-Za-z0-9-]*)",
    re.IGNORECASE,
)
_NO_PART = re.compile(r"(?:ISO|JIS|IEC|EN|DIN|ASTM|ANSI|IMG|DSC|DSCN|PXL|LOT|SN|PO|WO|NO|REV|V|STATION|LINE|CAM)-", re.IGNORECASE)


def route(text: str, *, default_language: Language = Language.EN) -> Route:
    """Read a question. `default_language` is for a text without a word in any language, such as an empty one."""
    plain = _SLACK_MARKUP.sub(" ", unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]))
    part_words = _part_words(plain)
    for word in part_words:
        plain = plain.replace(word, " ")
    plain = plain.lower().replace("’", "'")
    asked = _intents(plain)
    tools = tuple(tool for intent in asked for tool in intent.tools)
    cannot = tuple(intent.name for intent in asked if not intent.tools and intent.name != HELP)
    # "Hello, is this OK?" asks about the part: help is for who asks nothing else.
    wants_help = not tools and not cannot and any(intent.name == HELP for intent in asked)
    return Route(
        language=_language(plain, default_language),
        tools=tools if asked else DEFAULT_TOOLS,
        cannot=cannot,
        wants_help=wants_help,
        clear=bool(asked),
        part_words=part_words,
    )


def _intents(text: str) -> tuple[Intent, ...]:
    english = _LATIN_WORD.sub(lambda found: _corrected(found.group()), text)
    strong = tuple(i for i in INTENTS if i.japanese.search(text) or i.english.search(english))
    return strong or tuple(i for i in INTENTS if i.japanese_weak.search(text) or i.english_weak.search(english))


def _language(text: str, default: Language) -> Language:
    """Japanese as soon as there is Japanese writing: people mix English words into Japanese sentences, hardly the other way round."""
    if _JAPANESE.search(text):
        return Language.JA
    return Language.EN if _LATIN_WORD.search(text) else default


def _part_words(text: str) -> tuple[str, ...]:
    shaped = [found.group() for found in _PART_SHAPE.finditer(text)]
    announced = [found.group(1).rstrip(".-_") for found in _PART_ANNOUNCED.finditer(text)]
    return tuple(dict.fromkeys(word for word in shaped + announced if not _NO_PART.match(word)))


# --- typos -----------------------------------------------------------------------------------------------------------------------------

# Words one slip away from a word of the table, which are right as they stand: "were" is not "where".
_EVERYDAY = frozenset(
    """
    best book bring cast chip come cost days does done each else even ever face fast feel file fire five food form from gold gone hand hard
    have head hear heat held here hold home hood hour into just keep kind king know last late left less life lift like line link list long
    lost made main make mark mast mean meet mind mine more most much must name near neck need next nice none note once only open other ours
    over pack page paid pair part pass pest pick piece pink place plan plate play post press print push quick rank rate real rest ride
    right ring rise road roll room rule same sand save seal seam seat seem self sell send sent shaft shape share sheet shift shine shop shot
    show side sign sink size slip slot slow some soon sort spin stack stage stand start state stay step stock stop such sure take talk tall
    tank tape task team tell test text than that them then there these they thin thing think this those time today told took tool torn turn
    type unit used user very view wait walk wall want ward warm warp wash wear week well went were west what when which while white wide
    wife will wind wine wing wire wise with wood word wore work worn would year your
    """.split()  # noqa: SIM905 - a paragraph is read more easily than 200 quotation marks
)


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, frozenset[str]]:
    """The words of the English patterns, with their letters."""
    patterns = re.sub(r"\\.|\[a-z\]", " ", " ".join(i.english.pattern + " " + i.english_weak.pattern for i in INTENTS))
    words = set(re.findall(r"[a-z]+", patterns)) | set(re.findall(r"([a-z]+)[a-z]\?", patterns))  # "defects?" is two words
    return {word: frozenset(word) for word in sorted(words)}


@lru_cache(maxsize=4096)
def _corrected(word: str) -> str:
    """The vocabulary's only word within one slip (two from eight letters on), or the word itself."""
    if len(word) < 4 or word in _EVERYDAY or word in _vocabulary():
        return word  # a shorter word is one slip from too many others, and so is a shorter one of the table below
    allowed = 1 if len(word) < 8 else 2
    near: dict[int, list[str]] = {}
    letters = frozenset(word)
    for known, known_letters in _vocabulary().items():
        # One slip changes two letters at most: a quick look that spares most of the slow comparisons.
        if len(known) > 4 and abs(len(known) - len(word)) <= allowed and len(letters ^ known_letters) <= 2 * allowed:
            near.setdefault(_slips(word, known), []).append(known)
    nearest = min(near, default=allowed + 1)
    return near[nearest][0] if nearest <= allowed and len(near[nearest]) == 1 else word


def _slips(a: str, b: str) -> int:
    """Letters left out, added or changed, or neighbours swapped: the optimal string alignment distance."""
    above: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        two_above, above, row = above, row, [i]
        for j, y in enumerate(b, 1):
            slips = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                slips = min(slips, two_above[j - 2] + 1)
            row.append(slips)
    return row[-1]
