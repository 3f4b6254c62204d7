"""What a question asks for, without a language model: which tools, in which language, about which part and which photos.

A question is cut into clauses ("is it OK, and which lot?" asks twice) and each is matched against the table of tools/intents.py. Where
the table is silent, tools/guess.py says what is probably asked. A follow-up ("and the left one?") that has no words of its own takes the
tools of the question before it. A text that asks nothing gets the default, which is "is it OK, and where not?".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from kenpin.storage.vocabulary import Language
from kenpin.tools.asides import is_bare_why, leans, without_courtesy
from kenpin.tools.guess import UNCLEAR, guess
from kenpin.tools.intents import HELP, INTENTS, OFF_TOPIC, Intent
from kenpin.tools.spelling import corrected

DEFAULT_TOOLS = ("compare", "locate")
LAST_PHOTO = -1
OWN_WORDS_FROM = 0.6  # probability from which a follow-up without a word of the table is taken to ask something of its own; we chose it
# The probability that a question is not about the photo, from which on it is taken so: looking in vain does less harm than not looking.
# Settled by 8-fold cross-validation on the training questions of which the table says nothing (.66 of them exact; .61 with .5).
BESIDE_FROM = 0.3
MOST_CHARACTERS = 2000  # of a question are read; nobody asks longer, and some patterns take time that grows with the square


@dataclass(frozen=True, kw_only=True)
class Route:
    """What to do about a question."""

    language: Language
    tools: tuple[str, ...]  # to be called, in this order; the default when the question is not clear
    cannot: tuple[str, ...]  # names of intents that were asked for and that no tool serves
    wants_help: bool
    clear: bool  # False: nothing that it asks for was found, and `tools` is the default
    part_words: tuple[str, ...]  # what looks like a part number, as written but for its width
    follow_up: bool = False  # it only makes sense after the question before it, whose tools it took if that one is known
    photos: tuple[int, ...] = ()  # the photos it names, counted from 1, LAST_PHOTO for the last; empty: it names none

    @property
    def names(self) -> tuple[str, ...]:
        """The tools by name, and `help` where there is none to call: then the answer says what can be done."""
        return self.tools or (HELP,)


_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff々]")
_WORD = re.compile(r"\w")
_LATIN_WORD = re.compile(r"[a-z]{2,}")
_SLACK_MARKUP = re.compile(r"<[@#!][^>]*>|<https?://[^>]*>|:[a-z0-9_+-]+:")

# A part number by its looks: capitals, a hyphen, a digit later on; or anything with a digit after a word that announces one.
_PART_SHAPE = re.compile(r"(?<![A-Za-z0-9_/.-])[A-Z]{1,8}(?:-[A-Z0-9]+)*-[A-Z0-9]*\d[A-Z0-9]*(?:-[A-Z0-9]+)*(?![A-Za-z0-9_])")
_PART_ANNOUNCED = re.compile(
    r"(?:\bpart(?: ?(?:number|no\.?))?|\bp/?n|部品(?:番号)?|品番|型番|型式)\s*[:#]?\s*([A-Za-z0-9][A-Za-z0-9._-]*\d[A-Za-z0-9-]*)",
    re.IGNORECASE,
)
_NO_PART = re.compile(r"(?:ISO|JIS|IEC|EN|DIN|ASTM|ANSI|IMG|DSC|DSCN|PXL|LOT|SN|PO|WO|NO|REV|V|STATION|LINE|CAM)-", re.IGNORECASE)


def route(text: str, *, default_language: Language = Language.EN, before: Route | None = None) -> Route:
    """Read a question.

    `default_language` is for a text without a word in any language, such as an empty one. `before` is what the question before it in
    the same thread asked for; its language and its tools are taken where the text has none of its own.
    """
    written = _written(text)
    part_words = _part_words(written)
    plain = _plain(written, part_words)
    said = without_courtesy(plain)
    photos = _photos(plain)
    language = _language(plain, before.language if before is not None else default_language)
    asked = settled(said)
    leaning = leans(said) and (not asked or is_bare_why(said))
    guessed, probability = probable(said) if not asked else ((), 0.0)
    if before is not None and (leaning or (not asked and probability < OWN_WORDS_FROM and said == plain)):
        tools = tuple(dict.fromkeys((*before.tools, *(tool for intent in asked for tool in intent.tools))))
        return replace(before, language=language, tools=tools, part_words=part_words, follow_up=True, photos=photos)
    if not asked and not leaning:
        asked = guessed
    tools = tuple(dict.fromkeys(tool for intent in asked for tool in intent.tools))
    cannot = tuple(intent.name for intent in asked if not intent.tools and intent.name != HELP)
    # "Help, is this OK?" asks about the part: help is for who asks nothing else, and so for who only says hello.
    greeted = not asked and said != plain and not part_words and not leaning
    wants_help = not tools and not cannot and (bool(asked) or greeted)
    clear = bool(asked) or greeted
    return Route(
        language=language,
        tools=tools if clear else DEFAULT_TOOLS,
        cannot=cannot,
        wants_help=wants_help,
        clear=clear,
        part_words=part_words,
        follow_up=leaning,
        photos=photos,
    )


def without_asides(text: str) -> str:
    """What is asked, in lower case, without greetings, thanks and part numbers: what tools/guess.py is trained on and asked about."""
    written = _written(text)
    return without_courtesy(_plain(written, _part_words(written)))


def _written(text: str) -> str:
    return _SLACK_MARKUP.sub(" ", unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]))


def _plain(written: str, part_words: tuple[str, ...]) -> str:
    for word in part_words:
        written = written.replace(word, " ")
    return written.lower().replace("’", "'")


# What ends a clause. A comma before "or" does not: "is it a scratch, or a stain?"
_CLAUSE_END = re.compile(r"[!?;\n。]+|\.(?=\s|$)|,\s*(?!or\b)|、|\s+(?:and|but|then)\s+")


def settled(text: str) -> tuple[Intent, ...]:
    """What the words of a lower-case text settle that it asks for, in the table's order."""
    text = _spelled(text)
    asked = {intent.name for intent in INTENTS if intent.across.search(text)}
    for clause in _CLAUSE_END.split(text):
        found = [i for i in INTENTS if i.japanese.search(clause) or i.english.search(clause)]
        beaten = {name for intent in found for name in intent.beats}
        asked |= {intent.name for intent in found} - beaten
    return tuple(intent for intent in INTENTS if intent.name in asked)


def probable(text: str) -> tuple[tuple[Intent, ...], float]:
    """What a lower-case text probably asks for, and how probable the first of it is; nothing where nothing can be made of it."""
    if not _WORD.search(text):
        return (), 0.0
    probabilities = guess(text)
    beside = {name: probabilities.pop(name) for name in (HELP, OFF_TOPIC)}  # asked of the bot or the world, not of the photo
    likeliest = max(probabilities, key=probabilities.__getitem__)
    if sum(beside.values()) >= max(BESIDE_FROM, probabilities[likeliest]):
        name = max(beside, key=beside.__getitem__)
        return tuple(intent for intent in INTENTS if intent.name == name), sum(beside.values())
    if likeliest == UNCLEAR or max(beside.values()) > probabilities[likeliest]:
        return (), 0.0
    asked = {name for name, probability in probabilities.items() if probability >= 0.5} | {likeliest}
    return tuple(intent for intent in INTENTS if intent.name in asked), probabilities[likeliest]


def _spelled(text: str) -> str:
    return _LATIN_WORD.sub(lambda found: corrected(found.group()), text)


def _language(text: str, default: Language) -> Language:
    """Japanese as soon as there is Japanese writing: people mix English words into Japanese sentences, hardly the other way round."""
    if _JAPANESE.search(text):
        return Language.JA
    return Language.EN if _LATIN_WORD.search(text) else default


def _part_words(text: str) -> tuple[str, ...]:
    shaped = [found.group() for found in _PART_SHAPE.finditer(text)]
    announced = [found.group(1).rstrip(".-_") for found in _PART_ANNOUNCED.finditer(text)]
    return tuple(dict.fromkeys(word for word in shaped + announced if not _NO_PART.match(word)))


# --- which photos ----------------------------------------------------------------------------------------------------------------------

_ORDINALS = {
    word: n for n, words in enumerate(("first 1st", "second 2nd", "third 3rd", "fourth 4th", "fifth 5th"), 1) for word in words.split()
}
_KANJI_NUMBERS = {kanji: n for n, kanji in enumerate("一二三四五六七八九十", 1)}
_PHOTO_ENGLISH = re.compile(
    r"(?<![a-z])(?:photo|picture|image|pic|shot)s? ?(?:no\.? ?|number |#)?"
    r"(\d{1,2}(?!\d)(?:(?: ?, ?| ?& ?| and | or | vs\.? )(?:#|photo |picture |image )?\d{1,2}(?!\d))*)(?! ?(?:mm|cm|%|min))"
    rf"|(?<![a-z])({'|'.join(_ORDINALS)}|last) (?:photo|picture|image|pic|shot)s?(?![a-z])"
)
_PHOTO_JAPANESE = re.compile(
    r"(\d{1,2}|[一二三四五六七八九十])枚目|(\d{1,2}|[一二三四五六七八九十])(?:番目|つ目)の(?:写真|画像)"
    r"|(?:写真|画像) ?(?:no\.?)?(\d{1,2}(?:[とか、,・&](?:写真|画像)?\d{1,2})*)(?!枚)|(最後|最新)の(?:写真|画像|一枚|1枚)"
)


def _photos(text: str) -> tuple[int, ...]:
    """The numbers of the photos that a lower-case text names."""
    named: list[int] = []
    for found in (*_PHOTO_ENGLISH.finditer(text), *_PHOTO_JAPANESE.finditer(text)):
        for words in filter(None, found.groups()):
            if words in ("last", "最後", "最新"):
                named.append(LAST_PHOTO)
            elif (number := _ORDINALS.get(words) or _KANJI_NUMBERS.get(words)) is not None:
                named.append(number)
            else:
                named += [int(digits) for digits in re.findall(r"\d+", words)]
    return tuple(sorted({number for number in named if number != 0}, key=lambda n: (n == LAST_PHOTO, n)))
