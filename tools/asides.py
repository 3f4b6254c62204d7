"""What a message says beside its question: greetings and thanks, and words that lean on the question before.

"Good morning" asks for no verdict, and "and the left one?" asks for what was asked last. Used by tools/router.py.
"""

from __future__ import annotations

import re

from kenpin.tools.intents import english_words, japanese_pieces

# Said beside a question, and no part of it: "good morning" asks for no verdict. Said alone, they get the help.
_COURTESY_ENGLISH = english_words(
    "hello", "hi", "hey", "(?:many )?thanks(?: a lot| so much)?", "thank (?:you|u)(?: (?:very|so) much)?", "thx", "ty", "cheers", "yo",
    "good (?:morning|evening|afternoon|night|day)", "morning(?= |,|$)(?<!this morning)(?<!the morning)",
    "(?:great|good|nice) (?:job|work|one)", "^well done", "useless", "shut up", "lol", "haha", "see you(?: tomorrow| later)?",
    "good ?bye", "bye", "what's (?:new|up)$", "whats new", "sorry", "excuse me", "please forgive me", "welcome",
)  # fmt: skip
_COURTESY_JAPANESE = japanese_pieces(
    "こんにち[はわ]", "こんばん[はわ]", "おはよ(?:うございます|う|ー)?", "ありがと(?:うございま(?:す|した)|う|さん| ?ございます)?",
    "サンキュー?", "感謝(?:します)?", "助かりました", "おおきに", "お(?:疲れ|つかれ)(?:さま|様|さん)?(?:です|でした)?",
    "(?:いつも)?お世話(?:に|様に)?(?:なって(?:おり|い)ます|なります|さまです|様です)?", "はじめまして", "まいど", "^おす$", "また明日",
    "じゃあね", "またね", "お見事", "よくやった", "今後とも(?:よろしく|宜しく)お願い(?:いた|し|致)します",
    "(?<![a-z])(?:thank you|thanks|thx)(?:です)?", "(?:^|[^一-鿿])[笑w]+$", "すみません", "すいません", "失礼します", "恐れ入りますが",
    "恐縮ですが", "お手数ですが", "皆さん", "ごめん(?:なさい)?", "バイバイ", "さようなら",
)  # fmt: skip
_ACKNOWLEDGED = re.compile(
    r"(?:\W|ok(?:ay)?|fine|great|good|perfect|alright|got it|i see|understood|cool|then|so|for your help|mate|sir|everyone|there|kenpin|all"
    r"|了解(?:です|しました|っす)?|わかった|分かった|(?:わか|分か)りました|なるほど|オッケー|とても|本当に|誠に|どうも|です|ございました)*"
)


def without_courtesy(text: str) -> str:
    """A lower-case text without its greetings and thanks; empty when nothing else was said."""
    rest = _COURTESY_JAPANESE.sub(" ", _COURTESY_ENGLISH.sub(" ", text))
    return "" if rest != text and _ACKNOWLEDGED.fullmatch(rest) else rest


# --- questions that lean on the one before ----------------------------------------------------------------------------------------------

# "And the left one?", "are you sure?": what is asked for was said before. Words of an intent in them count first ("and the lot?").
_BEGINS = english_words(
    "and", "what about", "how about", "same", "also", "next", "now", "another", "one more", "again", "try again", "hmm+", "really",
    "then", "for real", "seriously", "(?:u|you) sure", r"sure\W*$",
    r"(?:the )?(?:other|left|right|second|third|first|last|back|front|top|bottom|upper|lower)(?: \w+){0,2}(?: too| as well)?",
)  # fmt: skip
_AGAIN_ENGLISH = english_words(
    "(?:are|r|is) (?:you|u|that|it) (?:really |quite |so )?(?:sure|certain|true)", "how (?:sure|certain)", "double-? ?check",
    "(?:look|check|try|do it) (?:it )?(?:again|once more)", "once more", "more precisely", "be more (?:precise|exact|specific)",
    "more detail",
)  # fmt: skip
_BEGINS_JAPANESE = japanese_pieces("じゃあ", "では", "それなら", "なら", "で、", "あと", "次", "つぎ", "同じく", "同様に", "ついでに")
_THAT_ONE = "(?:[そこあ]っち|[そこ]ちら|左|右|裏|表|上|下|奥|手前|反対|もう(?:一つ|1つ|ひとつ|1枚|一枚)|ほか|他|隣|残り|[こそあ]れ|これら)"
_AGAIN_JAPANESE = japanese_pieces(
    rf"{_THAT_ONE}(?:の|側|の方|のほう|のやつ|のもの)*[はも]?(?:なら)?(?:どう)?(?:です)?か?(?:お願い(?:し)?(?:ます)?)?\W*$", "再確認",
    "再度", "もう(?:一回|1回|一度|1度)", r"(?:ほんと|本当|マジ|まじ)(?:に|で|です)?か?\W*$", r"確か(?:です|な|か|に|\W*$)",
    "間違い(?:ない|なく|あり)", "自信", "(?:もっと|より)詳しく", "やり直",
)  # fmt: skip
_BARE_WHY = re.compile(
    r"\W*(?:(?:and|but|so|ok) )?(?:why(?: not| is (?:that|it)| so)?|how come|y)\W*"
    r"|\W*(?:どうして|なんで|なぜ|何故|なして|(?:その)?(?:理由|根拠)(?:は|を教えて)?)(?:です|でしょう|だ|なの)?か?\W*"
)


def leans(text: str) -> bool:
    """Whether a lower-case text looks like a follow-up to the question before it."""
    begun = text.lstrip(" ,.!?、。…")
    begins = _BEGINS.match(begun) or _BEGINS_JAPANESE.match(begun)
    return bool(begins or _AGAIN_ENGLISH.search(text) or _AGAIN_JAPANESE.search(text) or is_bare_why(text))


def is_bare_why(text: str) -> bool:
    """Whether it asks why and nothing else, and so for the grounds of the answer before as much as for a cause."""
    return _BARE_WHY.fullmatch(text) is not None
