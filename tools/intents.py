"""What people ask for, and the words they use for it in English and Japanese: the table that tools/router.py matches questions against.

Matched clause by clause against lower-case text after NFKC, the English with its typos corrected. Strong words always count. Weak ones
("problem", 見て) turn up in every kind of question and count only where no clause has a strong one. What an intent `beats` is dropped
from the same clause: "why does it crack at the corner" asks why, not where. A new tool joins by its row here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HELP = "help"
MEASURE = "measure"
OFF_TOPIC = "off_topic"


def english_words(*phrases: str) -> re.Pattern[str]:
    """Any of the phrases, as whole words; a phrase may be a regular expression."""
    return re.compile(rf"(?<![a-z])(?:{'|'.join(phrases)})(?![a-z])") if phrases else _NOTHING


def japanese_pieces(*pieces: str) -> re.Pattern[str]:
    """Any of the pieces, anywhere: Japanese is written without blanks."""
    return re.compile("|".join(pieces)) if pieces else _NOTHING


_NOTHING = re.compile(r"(?!)")


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One thing people ask for."""

    name: str
    tools: tuple[str, ...] = ()  # empty: no tool serves it, or none is needed
    beats: tuple[str, ...] = ()  # names of intents that do not count in a clause that asks for this one
    english: re.Pattern[str] = _NOTHING
    english_weak: re.Pattern[str] = _NOTHING
    japanese: re.Pattern[str] = _NOTHING
    japanese_weak: re.Pattern[str] = _NOTHING
    across: re.Pattern[str] = _NOTHING  # strong, and matched against the whole text, as it spans clauses


# --- words that several intents share --------------------------------------------------------------------------------------------------

_DEFECT = (
    "(?:defects?|scratch(?:es|ed|ing)?|scrapes?|gouges?|cracks?|cracked|dents?|dented|chipping|chipped|chips?|stains?|stained|damages?|"
    "damaged|marks?|flaws?|anomal(?:y|ies)|spots?|burrs?|dirt|rust|rusty|corrosion|voids?|pores?|porosity|bubbles?|blemish(?:es)?|faults?|"
    "pits?|pitting|dings?|scuffs?|tears?|snags?|discolouration|discoloration|discoloured|discolored|contamination|contaminated|inclusions?|residues?|breaks?|"
    "broken|fractures?|delaminations?|wrinkles?|shorts?|short circuit|pinholes?|flash|misprints?|bad (?:spots?|areas?|places?|parts?)|"
    "problems?|issues?|failures?|errors?|deformations?|warping|bends?|bent|shadow|reflection|dust)"
)
_ITEM = (
    "(?:screws?|bolts?|nuts?|washers?|rivets?|(?:mounting )?holes?|pins?|cables?|wires?|connectors?|plugs?|caps?|covers?|lids?|gaskets?|"
    "o-?rings?|seals?|clips?|springs?|bearings?|leds?|resistors?|capacitors?|diodes?|terminals?|films?|pieces?|pcs|parts?|components?|units?|"
    "box(?:es)?|layers?|teeth|legs?|fingers?|slots?|buttons?|switch(?:es)?|brackets?|tabs?|fuses?|batter(?:y|ies)|magnets?|tubes?|hoses?|"
    "labels?|stickers?|(?:bar|qr) ?codes?|arrows?|solder|joints?|threads?|grooves?|cut-?outs?|gears?|people|bags?|chips on the board|"
    "ce marks?|logos?|objects?|things|items?|products?|bottles?|pills?|tablets?|cells?|busbars?|fasteners?|inserts?|pads?)"
)
_IT = "(?:it|this|that|them|these|those|the (?:part|piece|batch|lot|rest|unit|item)s?|(?:this|these|that) [a-z]+)"
_PHOTO = "(?:photos?|pictures?|images?|pics?|shots?|snaps?)"
_KIZU = (
    "(?:キズ|きず|傷|疵|欠陥|不良|不具合|欠け|カケ|割れ|ひび|ヒビ|クラック|亀裂|汚れ|よごれ|シミ|しみ|異物|異常|へこみ|凹み|ヘコミ|打痕|バリ|錆|サビ|さび|"
    "腐食|変色|斑点|ムラ|剥がれ|剥離|気泡|鋳巣|巣|ボイド|擦れ|スレ|打ち傷|擦り傷|すり傷|焼け|ヤケ|変形|曲がり|破れ|ほつれ|シワ|コンタミ|ピンホール|"
    "断線|短絡|ショート|フラッシュ|ゴミ|ほこり|影|defect|scratch|dent|crack|stain|burr)"
)
_BUHIN = (
    "(?:ネジ|ねじ|ビス|ボルト|ナット|ワッシャー?|リベット|穴|あな|ピン|ケーブル|配線|線|コネクタ|プラグ|キャップ|カバー|ふた|蓋|フタ|ガスケット|パッキン|"
    "[oO]リング|シール材|クリップ|バネ|ばね|ベアリング|led|抵抗|コンデンサ|ダイオード|端子|フィルム|部品|ラベル|シール|矢印|はんだ|マーク|ボタン|スイッチ|"
    "ヒューズ|電池|チューブ|ホース|歯|爪|ツメ|指|脚|個体|ce|screw|pin|bolt|層|段|溝|ロック|保護)"
)
_ITSU = "(?:前|以前|過去|先週|先月|先日|昨日|この前|この間|こないだ|前回|昔)"

INTENTS = (
    Intent(
        name="compare",
        tools=("compare",),
        english=english_words(
            "(?<!answer )(?<!say )ok(?!と答え|と言え)", "okay", "okey", "oki", "fine",
            "good(?! for| reference| photos?| pictures?| ones?| samples?| examples?)", "alright", "all right", "in order",
            "pass(?:es|ed|ing)?", "fails?", "failed", "acceptable", "(?:un)?acceptable", "accepted", "usable",
            f"(?<!how do i )(?<!how can i )(?<!how do we )use {_IT}(?! bot)", "possible to use", "reject", "rejected", "rejects", "ng",
            r"n\.g", "defective", "faulty", "(?:non-?)?conform(?:s|ing|ity)?",
            "(?:in|within|out of) (?:the )?(?:spec|specs|specification|limits?|tolerance|limit samples?)", "limit samples?", "verdict",
            "judge", "judgement", "go or no ?go", "go/no-?go", "safe to use", "normal", "abnormal", "healthy", "ready to go",
            "up to standard", "meets? (?:the |our )?(?:standards?|requirements?|spec)", "thumbs (?:up|down)",
            "(?<!double.)(?:check|inspect) (?:it|this|that)(?: one| part| piece)?(?: please| pls)?$", "false alarm", "suspicious",
            "fishy",
            "(?:which|what) (?:one|of (?:these|those|the|them)[a-z ]*) (?:is|are|looks?) (?:the )?(?:worse|worst|better|best|bad|"
            "defective|broken|ok|good)", "worse", "worst", f"compare (?:these|those|both|the two|{_PHOTO}|them)",
            f"any (?:visible |obvious )?(?:{_DEFECT}|anomal(?:y|ies))", f"is there (?:any |a |an )?(?:visible |evidence of )?{_DEFECT}",
            f"are there (?:any )?(?:visible )?{_DEFECT}", f"does (?:it|this) have (?:a |any )?{_DEFECT}", "evaluate", "evidence of",
            "surface anomalies", "anything (?:wrong|unusual|abnormal|odd|strange|suspicious|off)", "something(?:'s| is)? (?:wrong|off)",
            "nothing wrong", "quality of", "class [123]", "is (?:it|this|that)(?: one)? (?:bad|broken|damaged|cracked)", "good or bad",
        ),
        english_weak=english_words(
            "problems?", "issues?", "wrong", "broken", "bad", "damaged?", "check", "inspect", "inspection", "look", "looks", "odd",
            "strange", "weird", "unusual", "off", "review", "quality", "any", "is there", "are there", "does it have", "see any", "find",
            "anything", "opinion", "think", "thoughts", "right", "accept", "control", "verify", "what's up", "whats up", "standard",
            "again", "crap", "garbage", "new", _DEFECT,
        ),
        japanese=japanese_pieces(
            "大丈夫", "だいじょ[うぶ]", "ダイジョウブ", r"(?<![a-z])(?<!answer )(?<!say )ok(?![a-z]|と答え)", "オッケー", "オーケー",
            "おっけー", "良品(?!写真|画像|登録)", "正常", "合格(?!と言え)", "両品", "合核", "合否", "良否", "可否", "判定",
            "検品(?!ボット|bot)", r"(?<![a-z])ng(?![a-z])", "エヌジー", "(?<!どこが)(?:だめ(?!元)|ダメ|駄目|あかん)", "いける",
            "いけます", "いけそう", "いけて", "使え", "使って(?:も|い|大|平)", "使用でき", "使用可", "平気", "セーフ", "アウト",
            "(?<!何の)(?<!なんの)不良(?:です(?!か.*(?:それとも|か$))|でしょう|かな|か$|か、|か否|品(?:です|か|だ)|じゃ|に入)",
            "問題(?:は|が|も)?(?:ない|無い|なし|無し|ありません|ございません|あり(?:ます|そう)|ある|ないか)", "規格(?:内|に入|外)",
            "限度見本", "範囲内", "適合(?:と|して|です|か|判)", "許容", "基準を満た", "外観(?:チェック|確認|検査|を?ご?確認|問題|不良)",
            "健全", "ええんかいな", "よかと", "異常(?:の有無|が?ない|は?あり|が?あ)",
            f"^(?!.*(?:どこ|どの|何|なん|いくつ|種類|場所|箇所)).*{_KIZU}(?:は|が|って)?(?:ある|あり|付いて|ついて|入って|出て|認め|"
            f"ござい)", "誤判定", "[○◯〇]か[×✕xX]", "👍 ?(?:or|か|それとも) ?👎",
            "(?:より|どちらが|どっちが)(?:より)?(?:悪|良|マシ|ひど)", "比較(?:し|する|を)(?!.*キズの)", "どれが(?:不良|悪|だめ|ng)",
            "いいのか悪い", "良いのか悪い", "いいか.?わるいか", "良いか悪いか",
        ),
        japanese_weak=japanese_pieces(
            "問題", "おかし", "変(?:です|かな|じゃ|な|では|ちゃう)", "良い", "よい", "よろしい", "いい", "ええ", "見て", "みて", "ご覧",
            "確認", "チェック", "検査", "点検", "どう", "いかが", "どない", "怪し", "正しい", "あやし", "嫌な感じ", "悪い", "わるい",
            "普通", "へん", "評価", "だいじょ", "初品", "仕上が", _KIZU,
        ),
    ),
    Intent(
        name="locate",
        tools=("locate",),
        english=english_words(
            "where", "were exactly", "whereabouts", "locate", "localise", "localize", "location", "position",
            "point (?:me )?(?:to|out|at)", "highlight", "circle", "mark (?:it|the|them|where|all|every|any)", "outline", "heat ?map",
            "(?:draw|put) (?:a|an|the) (?:box|circle|frame|ring)",
            "(?:which|what) (?:side|corner|area|region|end|edge|place|bit|quadrant|spot|half|section|zone|place)", "of the four corners",
            "how (?:large|big|much of|widespread|extensive)",
            f"how many(?! (?:mm|cm|millimet|microns?|degrees))(?! (?:\\w+ ){{0,2}}{_ITEM})(?! (?:times|cases|such|of these|of those))",
            "how far do", "what size", "size of", "(?:what|which) (?:percent|percentage|share|part of|fraction|proportion)", "area of",
            "approximate area", "extent", f"count (?:the |all |all the )?{_DEFECT}", f"number of {_DEFECT}", "number and",
            f"(?:show|see)(?: me| us)?(?: the| any| all| every)? ?{_DEFECT}",
            "show (?:me |us )?(?:spot|place|every|the place|the position)", "show (?:it|them) to", "exactly", "can'?t (?:find|see) it",
            "left or right", "top or bottom",
            "(?:edge|middle|centre|center|left|right|top|bottom|inside|outside) or (?:in |on |at |near )?(?:the )?(?:edge|middle|"
            "centre|center|left|right|top|bottom)", "clustered",
        ),
        japanese=japanese_pieces(
            "どこ(?!から(?:来|き)|まで信|の(?:会社|メーカー))", "ドコ", "何処",
            "どの(?:辺|へん|あたり|辺り|部分|場所|位置|箇所|面|角|隅|領域)", "場所", "位置(?!は正|が正|は合)", "箇所", "個所",
            f"(?:何個|いくつ|何本|何点).{{0,3}}{_KIZU}",
            f"{_KIZU}(?:は|が|の数は|って)?.{{0,4}}(?:何(?:個|つ|点|本)|なんこ|いくつ|幾つ)", "何(?:か所|ヶ所|ヵ所|カ所|ケ所|箇所|個所)",
            "なんこ", "大きさ", "サイズ", "どれ(?:くらい|ぐらい|ほど|だけ)(?:の)?(?:広|大|範囲|欠|汚)", "面積", "範囲(?!内)",
            "(?<!刻)印を", "印つけ", "マークして", "マークを付", "示して", "指して", "さして", "指さ", "囲って", "囲んで", "囲み",
            "枠で", "丸を", "丸つけ", "丸付け", "ヒートマップ", "何(?:%|パーセント|割)", "輪郭", "広がり", "広がって", "数えて",
            "どっち側", "どちら側", "(?:どっち|どちら)の(?:端|側|面|角|隅)", "右、?(?:か|それとも)?左", "左、?(?:か|それとも)?右",
            "上か下", "下か上", "端か", "表か裏", "特定して", "見せたい", "お示し", "個数", "四隅",
        ),
        japanese_weak=japanese_pieces("いくつ", "何個", "何つ", "どれ(?:くらい|ぐらい|ほど|だけ)", "どの(?:くらい|ぐらい)", "お?見せ"),
    ),
    Intent(
        name="classify",
        tools=("classify",),
        beats=("compare", "describe"),
        english=english_words(
            "(?:what|which|wat) (?:the heck |is the |is |defect |failure |fault |weld |damage )?(?:kind|type|sort|class|category|"
            "categories|classification|defect class|defect type|failure class)(?! of (?:part|product|label|questions?|material|screw|"
            "connector))", "kind of (?:defect|damage|flaw|mark|fault|scratch|crack|anomaly|problem)",
            "type of (?:defect|damage|flaw|mark|fault|anomaly|problem)", "classify", "classified as", "categorise", "categorize",
            f"name (?:of )?(?:the|this|that) (?:\\w+ )?{_DEFECT}", f"(?:what|which) {_DEFECT} is",
            f"what(?:'s| is)? (?:the|this|that) {_DEFECT} called", "what do (?:you|we|they|people) call", "called", "would you call",
            "what people mean by", "defect (?:class|classes|code|type|name|category)", "failure class", f"name (?:the|this) {_DEFECT}",
            f"what(?:'s|s| is)? (?:the heck is )?(?:this|that) (?:\\w+ )?(?:kind of )?{_DEFECT}", f"label this {_DEFECT}",
            f"(?:a |an |just |only |rather |it |cosmetic |casting |handling |transport )*{_DEFECT}\\?* or (?:is it )?(?:a |an |it |"
            f"just |only |rather |is |handling |transport |a handling |a )*{_DEFECT}",
            "known (?:defect|defects|defect classes|failure modes)", "(?:short|open|spur|void) or (?:a |an )?\\w+", "resemble",
        ),
        japanese=japanese_pieces(
            f"(?:何|なん|なに)(?:の|という|と言う|て(?:いう|ゆう)|ちゅう|ていう)(?:種類の)?{_KIZU}", "なんの ?ふりょう",
            f"どんな(?:種類|{_KIZU})", f"どういう(?:種類|{_KIZU})", "種類", "分類", "不良名", "欠陥名", "不良区分", "不良コード",
            "不良クラス", "区分(?:として|は何|はどれ|の)", "(?:不良|故障|欠陥)モード", "何不良", "何キズ",
            f"{_KIZU}(?:なの|です|でしょう|なん)?(?:か、?|それとも|なのか|$).{{0,6}}{_KIZU}(?:なの|です|でしょう)?(?:か|、|$)", "タイプ",
            "判別", "見分け", f"{_KIZU}ってやつ", "名前をつける", "既知の不良", "不良の名前", "defect ?type", "いわゆる",
            "どんな ?ふりょう",
        ),
        across=japanese_pieces(
            f"{_KIZU}(?:なの|なん|です|でしょう)?か?[、?]+(?:ただの|それとも|または)?.{{0,2}}{_KIZU}(?:なの|なん|です|でしょう)?(?:か|"
            f"[?]|$)",
        ),
    ),
    Intent(
        name="describe",
        tools=("describe",),
        beats=("compare", "locate", HELP),
        english=english_words(
            "describe", "description", "what (?:do|can) (?:you|u) (?:see|observe)", "what (?:you|u) can see",
            "tell me what (?:you|u) see", f"what(?:'s| is|s) (?:in|on|visible (?:in|on)|shown (?:in|on)) (?:the|this) {_PHOTO}",
            "what is visible", "what am i looking at", "captions?", "tell me about", "summarise", "summarize", "summary",
            "inspection note", "(?:an?|the|short|proper|brief|line|two|write|good) (?:\\w+ )?note", "report(?! a)", "reports",
            "log ?book", "(?:shift|inspection) log", "8d", "in (?:simple |plain |your own )?words", "into words", "wording", "paragraph",
            "(?:one|two|2|a few|three) (?:sentences?|lines?)", "sentence i can", "one line", "write (?:me )?(?:something|a few|smth)",
            f"what (?:the|this) {_PHOTO} shows?", "nonconformance report",
        ),
        japanese=japanese_pieces(
            "(?<!使い方を)(?<!理由を)説明(?!書)", "何が写", "なにが写", "なにがうつ", "写って(?:いる|る)(?:もの|の)",
            "(?:検査|点検|不良)?(?:メモ|所見|コメント)(?!リ)", "キャプション", "caption", "要約", "まとめて", "報告書", "レポート",
            "日報", "日誌", "引き継ぎ", "文章", "文案", "文面", "一文", "(?<!注)文(?:を|ちょうだい|にして)", "例文", "記述し", "描写",
            "言葉に", "述べて(?!.*原因)", "観察", "見えて?るもの", "見えるもの", "見える(?:もの|こと|事実)", "様子を", "一言で?書",
            "一行で", "せつめい", "inspection ?note", "ご?説明いただ", "概要",
        ),
    ),
    Intent(
        name="ask",
        tools=("ask",),
        beats=("compare", "locate"),
        english=english_words(
            f"how many (?:\\w+ ){{0,2}}{_ITEM}",
            f"(?:is|are) there (?:a |an |any |some |the |two |three |only |\\d+ )*(?:\\w+ )?{_ITEM}",
            f"{_ITEM} (?:\\w+ )?(?:missing|there|in place|present|installed|mounted|fitted|attached|inserted|plugged|connected|seated|"
            f"latched|" "closed|open|tight|tightened|loose|intact|straight|on there|(?:on|in)$|on (?:it|this|that))",
            f"missing (?:a |an |any )?{_ITEM}", f"{_ITEM} missing",
            f"all (?:the |of the |\\d+ |four |six )*{_ITEM}(?: (?:in|there|on|present))", "upside down", "right way (?:up|round)",
            "which way", "wrong way", "orientation", "oriented", "rotated", "flipped", "facing", "pointing (?:up|down|left|right)",
            "polarity", "backwards", "(?:what|which|wat) (?:is the )?(?:colour|color)", "(?:colour|color) (?:of|is|from)",
            "(?:which|what) (?:part|product|model|variant|version|item|component)(?: number)? (?:is|am|are|do|does|was|"
            "it)(?! (?:damaged|cracked|broken|affected|bad))", "part number does", "which part(?! of)",
            "(?:what|anything|something|has it|have they|did anything) (?:\\w+ )?(?:change|changed|different|differs?)",
            "changed (?:since|compared)", "what (?:has|have|is|are)? ?(?:changed|different|the difference|new)", "differences?",
            "(?:compared|in comparison) (?:with|to) (?:the|my|this|last|previous)" f" (?:\\w+ )?(?:{_PHOTO}|one)",
            "same (?:unit|part|piece|one|box|place)? ?as", "(?:two|both) parts (?:\\w+ ){0,4}(?:the )?same", "identical",
            "left[- ]hand or", "(?:what|which) (?:shape|material)", "made of", "closed", "latched", "plugged in", "screwed in", "seated",
            "assembled", "attached(?! photo| picture| image)", "installed", "mounted", "inserted", "fitted", "lid", "arrow",
            f"does (?:it|this|that|the \\w+) have (?:a |an |any |two |three )?(?:\\w+ )?{_ITEM}", f"it has (?:a )?{_ITEM}",
            f"have (?:a )?{_ITEM} here", "what is (?:the|that) (?:\\w+ )?(?:thing|object)",
            f"is (?:that|this) (?:\\w+ ){{0,5}}a {_ITEM}", "(?:is|are) (?:it|this|that|these) our", "right part", "correct part",
            "what (?:part|component|product) (?:is|are)", "(?:part )?(?:we|i) ordered", "same from", "two or three",
        ),
        japanese=japanese_pieces(
            f"{_BUHIN}(?:は|が|って|も|の数は|の本数は|の個数は)?(?:、)?(?:全部で|全部|ちゃんと|正しく|\\d|両方)?.{{0,3}}(?:何(?:個|本|"
            f"つ|枚|点)|なん(?:こ|ぼん|まい)|いくつ|幾つ)",
            f"{_BUHIN}(?:は|が|って|も)?.{{0,4}}(?:ある$|あり(?:ます|まし)?か?|ない(?:です|よ)|無い|付い[てた]|ついて|取り付け|はまっ|"
            f"入って|閉ま|しまっ|開い|刺さ|挿さ|つなが|掛か|貼ってあ|貼られ|載って|締まっ|抜け|足り)",
            f"{_BUHIN}.{{0,6}}(?:何本|何個|何枚|\\d本$)", "(?<!キズの)(?<!欠陥の)(?:本数|枚数)", "何色", "なにいろ", "(?:どんな|何の)色",
            "上下(?:逆|反対|が逆)", "逆さ", "さかさ", "裏返", "表裏", "上向き", "下向き", "向き(?:は|が|って)",
            "(?:何|なん|なに)(?:の|という|て)(?: )?(?:部品|ぶひん|製品|品)", "(?:どの|どちらの|どっちの)(?:品番|部品|製品|品)",
            "うちの(?:部品|品|製品)", "(?:何|なに)が(?:違|変わ|ちが)", "変わった(?:ところ|点|こと|ん|の|か)", "変わりました", "変わって",
            "違い(?:は|が)", "違う(?:ところ|点|か)", "差異", "差は", "変化(?:は|が|し)", "同じ(?:個体|もの|部品)(?:です|か|なの)",
            "(?:と|と、)同じ(?:か|$)", "形をして", "どんな形", "形状は", "材質", "何でできて", "右勝手", "左勝手", "正しい位置",
            "黒いもの", "何が入って", f"^{_BUHIN}(?:です)?か$", "中央に", "刺さって", "はまって", "組み?付", "最もよく似", "どの部品に",
            "上の写真と",
        ),
    ),
    Intent(
        name="reason",
        tools=("reason",),
        beats=("compare", "locate", "classify", "ask", "describe", "history", "propose"),
        english=english_words(
            "why(?! not$)", "y (?:does|do|is|did)", "how come", "causes?", "caused", "causing", "root cause", "reasons?",
            "how did (?:this|it|that) (?:happen|get|come)", "what (?:made|makes|led)", "comes? from", "from what (?:comes?|is)",
            "what (?:we|i) (?:should|must|have to|need to) (?:check|control|inspect|look)", "due to", "result of", "what could have",
            "what could i have", "prevent(?:ion|ive|ed|ing)?", "culprit", "risks?", "risky", "dangerous", "danger", "hazard", "effects?",
            "consequences?", "what happens (?:if|when|downstream)", "what (?:would|will|could|might) happen",
            "will it (?:leak|break|fail|crack|hold|last)", "could (?:this|it|that)(?: \\w+)? (?:come|be) from", "could the \\w+ have",
            "origin", "how (?:serious|severe|critical|bad is)", "severity", "fmea", "failure mechanisms?", "mechanism",
            "what to (?:check|inspect|look at|verify)",
            "(?:what|where|which) (?:should|must|do|would|can|could) (?:i|we|maintenance|they|you) (?:start |begin )?(?:check|look|"
            "verify|inspect|examine|control|to look)(?: (?:at|first|now|next))?(?! for)", "start looking", "verify first", "check next",
            "stop (?:this|it|that) from", "avoid", "never happens? again", "coming back", "process parameter",
            "explain (?:why|how (?:this|it|that|such|the)|where|its|the)", "what should the supplier change", "in the field",
            "downstream",
            "(?:mold|mould|robot|tool|machine|operator|vibration|heat|packaging|gripper|temperature)\\w*(?: \\w+){0,3} (?:doing|fault|"
            "to blame|responsible|do that|have caused|pads)", "is it the (?:mold|mould|robot|tool|machine|gripper)",
            "would (?:heat|vibration|pressure|moisture) (?:do|cause)", "exposure", "is a scratch like that",
        ),
        japanese=japanese_pieces(
            "なぜ", "何故", "なして", "なんで(?!しょう|す|うか)", "何で(?:こう|こん|起|でき|出|つ|割)", "原因", "げんいん", "理由",
            "どうして(?!いい|やる)", "要因", "何のせい", "のせい", "対策", "どうやってでき", "リスク", "危な", "危険", "影響",
            "どうなる", "どうなり", "どないなる", "漏れる", "メカニズム", "再発を?防", "防ぐ", "防止", "予防", "起こさない", "fmea",
            "重大度", "厳しさ", "深刻",
            "(?:次に|まず|最初に|先に|次の|次は).{0,8}(?:確認|チェック|check|点検|調べ|見|検査)(?!して|もら|いただ|お願|願|頼|品)",
            "(?:機械|設備|プレス|工程|金型|保全).{0,8}(?:どこ|何).{0,5}(?:見|点検|確認|調べ)", "確認すべき", "点検すべき", "checkすべき",
            "どこから来", "から来る", "何でつく", "犯人", "怪しいか", "可能性は", "振動", "(?:熱|湿気|圧力)で", "故障メカ", "進展",
            "後工程", "root ?cause", "どうやったら防", "なんで.{0,6}(?:なっ|なる|割れ|つく|出)", "何が悪くて", "何が悪かった",
            "工程条件",
        ),
    ),
    Intent(
        name="read_label",
        tools=("read_label",),
        beats=("compare", "locate", MEASURE),
        english=english_words(
            "labels? (?:say|says|match|read|text)", "read", "reading", "decode", "scan", "ocr", "transcribe", "text (?:on|from|of|in)",
            "all text", "bar ?code(?! on it at all)", "qr(?: code)?", "data ?matrix", "engrav(?:ed|ing)", "stamped", "printed",
            "handwriting", "written", "characters", "date code", "expiry", "expiration", "best before", "use by",
            "(?:manufacturing|production) date", "date of (?:production|manufacture)",
            "when was (?:it|this) (?:made|produced|manufactured)", "which (?:lot|batch|serial|revision)",
            "(?:what|what's|whats|what is|which)(?: is)?(?: the| this| its)? (?:lot|serial|batch|s/n|sn|date code|po)(?: (?:number|no|"
            "nr|code))?(?: (?:is|has|was))?(?: (?:on|this|it|that).*)?$",
            "^(?:\\W|also|and|the|its|my|this|pls|please|give me|tell me)*(?:lot|serial|batch|s/n|sn|date code|po)(?: (?:number|no|nr|"
            "code))?(?:\\W|pls|please)*$", "(?:lot|batch|serial)(?: (?:number|no\\.?|nr|code|pls|please|and|&))+", "s/n",
            "serials?(?! \\w*\\d)", "nameplate", "(?:which|what) lot", "what number",
            "(?:what|where) (?:does|do|else does) (?:it|this|the [a-z]+|that) (?:\\w+ )?say", "where it says", "says?(?=.*\\d+ ?v)",
            "(?:the |this )?(?:stupid )?label(?: (?:please|pls))?$", "sticker", "part number on", "number (?:on|off)",
            "read (?:me )?the numbers?", "marking says?", "po number", "verify the serial", "part no\\.? on", "label match",
            "does the label", "what stay written", "read its label",
        ),
        japanese=japanese_pieces(
            "ラベル(?!.{0,3}(?:貼|付い|ついて|ある|あり))",
            "読(?:んで|める|めます|めん|めない|めません|み取|取|みます|みたい|め$|め[。!])", "よん(?:で|え)", "よみます",
            "バーコード(?!.{0,2}あ)", "(?<![a-z])qr(?![a-z])", "データマトリクス", "文字", "刻印", "印字", "印刷されて",
            "銘板(?!.{0,2}あ)", "(?:何て|何と|なんて|なんと).{0,2}(?:書|刻|記載|印)", "書いて(?:ある|あり|あっ|る)", "書いたある",
            "書かれ", "刻まれ", "記載(?!する)", "荷札", "手書き", "ocr", "スキャン", "デコード",
            "(?:シリアル|ロット|lot|serial|製造|型番|型式|製番|バッチ|番号|s/n|リビジョン)(?: ?(?:番号|ばんごう|ナンバー|no\\.?|コード|"
            "日|年月日?|and|と|ナンバ))*(?: )?(?:は|を|が|って|も|なんぼ|いくつ|何|なに|教え|おしえ|読|わか|分か|お願い|いつ|と|頂|"
            "どれ|知)", "ロット.{0,3}どれ", "ロットはど", "どのロット", "製造(?:日|年月)", "(?:賞味|使用|消費|有効)期限", "日付コード",
            "date ?code", "現品票", "番号が.*一致", "製番", "の数字",
        ),
    ),
    Intent(
        name="history",
        tools=("history",),
        beats=("compare", "locate", "ask", "classify", "propose", "describe"),
        english=english_words(
            "(?:have|has|had|did|do|ever|been|was|were|anyone|we|somebody).{0,40}(?:before|previously|already|earlier|in (?:the )?past|"
            "last (?:week|month|year|time|quarter)|b4)", "seen (?:\\w+ )*(?:before|b4|already|previously|like)",
            "ever (?:had|seen|happened)", "previous(?:ly)?(?! (?:one|photo|picture|image|instruction|message))", "similar",
            "histor(?:y|ical)", "in (?:the )?past", "from the past", "recurring", "recurr(?:ed|ent|ence)", "happened (?:before|again)",
            "first time", "how often", "how many (?:times|such|cases|of these have)", "did we (?:do|decide|scrap|rework|get|have)",
            "(?:was|were) decided", "we decide", "they decide", "decided? (?:the )?(?:last|on)", "other cases", "cases", "like this one",
            f"same (?:problem|issue|thing|{_DEFECT}|rubbish|crap|signature)", "repeat(?:ed)?", "looks? familiar", "known issue",
            f"know this {_DEFECT}", "had this", "seen this", "seen it", "this before", "record(?:s)?(?: of)?", "on record",
            "precedents?", "comparable", "last (?:one|ones|time) (?:like|this|we|they)?", "last week'?s?", "last month", "isolated",
            "have we (?:seen|had|done|got)", "déjà vu", "one just like", "just like it", "new thing or old", "when did we last",
            "past inspections?", "earlier photos", "have had complaints", "complaints about", "shift decide", "who approved",
            "the last one", "happen before", "happened to", "how did we handle", "again\\?+",
        ),
        japanese=japanese_pieces(
            f"{_ITSU}(?:に|も|は|にも|と同じ|例|から)?.{{0,14}}(?:あ(?:る|り|っ)|見|出|起|発生|同じ|似|こんな|判断|決|処置|処理|対応|"
            f"不良|事象|検査|事例|どう|どない|承認|言って)", "前例", "前もあ", "前も", "まえも", "前に(?:も|あ|見)", "前あった", "過去",
            "以前(?!の?写真)", "履歴", "似た", "(?<!最もよく)(?<!一番)似て(?:い|る)", "類似",
            "(?:同じ|同様の?)(?:ような|不良|欠陥|キズ|傷|の(?:が|出|ある|あり)|問題|やつ|事例|症状|こと|事象|場合|兆候)",
            "再発(?!を?防|防)", "初めて", "はじめて(?!まし)", "見たこと", "みたこと", "見覚え", "事例", "昔", "先(?:週|月)(?!の廃棄)",
            "最近", "何回目", "何度(?:目|も)",
            "(?<!と)(?:処置|処理|判断|対応|決定|決め|決ま)(?:した(?!ら|い|ほう|方)|しました|され|ました|った|して(?:きた|た))",
            "(?:他|ほか)(?:の人)?(?:に)?も", "あったっけ", "ありましたっけ", "ありましtか", "あったこと", "これまで(?!の指示)", "今まで",
            "いままで", "頻度", "よく(?:ある|出る|あり|起)", "記録に", "慢性", "最後に確認", "単発", "今年は何件", "何件", "デジャブ",
            "前んとき", "いつものやつ", "誰が承認した", "クレームあ", "similar ?case", "また(?:か|同じ|出)", "前回は",
            "前回の(?!写真|お)", "一番近い過去", "出たっけ",
        ),
    ),
    Intent(
        name="propose",
        tools=("compare", "propose"),
        beats=("ask", "locate", "describe", HELP),
        english=english_words(
            "what (?:do|should|shall|can|must|am|are|could) (?:i|we)(?: supposed to)?(?: now)? do(?! with you)", "what would you do",
            "what to do", "what (?:i|we) (?:must|should|have to) do", "should be done", "be done with", "what next", "next step",
            "what happens to (?:this|the) (?:part|unit|piece)",
            "how (?:should|do|shall) (?:we|i) (?:handle|treat|proceed|deal)(?! with you)", "dispositions?(?! in comparable)",
            "recommend(?:ation|ations|ed)?", "advise", "advice", "propose", "(?<!you )suggest(?:ion)?(?! action)(?! you)",
            "appropriate action",
            f"(?:scrap|toss|bin|trash|quarantine|dispose of|throw away|discard|keep|release|ship|deliver|return|rework|repair|"
            f"approve) {_IT}(?: away| back)?", "scrap(?:ped)?(?! cost)", "re-?work", "throw (?:\\w+ )?away", "write (?:it|this) off",
            "toss", "bin(?: this| it|\\?)", "in the bin", "use-as-is", "use as is", "on hold", "or hold", "quarantine", "concession",
            "deviation", "waiver", "salvageable", "ship", "shipped", "shipment\\?", "shipping", "stop shipment",
            "send (?:\\w+ ){0,2}(?:out|to (?:packing|the customer|customer|the client)|back)",
            "send to (?:the )?(?:customer|packing|client)", "go(?:es)? (?:out|back|to the customer)", "release lot", "release it",
            "can (?:we|i) (?:release|deliver|ship)", "deliver", "pass (?:it|this|them|that)? ?on(?: to)?", "back on the line",
            "let it (?:through|go)", "put it (?:back|on hold)", "(?:accept|reject) (?:it|the lot|this|under)", "book it in",
            "return (?:it|them|this) ?(?:to)?", "send them back", "back to the (?:vendor|supplier)",
            "approve (?:it|this|that|them)(?: one)?", "may i (?:throw|ship|use|pass)", "keep,? fix",
        ),
        japanese=japanese_pieces(
            "どう(?:すれば|したら|処置|処理|対処|扱)(?!使)(?!.*(?:防|ありまし|でした))",
            "どうします?(?:か|ましょう|れば|た方|るのが|べき)?(?=$|か|と)(?<!どうし)", "どうするのが", "どうする(?:の|べき|か|$)",
            "どうしましょ", "どないした(?:ら|ほうが)", "どう ?します", "処置(?!.*(?:でした|した|しました|された|でしたか|でした))",
            "処分", "廃棄(?!コスト)", "廃却", "捨て", "すて(?:ます|る|て)", "ほかして", "手直し", "直すべ", "修理", "リワーク", "rework",
            "スクラップ", "scrap", "特採", "特別採用", "出荷", "しゅっか", "納入して", "納められ", "客先に(?:出|送|流)", "客に出",
            "お客様に(?:出|送|納)", "出して(?:い|も|大|ええ|よ|かま)", "流して(?:い|も|よ|大)", "流すか", "通して(?:い|も|よ)",
            "回して(?:い|も|よ)", "渡して(?:い|も|よ)", "戻して(?:い|も|よ)", "返す", "返品", "返却", "保留", "隔離", "止める$",
            "進めて(?:い|よ)", "取り扱い(?:は|を)", "扱いを", "次のステップ", "承認して(?!い)(?!くれる)", "救済", "ロット不合格",
            "disposition", "return to supplier", "残す", "どうすべき", "勧めますか", "推奨",
        ),
        japanese_weak=japanese_pieces("どうすれば", "どうしたら"),
    ),
    Intent(
        name=MEASURE,
        beats=("ask", "compare"),
        english=english_words(
            r"\d* ?mm", "millimeters?", "millimetres?", r"\d* ?cm", "centimeters?", "centimetres?", "inch", "inches", "microns?", "um",
            "μm", "measure", "measurements?", "dimensions?", "diameter", "radius", "how (?:deep|thick|long is|tall|wide|high|heavy)",
            "depth", "thickness", "weight", "weigh", "angle between", "distance", "tolerance of", "length (?:of|in)", "calculate",
        ),
        japanese=japanese_pieces(
            "ミリ", "(?<![a-z])[cm]m(?![a-z])", "センチ", "寸法", "長さ", "深さ", "幅は", "幅を", "厚み", "厚さ", "直径", "内径", "外径",
            "穴径", "半径", "測って", "測れ", "測定", "計測", "公差", "ミクロン", "μm", "角度", "重さ", "重量", "隙間",
        ),
    ),
    Intent(
        name=OFF_TOPIC,
        beats=("compare", "locate", "ask", "classify", "describe", "history", "reason", "propose"),
        english=english_words(
            "weather", "rain", "how (?:many )?degrees", "lunch", "dinner", "breakfast", "bus", "train", "my break", "on shift",
            "shift is", "who(?:'s|s| is) (?:on|responsible|in charge|my)", "who (?:dropped|made|did|broke|is responsible|works)",
            "supervisor", "price", "prices", "cost", "costs", "cheap(?:est|er)?", "how much (?:money|does it cost|is it)", "money",
            "unit price", "order (?:new|more)", "warehouse", "in stock", "stock price", "delivery (?:note|date)", "translate", "e-?mail",
            "jokes?", "poem", "song", "capital of", "football", "news", "tensile", "hardness", "strength of", "inside the casting",
            "under the surface", "x-?ray", "how hot", "temperature of", "wife", "married", "what time",
            "what is \\d+ (?:times|plus|minus|x)", "-san in", "which shift", "salary", "holiday", "restaurant",
        ),
        japanese=japanese_pieces(
            "天気", "雨降", "昼飯", "昼ご飯", "ランチ", "夕飯", "お?なか ?すいた", "バス", "電車", "休憩", "夜勤だれ",
            "夜勤は?(?:誰|だれ)", "誰が(?:落|やっ|作|壊)", "責任者", "上司", "担当者", "どこおる", "さん(?:いる|い(?:ます|ない))",
            "在庫", "単価", "価格", "値段", "いくら(?!で)", "見積", "納期", "コスト", "費用", "訳して", "翻訳", "メール", "面白い話",
            "冗談", "株価", "首都", "かける\\d", "足す", "温度は", "引張", "硬度", "強度は", "x線", "エックス線", "内部の", "どの班",
            "給料", "休み(?:は|いつ)", "何時(?:から|です|$)", "なんじ",
        ),
    ),
    Intent(
        name=HELP,
        english=english_words(
            "help(?: pls| please| me(?: out)?)?", "what (?:can|could|do) (?:you|u)(?: all)? (?:do|tell|answer|offer|know)", "able to do",
            "how (?:do|can|should|could) (?:i|we) (?:use|upload|add|post|start|register|ask)",
            "how (?:i|we) (?:can use|add|upload|register|teach)", "how to use", "how does (?:this|it|the bot)(?: thing)? work",
            "how do you work", "commands?", "instructions", "manual", "who are you", "what are you",
            "are (?:you|u) (?:a )?(?:robot|bot|human|real|ai)", "good for", "limitations", "(?:which|what) tools", "your function",
            "what kinds? of questions?", "what (?:can|could) i (?:ask|type|write)", "reliable", "can i trust", "trust you",
            "who has to approve", "who (?:may|can|must) approve", "how accurate", "your prompt", "pretend", "obey me",
            "ignore (?:the|all|your)(?: previous)? (?:rules|instructions)", "guidelines", "admin mode", "understand how to use",
            "reference photos", "use you",
        ),
        japanese=japanese_pieces(
            "使い方", "つかいかた", "ヘルプ", "(?<![a-z])help", "(?:何|なに|なん)(?:が|を)?(?: )?(?:でき|出来)", "できること",
            "出来ること", "できないこと", "どう使", "どうやって使", "(?:あなた|お前|君|自分)(?:は|って)?(?:誰|だれ|何|ロボット|なに)",
            "どんなことが聞け", "何を打て", "何をしてくれ", "コマンド", "利用方法", "登録の(?:やり方|仕方|方法)", "やり方を教",
            "誰が承認する", "承認するのは誰", "どのようなツール", "信頼性", "信用して", "役に立つ", "プロンプト", "管理者モード", "海賊",
            "すべて承認して", "ルールを無視", "できんの", "できるん", "ツールが", "役立たず", "うるさい",
        ),
    ),
)  # fmt: skip
