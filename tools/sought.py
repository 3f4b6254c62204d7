"""What a question asks to be seen on a photo: which kind of answer, about which thing, at which place.

The router has said that something is to be looked at; here the words are read for what. A thing nobody here can measure ("how many
screws?") makes the question an open one: better no answer than one about another thing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_CHARACTERS = 500  # of a question are read


class Kind(StrEnum):
    """What an answer would be."""

    WHAT_CHANGED = "what_changed"  # between two photos
    SAME_AS_BEFORE = "same_as_before"  # this photo, or one like it, in the past
    HOW_MANY = "how_many"
    HOW_LARGE = "how_large"  # in percent of the part
    WHERE = "where"
    WHICH_PART = "which_part"
    WHICH_KIND = "which_kind"  # of defect
    WHICH_TEXT = "which_text"  # on a label or in a code
    IS_THERE = "is_there"  # yes or no
    OPEN = "open"  # anything else


class Thing(StrEnum):
    """What can be looked for without a larger model."""

    UNUSUAL = "unusual"  # whatever looks unlike the good photos
    CODE = "code"  # a bar code or a 2-D code
    TEXT = "text"  # a label, a line of text


@dataclass(frozen=True, kw_only=True)
class Sought:
    """A question, read."""

    kind: Kind
    thing: Thing
    places: frozenset[str]  # of the nine places of a part; empty: anywhere
    defect: str | None  # the kind of defect that is named: as the part's photos are labelled, else as written; None for "anything unusual"


_DEFECT = (
    "scratch(?:es)?|cracks?|dents?|chips?|chipping|stains?|burrs?|dirt|rust|bubbles?|spots?|dust|discolou?ration|tears?|pinholes?|blisters?|"
    "corrosion|contamination|dings?|gouges?|"
    "キズ|きず|傷|疵|欠け|カケ|割れ|ひび|ヒビ|クラック|亀裂|汚れ|異物|へこみ|凹み|打痕|バリ|破れ|ほつれ|ピンホール|腐食|剥がれ|はがれ|錆|サビ|さび|変色|ほこり|気泡|シミ"
)
_UNUSUAL = (
    r"(?<![a-z])(?:defects?|damaged?|marks?|flaws?|anomal(?:y|ies)|unusual|wrong|strange|odd|weird|abnormal|problems?|issues?|bad|broken|"
    r"regions?|places?|anything|something)(?![a-z])|欠陥|不良|異常|おかしい|変な|問題|悪い|箇所|か所|ヶ所|カ所|何か|なにか"
)
_CODE = r"(?<![a-z])(?:bar ?codes?|qr(?: ?codes?)?|data ?matrix|2-?d codes?|codes?)(?![a-z])|バーコード|二次元コード|コード"
_TEXT = (
    r"(?<![a-z])(?:labels?|stickers?|text|texts|writing|written|lines?|letters?|lot|serial|says?|read|printed|stamps?|markings?|date)(?![a-z])|"
    r"ラベル|シール|文字|刻印|印字|銘板|ロット|シリアル|日付|書いて|書かれ|読(?:め|んで|み)"
)
_KINDS: tuple[tuple[Kind, str], ...] = (
    (
        Kind.WHAT_CHANGED,
        r"(?<![a-z])(?:chang(?:ed?|es)|differen(?:t|ces?)|differ|before and after|differs|"
        r"since (?:this|that|the|my) (?:\w+ )?(?:photo|picture|one)|"
        r"(?:to|with|from|than) the (?:first|previous|earlier|other|last|old) (?:photo|picture|one|shot))(?![a-z])|"
        r"変わ|変化|違い|違う|違って|ちがい|差分|差異|差は|(?:前|先|さっき|最初|1枚目|一枚目|以前)の(?:写真|画像)(?:と|から)|比べて",
    ),
    (
        Kind.SAME_AS_BEFORE,
        r"(?<![a-z])(?:before|same (?:photo|picture|part|piece|unit|one|as)|duplicates?|already (?:posted|seen|asked|sent)|"
        r"previous(?:ly)?|earlier|"
        r"seen this)(?![a-z])|同じ(?:写真|個体|もの|やつ|部品)|(?:と|に)同じ|前(?:に|にも|回|と同じ)|以前|過去|重複|投稿済|二重",
    ),
    (Kind.HOW_MANY, r"(?<![a-z])(?:how many|number of|count)(?![a-z])|いくつ|幾つ|何(?:個|か所|ヶ所|カ所|箇所|本|点|行|件|つ)|数え|個数"),
    (
        Kind.HOW_LARGE,
        r"(?<![a-z])(?:how (?:large|big|small|much)(?! is (?:the|this) part)|what size|size|"
        r"what (?:percent(?:age)?|share|fraction|part of)|area|extent)(?![a-z])|"
        r"大きさ|どれ(?:くらい|ぐらい|ほど)|どの(?:くらい|ぐらい)|サイズ|面積|何(?:%|パーセント)|割合",
    ),
    (
        Kind.WHERE,
        r"(?<![a-z])(?:where|whereabouts|which (?:side|corner|area|spot|edge|end|place)|position|location)(?![a-z])|"
        r"どこ|何処|どの(?:辺|へん|あたり|辺り|部分|場所|位置|箇所|面|角|隅)|位置|場所",
    ),
    (
        Kind.WHICH_TEXT,
        r"(?<![a-z])what does (?:it|this|that|the [a-z ]+) (?:say|read)(?![a-z])|"
        r"(?:何|なん)(?:と|て|が)(?:書|印字|刻印)|読(?:め|んで|み取)",
    ),
    (
        Kind.WHICH_KIND,
        r"(?<![a-z])(?:(?:what|which) (?:kind|type|sort|class)|(?:is|are) (?:it|this|that|these|those) (?:a |an )?(?:"
        + _DEFECT
        + r"))(?![a-z])|"
        r"種類|どんな(?:" + _DEFECT + r"|欠陥|不良)|何の(?:" + _DEFECT + r"|欠陥|不良)",
    ),
    (
        Kind.WHICH_PART,
        r"(?<![a-z])(?:(?:which|what) (?:part|component|product|item|piece)|part number|what is (?:this|it)|what's (?:this|it)|"
        r"is (?:this|it) (?:really |the |a |our )*(?:part|or|\?|$))(?![a-z])|"
        r"どの部品|何の部品|なんの部品|品番|型番|部品番号|これ(?:は|って)?(?:何|なに|なん)|これ(?:は|って)? *(?:です|か、|または)",
    ),
    (
        Kind.IS_THERE,
        r"(?<![a-z])(?:is there|are there|do you see|can you see|does (?:it|this|that) have|has (?:it|this|that)|any|visible|"
        r"present)(?![a-z])|"
        r"あり(?:ます|ません|そう)|ある(?:か|の|\?|$)|ない(?:か|\?|$)|無い|つい(?:てい|て)|写って|見え|見当た",
    ),
    (Kind.WHICH_TEXT, _TEXT + r"|" + _CODE),
)
_KINDS_READ = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_THINGS = ((Thing.CODE, re.compile(_CODE)), (Thing.TEXT, re.compile(_TEXT)))
_NAMED_DEFECT, _ANY_DEFECT = re.compile(_DEFECT), re.compile(_UNUSUAL)

_ROWS = {
    "top": r"(?<![a-z])(?:top|upper)(?![a-z])|上(?=側|の方|部|端|に|半|[のは左右]|$)",
    "bottom": r"(?<![a-z])(?:bottom|lower)(?![a-z])|下(?=側|の方|部|端|に|半|[のは左右]|$)",
}
_COLUMNS = {"left": r"(?<![a-z])left(?![a-z])|左", "right": r"(?<![a-z])right(?! now| there| away)(?![a-z])|右"}
_CENTRE = re.compile(r"(?<![a-z])(?:cent(?:re|er)|middle)(?![a-z])|中央|真ん中|まん中|中心")
_ROWS_READ = {name: re.compile(pattern) for name, pattern in _ROWS.items()}
_COLUMNS_READ = {name: re.compile(pattern) for name, pattern in _COLUMNS.items()}

# Words that name no thing: what is left of a question without them and without the words above names one that is not known here.
_PLAIN = re.compile(
    r"(?<![a-z])(?:a|an|the|this|that|these|those|it|its|they|them|is|are|was|were|be|been|do|does|did|has|have|had|can|could|you|i|we|me|"
    r"us|see|seen|look|looks|looking|show|tell|find|please|on|in|at|of|to|for|from|with|and|or|than|as|by|near|about|what|which|where|how|"
    r"many|much|large|big|there|here|exactly|any|some|one|ones|two|photo|photos|picture|pictures|image|part|parts|surface|side|edge|corner|"
    r"area|half|more|now|just|hey|hi|ok|so|s|percent|size|per|cent|piece|really|visible|present|all|also|kenpin|only|not|no|yes|looks?|"
    r"like|already|still|again|kind|type|sort|number|point)(?![a-z])"
)
_JAPANESE_PLAIN = re.compile(
    r"写真|画像|部品|部分|教えて|見て|確認|表面|全体|辺り|場所|位置|大きさ|種類|大体|全部|今回|側|端|半分|何|前|後|数|有無|方|今|他|目|立|写|見|付|所|個|点|件|枚|本当|有|無|検査|大|小"
)
_PART_NUMBER = re.compile(r"\b(?=[A-Za-z-]*\d)[A-Z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*\b")  # or lot: it names no thing to look for
_ENGLISH_WORD = re.compile(r"(?<![a-z])[a-z]{3,}(?![a-z])")
_JAPANESE_NOUN = re.compile(r"[\u4e00-\u9fff々]|[\u30a1-\u30f6ー]{2,}|ねじ|ネジ|あな|ふた|ぴん")


def sought(text: str, before: str | None = None, kinds: Collection[str] = ()) -> Sought:
    """Read a question. `before`: the one before it in the thread, which says what is sought when this one only says where.

    kinds: the part's kinds of defect, as its photos are labelled; a question may name one of them, whatever word it is.
    """
    found = _read(text, kinds)
    if before is None or not (found.kind is Kind.OPEN or (found.kind is Kind.IS_THERE and found.places)):
        return found
    earlier = _read(before, kinds)
    return replace(earlier, places=found.places) if earlier.kind in _ABOUT_A_THING and found.places else found


def _read(text: str, kinds: Collection[str]) -> Sought:
    plain = _PART_NUMBER.sub(" ", unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]))
    plain = plain.lower().replace("’", "'").strip()
    kind = next((kind for kind, pattern in _KINDS_READ if pattern.search(plain)), Kind.OPEN)
    written = _NAMED_DEFECT.search(plain)
    named = _named_kind(plain, kinds) or (written.group() if written else None)
    thing = next((thing for thing, pattern in _THINGS if pattern.search(plain)), Thing.UNUSUAL)
    if thing is Thing.TEXT and named:
        thing = Thing.UNUSUAL  # "is there a scratch on the label?"
    told = named or _ANY_DEFECT.search(plain) or (thing is not Thing.UNUSUAL and kind is not Kind.HOW_MANY)
    if kind in _ABOUT_A_THING and not told and _names_another_thing(plain):
        kind = Kind.OPEN
    here = places(plain)
    if kind is Kind.OPEN and here and not _names_another_thing(plain):
        kind = Kind.IS_THERE  # "and the upper left corner?"
    return Sought(kind=kind, thing=thing, places=here, defect=named)


def _named_kind(text: str, kinds: Collection[str]) -> str | None:
    """The kind of defect that the words name, the longest where one holds another; in the plural as well."""
    for kind in sorted(kinds, key=len, reverse=True):
        folded = unicodedata.normalize("NFKC", kind).lower().replace("_", " ")
        if re.search(rf"(?<![a-z]){re.escape(folded)}(?:e?s)?(?![a-z])", text):
            return kind
    return None


def places(text: str) -> frozenset[str]:
    """Which of the nine places of a part the words mean; "left" is three of them. `text` in lower case, after NFKC."""
    rows = [name for name, pattern in _ROWS_READ.items() if pattern.search(text)]
    columns = [name for name, pattern in _COLUMNS_READ.items() if pattern.search(text)]
    if len(rows) == 1 and len(columns) == 1:
        return frozenset({f"{rows[0]} {columns[0]}"})
    if len(rows) == 1 and not columns:
        return frozenset({rows[0], f"{rows[0]} left", f"{rows[0]} right"})
    if len(columns) == 1 and not rows:
        return frozenset({columns[0], f"top {columns[0]}", f"bottom {columns[0]}"})
    return frozenset({"centre"}) if _CENTRE.search(text) and not rows and not columns else frozenset()


_ABOUT_A_THING = {Kind.IS_THERE, Kind.HOW_MANY, Kind.HOW_LARGE, Kind.WHERE}


def _names_another_thing(text: str) -> bool:
    for pattern in (
        *(pattern for _, pattern in _KINDS_READ),
        _CENTRE,
        *_ROWS_READ.values(),
        *_COLUMNS_READ.values(),
        _PLAIN,
        _JAPANESE_PLAIN,
    ):
        text = pattern.sub(" ", text)
    return bool(_ENGLISH_WORD.search(text) or _JAPANESE_NOUN.search(text))
