"""What people ask for, and the words they use for it in English and Japanese: the table that tools/router.py matches questions against.

Matched clause by clause against lower-case text after NFKC, the English with its typos corrected. Only words that settle what is asked
belong here; those that turn up in every kind of question ("problem", 見て) are left to tools/guess.py. What an intent `beats` is dropped
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
    japanese: re.Pattern[str] = _NOTHING
    across: re.Pattern[str] = _NOTHING  # strong, and matched against the whole text, as it spans clauses


# --- words that several intents share --------------------------------------------------------------------------------------------------

_DEFECT = (
    "(?:defects?|scratch(?:es|ed|ing)?|scrapes?|gouges?|cracks?|cracked|dents?|dented|chipping|chipped|chips?|stains?|stained|damages?|"
    "damaged|marks?|flaws?|anomal(?:y|ies)|spots?|burrs?|dirt|rust|rusty|corrosion|voids?|pores?|porosity|bubbles?|blemish(?:es)?|faults?|"
    "pits?|pitting|dings?|scuffs?|tears?|snags?|discolouration|discoloration|discoloured|discolored|contamination|contaminated|inclusions?|residues?|breaks?|"
    "broken|fractures?|delaminations?|wrinkles?|shorts?|short circuit|pinholes?|flash|misprints?|bad (?:spots?|areas?|places?|parts?)|"
    "problems?|issues?|failures?|errors?|deformations?|warping|bends?|bent|shadow|reflection|dust)"
)
_KIND = (  # a defect's own name; "damage" is none
    "(?:scratch|scrape|gouge|crack|dent|chip|stain|burr|dirt|rust|corrosion|void|pore|porosity|bubble|pit|pitting|scuff|tear|snag|"
    "discolou?ration|contamination|inclusion|residue|fracture|"
    "delamination|wrinkle|short(?: circuit)?|open(?: circuit)?|pinhole|flash|misprint|mouse ?bite|spur|spatter|dust)"
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
    "(?:黒い?点|キズ|きず|傷|疵|欠陥|不良|不具合|欠け|カケ|割れ|ひび|ヒビ|クラック|亀裂|汚れ|よごれ|シミ|しみ|異物|異常|へこみ|凹み|ヘコミ|打痕|バリ|錆|サビ|さび|"
    "腐食|変色|斑点|ムラ|剥がれ|剥離|気泡|鋳巣|巣|ボイド|擦れ|スレ|打ち傷|擦り傷|すり傷|焼け|ヤケ|変形|曲がり|破れ|ほつれ|シワ|コンタミ|ピンホール|"
    "断線|短絡|ショート|フラッシュ|ゴミ|ほこり|影|defect|scratch|dent|crack|stain|burr)"
)
_SHU = (  # a defect's own name; 不良 is none
    "(?:キズ|きず|傷|疵|カケ|割れ|ひび|ヒビ|クラック|亀裂|汚れ|よごれ|シミ|しみ|異物|へこみ|凹み|打痕|バリ|錆|サビ|さび|腐食|変色|ムラ|剥離|気泡|鋳巣|巣|ボイド|擦れ|"
    "スレ|打ち傷|擦り傷|すり傷|焼け|シワ|ピンホール|断線|短絡|ショート|フラッシュ|スパッタ|ゴミ|ほこり|ゆず肌)"
)
_BUHIN = (
    "(?:ネジ|ねじ|ビス|ボルト|ナット|ワッシャー?|リベット|穴|あな|ピン|ケーブル|配線|線|コネクタ|プラグ|キャップ|カバー|ふた|蓋|フタ|ガスケット|パッキン|"
    "[oO]リング|シール材|クリップ|バネ|ばね|ベアリング|led|抵抗|コンデンサ|ダイオード|端子|フィルム|部品|ラベル|シール|矢印|はんだ|マーク|ボタン|スイッチ|"
    "ヒューズ|電池|チューブ|ホース|歯|爪|ツメ|指|脚|個体|ce|screw|pin|bolt|層|段|溝|ロック|保護)"
)
_ITSU = "(?:(?<!名)(?<!手)前(?!回|後)|以前|過去|先週|先月|先日|昨日|この前|この間|こないだ|前回|昔)"

_ANY_DEFECT = re.compile(rf"(?<![a-z]){_DEFECT}(?![a-z])|{_KIZU}")
_ANY_THING = re.compile(rf"(?<![a-z]){_ITEM}(?![a-z])|{_BUHIN}")


def generalised(text: str) -> str:
    """A lower-case text with one sign for any defect and another for any thing that may be on a photo: "is the ¤ on the ¤?"."""
    return _ANY_THING.sub("¤", _ANY_DEFECT.sub("§", text))


INTENTS = (
    Intent(
        name="compare",
        tools=("compare",),
        english=english_words(
            "(?<!answer )(?<!say )ok(?!と答え|と言え)", "okay", "okey", "oki", "fine",
            "good(?! for| reference| photos?| pictures?| ones?| samples?| examples?)", "alright", "all right", "in order",
            "pass(?:es|ed|ing)?", "fails?(?! later| in| over)", "failed", "acceptable", "(?:un)?acceptable", "accepted", "usable",
            f"(?<!how do i )(?<!how can i )(?<!how do we )use {_IT}(?! bot)", "possible to use", "reject", "rejected", "rejects", "ng",
            r"n\.g", "(?:defective|faulty)(?! (?:area|region|zone|spot|place|section))", "(?:non-?)?conform(?:s|ing|ity)?",
            "(?:in|within|out of) (?:the )?(?:spec|specs|specification|limits?|tolerance|limit samples?)", "limit samples?", "verdict",
            "judge", "judgement", "go or no ?go", "go/no-?go", "safe to use", "normal", "abnormal", "healthy", "ready to go",
            "up to standard", "meets? (?:the |our )?(?:standards?|requirements?|spec)", "thumbs (?:up|down)",
            "(?<!double.)(?:check|inspect) (?:it|this|that)(?: one| part| piece)?(?: please| pls)?$", "false alarm", "suspicious",
            "fishy",
            "(?:which|what) (?:one|of (?:these|those|the|them)[a-z ]*) (?:is|are|looks?) (?:the )?(?:worse|worst|better|best|bad|"
            "defective|broken|ok|good)", "worse", "(?<!is it )worst(?! case)", f"compare (?:these|those|both|the two|{_PHOTO}|them)",
            f"any (?:visible |obvious )?(?:{_DEFECT}|anomal(?:y|ies))", f"is there (?:any |a |an )?(?:visible |evidence of )?{_DEFECT}",
            f"are there (?:any )?(?:visible )?{_DEFECT}", f"does (?:it|this) have (?:a |any )?{_DEFECT}", "evaluate", "evidence of",
            "surface anomalies", "anything (?:wrong|unusual|abnormal|odd|strange|suspicious|off)", "something(?:'s| is)? (?:wrong|off)",
            "nothing wrong", "quality of", "class [123]", "is (?:it|this|that)(?: one)? (?:bad|broken|damaged|cracked)", "good or bad",
            "would you (?:accept|pass|let)",
            "(?:is|are|looks?) (?:it|this|that|they|these|all)?(?: all)? ?(?:clean|flawless|intact|sound|smooth|perfect|undamaged)",
            "in (?:good|bad|perfect|proper) (?:shape|condition|order)", "free (?:of|from)", "compl(?:y|ies)", "visual inspection",
            "shows? the (?:better|bad|worse|good|defective)", f"(?:check|look|inspect) for {_DEFECT}", "quality check", "well done",
            "acceptance criteria", "criteria", "(?:has|have) (?:it|this) been damaged",
            f"(?:any|no|has|have) (?:anomalies|{_DEFECT}) (?:detected|found)?",
            "(?:is|are) the (?:\\w+ )+(?:clean|sound|smooth(?: enough)?|well done|intact|okay|flawless)", "trust this part", "rate this",
            "anything (?:i|we) should", "opinion",
        ),
        japanese=japanese_pieces(
            "大丈夫", "だいじょ[うぶ]", "ダイジョウブ", r"(?<![a-z])(?<!answer )(?<!say )ok(?![a-z]|と答え)", "オッケー", "オーケー",
            "おっけー", "良品(?!写真|画像|登録)", "正常", "合格(?!と言え)", "両品", "合核", "合否", "良否", "可否", "判定",
            "検品(?!ボット|bot|さん)", r"(?<![a-z])ng(?![a-z])", "エヌジー", "(?<!どこが)(?:だめ(?!元)|ダメ|駄目|あかん)", "いける",
            "いけます", "いけそう", "いけて", "使え", "使って(?:も|い|大|平)", "使用でき", "使用可", "平気", "セーフ", "アウト",
            "(?<!何の)(?<!なんの)(?<![ァ-ヶー造工])不良(?:です(?!か.*(?:それとも|か$))|でしょう|かな|か$|か、|か否|品(?:です|か|だ)|"
            "じゃ|に入)", "問題(?:は|が|も)?(?:ない|無い|なし|無し|ありません|ございません|あり(?:ます|そう)|ある|ないか)",
            "規格(?:内|に入|外)", "限度見本", "範囲内", "適合(?:と|して|です|か|判)", "許容", "基準を満た",
            "外観(?:チェック|確認|検査|を?ご?確認|問題|不良)", "健全", "ええんかいな", "よかと", "異常(?:の有無|が?ない|は?あり|が?あ)",
            f"^(?!.*(?:どこ|どの|何|なん|いくつ|種類|場所|箇所)).*{_KIZU}(?:は|が|って)?(?:ある|あり|付いて|ついて|入って|出て|認め|"
            f"ござい)", "誤判定", "[○◯〇]か[×✕xX]", "👍 ?(?:or|か|それとも) ?👎",
            "(?:より|どちらが|どっちが)(?:より)?(?:悪|良|マシ|ひど)", "比較(?:し|する|を)(?!.*キズの)", "どれが(?:不良|悪|だめ|ng)",
            "いいのか悪い", "良いのか悪い", "いいか.?わるいか", "良いか悪いか", "綺麗", "きれい", "キレイ", "良好",
            "状態.{0,2}(?:いい|良い|よい)", "仕様(?:通り|どおり)", "無傷", "受け入れ(?:ます|られ|可|基準|て)",
            "(?:どっち|どちら)の?(?:方|ほう|写真)が(?:良|悪|い|マシ)", "悪い(?:方|ほう)", "[ヤや][バば]", "(?<!どこが)(?<!どこか)壊れて",
            "溶接は(?:問題|ok|大)", "違和感", "不良か(?:どう|な|も)", "良いですか", "いいですよね", "使い物に", "突き返",
            "気になる(?:ところ|点|箇所)", "同じくらい", "汚染され", "許容範囲", "許し", "無事", "仲間外れ",
            "(?:何か|なんか)(?:おかし|変)", "おかしい(?:ところ|点)", "傷んで",
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
            f"how many(?! (?:mm|cm|centimet|millimet|inch|microns?|degrees))(?! (?:\\w+ ){{0,2}}{_ITEM})(?! (?:times|cases|such|"
            f"of these|of those))", "how far do", "what size", "size of",
            "(?:what|which) (?:percent|percentage|share|part of|portion|fraction|proportion)", "area of", "approximate area", "extent",
            f"count (?:the |all |all the )?{_DEFECT}", f"number of {_DEFECT}", "number and",
            f"(?:show|see)(?: me| us)?(?: the| any| all| every)? ?{_DEFECT}",
            "show (?:me |us )?(?:spot|place|every|the place|the position)", "show (?:it|them) to", "^exactly", "exactly where",
            "can'?t (?:find|see) it", "left or right", "top or bottom",
            "(?:edge|middle|centre|center|left|right|top|bottom|inside|outside) or (?:in |on |at |near )?(?:the )?(?:edge|middle|"
            "centre|center|left|right|top|bottom)", "clustered",
            "(?:defective|faulty|damaged|bad|anomalous|affected) (?:area|region|zone|section|place|location)s?", "pinpoint",
            "coordinates?", "bounding box", "zoom",
            "which (?:\\w+ ){1,2}is (?:the )?(?:bad|damaged|broken|chipped|cracked|open|worn|bent|burnt)(?: one)?",
            "on (?:the )?(?:top|bottom|left|right|upper|lower|front|back)(?: half| side)? or", "upper or lower", "only one (?:\\w+ )?or",
            "one \\w+ or several", "indicate", "the place$", "where should i look", "which tooth", "what proportion", "or just one",
            "near the (?:edge|handle|corner|hole|top|bottom)", "annotate", "(?:upper|lower|top|bottom) (?:left|right) or", "is it worst",
        ),
        japanese=japanese_pieces(
            "どこ(?!から(?:来|き)|まで信|の(?:会社|メーカー))", "ドコ", "何処",
            "どの(?:辺|へん|あたり|辺り|部分|場所|位置|箇所|面|角|隅|領域)", "場所", "位置(?!は正|が正|は合)", "箇所", "個所",
            f"(?:何個|いくつ|何本|何点).{{0,3}}{_KIZU}",
            f"{_KIZU}(?:は|が|の数は|って)?.{{0,4}}(?:何(?:個|つ|点|本)|なんこ|いくつ|幾つ)", "何(?:か所|ヶ所|ヵ所|カ所|ケ所|箇所|個所)",
            "なんこ", "大きさ", "サイズ", "どれ(?:くらい|ぐらい|ほど|だけ)(?:の)?(?:広|大|範囲|欠|汚)", "面積", "(?<!許容)範囲(?!内)",
            "(?<!刻)印を", "印つけ", "マークして", "マークを付", "示して", "指して", "さして", "指さ", "囲って", "囲んで", "囲み",
            "枠で", "丸を", "丸つけ", "丸付け", "ヒートマップ", "何(?:%|パーセント|割)", "輪郭", "広がり", "広がって", "数えて",
            "どっち側", "どちら側", "(?:どっち|どちら)の(?:端|側|面|角|隅)", "右、?(?:か|それとも)?左", "左、?(?:か|それとも)?右",
            "上か下", "下か上", "端か", "表か裏", "特定して", "見せたい", "お示し", "個数", "四隅", "座標",
            "どの(?:ネジ|歯|パッド|角|ピン|端子|はんだ|セル).{0,3}(?:壊れ|欠け|断線|割れ|悪|不良|曲が)", "表示して", "割合", "個所",
            "何[%％]以上", "\\d%以上", "上半分", "中央ですか", "真ん中か", f"{_KIZU}(?:の|は|が)?.{{0,2}}(?:数|何本)",
            "どれが?(?:欠け|壊れ|割れ)", "欠けてる.はどれ", "ズーム", "拡大して", "どのネジが", "何本だけ", "1本だけ",
            "どの\\w{1,4}が(?:壊|欠|割|断|悪)", "(?:近く|寄り)です", f"{_KIZU}は(?:一つ|1つ|ひとつ)だけ", "一番ひどいのは",
            "(?:ネジ|ねじ|ピン|歯|端子)が(?:壊れ|欠け|折れ)", "縁だけ", "書き込んで", "(?:左|右)(?:上|下)[?]?$", "場所.{0,2}見せ",
            "(?:左|右)(?:上|下)か", "どこまで", f"{_KIZU}は(?:上|下|左|右|端|中央|縁)ですか", "(?:どちら|どっち)側が?",
        ),
    ),
    Intent(
        name="classify",
        tools=("classify",),
        beats=("compare", "describe"),
        english=english_words(
            "(?:what|which|wat) (?:the heck |is the |is |defect |failure |fault |weld |damage )?(?:kind|type|sort|class|category|"
            "categories|classification|defect class|defect type|failure class)(?! of (?:photos?|pictures?|part|product|label|"
            "questions?|material|screw|connector))", "kind of (?:defect|damage|flaw|mark|fault|scratch|crack|anomaly|problem)",
            "type of (?:defect|damage|flaw|mark|fault|anomaly|problem)", "classify", "classified as", "categorise", "categorize",
            f"name (?:of )?(?:the|this|that) (?:\\w+ )?{_DEFECT}", f"(?:what|which) {_DEFECT} is",
            f"what(?:'s| is)? (?:the|this|that) {_DEFECT} called", "what do (?:you|we|they|people) call", "called", "would you call",
            "what people mean by", "defect (?:class|classes|code|type|name|category)", "failure class", f"name (?:the|this) {_DEFECT}",
            f"what(?:'s|s| is)? (?:the heck is )?(?:this|that) (?:\\w+ )?(?:kind of )?{_DEFECT}", f"label this {_DEFECT}",
            f"(?:a |an |just |only |rather |it |cosmetic |casting |handling |transport )*{_DEFECT}\\?* or (?:is it )?(?:a |an |it |"
            f"just |only |rather |is |handling |transport |a handling |a )*{_DEFECT}", "(?:our|the) known defects?",
            "known defect classes", "(?:short|spur|void) or (?:a |an )?\\w+", "resemble",
            "(?:what|which) (?:defect|flaw|anomaly|fault)(?: is| do| did| does| are|$)",
            "identify (?:the|this)(?: type| kind| defect| anomaly| flaw)",
            "(?:what|what's|whats|what is) (?:the|this|that) (?:defect|flaw|anomaly)$",
            f"(?:is|does) (?:it|this|that) (?:count as |just |only |maybe |really )?(?:a |an |what you call )?(?:{_KIND})$",
            f"^(?:a |an )?(?:{_KIND})[?, ]+(?:a |an )?(?:{_KIND})", "cosmetic or structural", "same class", "to a class",
            "(?:count|counts) as a(?! pass)", "identify (?:this|the) (?:anomaly|defect|flaw)", "defect class(?:es)?", "failure class",
            "determine the defect", "(?:the|its) (?:type|kind|class|category)$", "which known", "real (?:damage|defect)",
            f"(?:could|might|may) (?:this|it|that) be (?:a |an )?{_KIND}", "what is it$",
        ),
        japanese=japanese_pieces(
            f"(?:何|なん|なに)(?:の|という|と言う|て(?:いう|ゆう)|ちゅう|ていう)(?:種類の)?{_KIZU}", "なんの ?ふりょう",
            f"どんな(?:種類|{_KIZU})", f"どういう(?:種類|{_KIZU})", "種類", "分類", "不良名", "欠陥名", "不良区分", "不良コード",
            "不良クラス", "区分(?:として|は何|はどれ|の)", "(?:不良|欠陥)モード", "何不良", "何キズ",
            f"{_KIZU}(?:なの|です|でしょう|なん)?(?:か、?|それとも|なのか|$).{{0,6}}{_KIZU}(?:なの|です|でしょう)?(?:か|、|$)",
            "異常のタイプ", "タイプ(?:は|の不良|の欠陥)", "判別", "見分け", f"{_KIZU}ってやつ", "名前をつける", "既知の不良(?!です|か)",
            "不良の名前", "defect ?type", "いわゆる", "どんな ?ふりょう", "どうい(?:う|った)(?:種類|不良|欠陥|不具合|キズ|傷)",
            "(?:この|その)(?:不良|欠陥|キズ|傷)(?:は|って)(?:何|なに|なん)", "何と(?:呼|いい|言い)",
            f"^(?:これ|それ)(?:は|って)?(?:ただの)?{_SHU}(?:なの|なん)?(?:です|でしょう)?か?$",
            f"^{_SHU}(?:なの|なん|です|でしょう)+か?$", "(?:どの|どんな)クラス", "クラス名", "どのタイプ", "(?:キズ|傷|不良|欠陥)の名前",
            "って言っていい", "って(?:これ|この)のこと", "カテゴリ", f"{_SHU}と{_SHU}、?(?:の)?(?:どちら|どっち|どれ)", "色ムラのどれ",
            "クラスは", "知られている不良", "工具痕", f"{_SHU}の可能性", "何の故障", "不良一覧", "これは何で$",
            f"(?:何|なん)の\\w{{0,4}}{_KIZU}",
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
            f"what (?:the|this) {_PHOTO} shows?", "nonconformance report", "document (?:this|the|it)", "can be seen", "text for",
            "phrase", "remarks?", "compose", "going on in", f"what(?: is|'s) (?:in|on) this {_PHOTO}$", "verbal(?:ly)?", "observations?",
            "write (?:the |an? |this |it )?(?:observation|remark|comment|up|down)", f"explain what the {_PHOTO}", "in one sentence",
            "description field", "objective", "inspection report", "sentence for", f"what (?:does|do) (?:this|the|these) {_PHOTO} show",
            "seeing here", "make a (?:note|report)", f"explain (?:what )?(?:the|this) {_PHOTO}",
        ),
        japanese=japanese_pieces(
            "(?<!使い方を)(?<!理由を)(?<!機能を)説明(?!書)", "何が写", "なにが写", "なにがうつ",
            "写って(?:いる|る)(?:もの|の)(?!はどの)", "(?:検査|点検|不良)?(?:メモ|所見|コメント)(?!リ)", "キャプション", "caption",
            "要約", "まとめて", "報告書", "レポート", "日報", "日誌", "引き継ぎ", "文章", "文案", "文面", "一文",
            "(?<!注)文(?:を|ちょうだい|にして)", "例文", "記述し", "描写", "言葉に", "述べて(?!.*原因)", "観察", "見えて?るもの",
            "見えるもの", "見える(?:もの|こと|事実)", "様子を", "一言で?書", "一行で", "せつめい", "inspection ?note", "ご?説明いただ",
            "概要", "記録(?:用|して|の本文|に残す文)", "状況(?:を|の|は)?.{0,3}(?:文|説明|教え|詳)", "何が見え", "見たまま", "備考",
            "検査報告", "\\d文で", "文で", "の本文", "客観的", "状態を(?:記録|書|文|言葉|詳)", "検査票", "中身を言", "何がある$",
            "の内容を", "何を写", "レポートに", "どう書(?:く|け)", "何の写真",
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
            "left[- ]hand or", "(?:what|which) (?:shape|material)", "closed", "latched", "plugged in", "screwed in", "seated",
            "assembled", "attached(?! photo| picture| image)", "installed", "mounted", "inserted", "fitted", "lid", "arrow",
            f"does (?:it|this|that|the \\w+) have (?:a |an |any |two |three )?(?:\\w+ )?{_ITEM}", f"it has (?:a )?{_ITEM}",
            f"have (?:a )?{_ITEM} here", "what is (?:the|that) (?:\\w+ )?(?:thing|object)",
            f"is (?:that|this) (?:\\w+ ){{0,5}}a {_ITEM}", "(?:is|are) (?:it|this|that|these) our", "right part", "correct part",
            "what (?:part|component|product) (?:is|are)", "(?:part )?(?:we|i) ordered", "same from", "two or three", "anything missing",
            "^(?!.*where).*missing$", "missing from", "something missing",
            f"(?:is|are) (?:the|a|an|its|both|all) (?!(?:\\w+ )?{_DEFECT})(?!.*(?:number|lot|serial|date|code|"
            f"text))(?:\\w+ ){{1,2}}(?:on|in|inside|under|over|next to|near|between|behind|covering|at|around|through) (?:the|a|its)",
            "what (?:object|thing|part|item|is (?:that |the thing |lying |it )?(?:lying |standing )?(?:on the (?:right|left)|next to|"
            "beside|behind|under))", "lying next to", "which side (?:is |faces? )?(?:facing )?up", "covered(?! (?:with|by|in))",
            "covering", "two of them", "(?:on or off|open or closed|full or empty|long version|short one|long or short)", "crossed",
            "removed", "assembled", "(?:what|which) (?:kind|type|sort) of (?:part|screw|connector|product|bolt|cable|box|machine)",
            "belong together", "glue", "all components", "everything in place", "did it move", "sealed", "at all$", "left-hand",
            "straight", "display", "bent to the", "different now", "same piece",
            "can you see (?:a |an |any )?(?:\\w+ )?(?:hole|screw|cable|label)", "still there", "right way",
            "is there (?:water|oil|glue|grease|solder|paint|tape) on", f"(?:do|can) (?:you|u) see (?:a|an|any|the) (?:\\w+ )?{_ITEM}",
            "same \\w+ (?:as|in|on)", "looks? like part", "in the (?:box|bag)$", "holding",
            "(?:red|blue|green|black|white|yellow|grey|gray|orange|brown|silver) (?:one|wire|cable|cap|part)", "which of our parts",
            "contains? (?:\\w+ )?(?:parts|pieces|\\d+)",
        ),
        japanese=japanese_pieces(
            f"{_BUHIN}(?:は|が|って|も|の数は|の本数は|の個数は)?(?:、)?(?:全部で|全部|ちゃんと|正しく|\\d|両方)?.{{0,3}}(?:何(?:個|本|"
            f"つ|枚|点)|なん(?:こ|ぼん|まい)|いくつ|幾つ)",
            f"{_BUHIN}(?:は|が|って|も)?.{{0,4}}(?:ある$|あり(?:ます|まし)?か?|ない(?:です|よ)|無い|(?<!うまく)付い[てた]|ついて|"
            f"取り付け|はまっ|入って|閉ま|しまっ|開い|刺さ|挿さ|つなが|掛か|貼ってあ|貼られ|載って|締まっ|抜け|足り)",
            f"{_BUHIN}.{{0,6}}(?:何本|何個|何枚|\\d本$)", "(?<!キズの)(?<!欠陥の)(?:本数|枚数)", "何色", "なにいろ", "(?:どんな|何の)色",
            "上下(?:逆|反対|が逆)", "逆さ", "さかさ", "裏返", "表裏", "上向き", "下向き", "向き(?:は|が|って)",
            "(?:何|なん|なに)(?:の|という|て)(?: )?(?:部品|ぶひん|製品|品)", "(?:どの|どちらの|どっちの)(?:品番|部品|製品|品)",
            "うちの(?:部品|品|製品)", "(?:何|なに)が(?:違|変わ|ちが)", "変わった(?:ところ|点|こと|ん|の|か)", "変わりました", "変わって",
            "違い(?:は|が)", "違う(?:ところ|点|か)", "差異", "差は", "変化(?:は|が|し)", "同じ(?:個体|もの|部品)(?:です|か|なの)",
            "(?:と|と、)同じ(?:か|$)", "形をして", "どんな形", "形状は", "材質", "何でできて", "右勝手", "左勝手", "正しい位置",
            "黒いもの", "何が入って", f"^{_BUHIN}(?:です)?か$", "中央に", "刺さって", "はまって", "組み?付", "最もよく似", "どの部品に",
            "上の写真と", "足り(?:ない|て|ます)", "不足して", "[揃そ]ろ?って", "抜け(?:てる|ている|て|た)(?!.*どこ)", "隣に", "隣の",
            "横に(?:ある|あるもの|置)", "の色は", "挿入され", "(?:正しく|ちゃんと)(?:組|挿|差|付|入|取)", "奥まで",
            "同じ(?:物|もの|部品|個体)(?:の写真|です|か|$)",
            "(?:前|前回|さっき|以前|上|朝|この前)の(?:写真|画像|photo)(?:と|から|に比べ)", "どこが(?:変わ|違)",
            "(?:どっち|どちら|どの)の?面が?(?:は)?上", "何のネジ", "何の(?:ねじ|ボルト|ケーブル|箱)", "機種", "正しい向き", "向きは",
            "いっぱい$", "入れ替わ", "塗ってある", "組み立て", "組まれ", "点いてる", "袋は", "剥がして", "水滴",
            "(?:長い|短い)(?:方|ほう).*(?:部品|版|ver)", "セット$", "どっちの部品", "矢印(?!で)", "ランプ",
            "^(?!.*(?:どこ|どちら|どの)).*曲がって(?:い|な|る|ませ)", "何か書いてあるか", "付いてる$", "隠れて", "右の.*何",
            "(?:トレイ|箱|写真|袋)(?:に|の中に).{0,4}(?:何個|いくつ|何本)", "表側", "の?2個", "何か出て", "真っ直ぐ", "まっすぐ",
            "は見え(?:ます|る)", "同じ(?!くらい|ぐらい)\\w{1,5}です", "に見える[?]?$", "中身は何", "伸びて", "何を持って", "何列",
            "はどの製品", "つながって", "隙間(?:は|が)?(?:ある|あり|ない)",
            "(?:青|赤|緑|黒|白|黄色)(?:い)?の?(?:方|ほう|やつ|ケーブル|線)", "はんだ付け(?:され|して)", "空です", "空っぽ",
            "(?<!汚れは)(?<!キズは)(?<!傷は)(?:上|下|左|右|オン|オフ)ですか、?(?:上|下|左|右|オン|オフ)",
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
            "(?:what|where|which)(?! should i look$) (?:should|must|do|would|can|could) (?:i|we|maintenance|they|you) (?:start |"
            "begin )?(?:check|look|verify|inspect|examine|control|to look)(?: (?:at|first|now|next))?(?! for)", "start looking",
            "verify first", "check next", "stop (?:this|it|that) from", "avoid", "never happens? again", "coming back",
            "process parameter", "explain (?:why|how (?:this|it|that|such|the)|where|its|the (?!photo|picture|image))",
            "what should the supplier change", "in the field", "downstream",
            "(?:mold|mould|robot|tool|machine|operator|vibration|heat|packaging|gripper|temperature)\\w*(?: \\w+){0,3} (?:doing|fault|"
            "to blame|responsible|do that|have caused|pads)", "is it the (?:mold|mould|robot|tool|machine|gripper)",
            "would (?:heat|vibration|pressure|moisture) (?:do|cause)", "exposure", "is a scratch like that", "countermeasures?",
            "critical", "(?:get|gets|getting|become) worse", "over time", "failure modes?",
            "worn(?: out)? (?:tool|tooling|blade|cutter|gripper|pad|mold|mould|die)s?",
            "(?:tool|blade|cutter|gripper|pad|mold|mould|die)s?(?: is| are)? worn", "affects?", "what went wrong",
            "behind (?:this|that|it)", "(?<!anything i should )(?<!anything we should )worry", "worried", "(?:things? to )?investigate",
            "should (?:we|they) (?:improve|change)", "fail later", "to blame", "how can (?:that|this|it) happen",
            "what (?:could|can|might) cause", "which (?:process|step|process step|station)", "how bad", "what could be the",
            "(?:could|can) (?:it|this) be the", "check on the (?:line|machine)", "what would you check", "step produces",
            "safety (?:risks?|issues?|concerns?|problems?)", "for safety", "go wrong", "likely to (?:break|fail|crack)", "which machine",
            "so (?:that )?(?:this|it|that) (?:doesn't|does not|won't|never)",
            "(?:material|process|machine|handling|design|operator|supplier) (?:or|problem)", "worst case", "corrective",
            "fix the process", "impact on", "worst that can",
        ),
        japanese=japanese_pieces(
            "なぜ", "何故", "なして", "なんで(?!しょう|す|うか)", "何で(?:こう|こん|起|でき(?!て)|出|つ|割)", "原因", "げんいん", "理由",
            "どうして(?!いい|やる)", "要因", "何のせい", "のせい", "対策", "どうやってでき", "リスク", "危な", "危険",
            "影響(?!のある面積|を受け|のある範囲)", "どうなる", "どうなり", "どないなる", "漏れる", "メカニズム", "再発を?防", "防ぐ",
            "防止", "予防", "起こさない", "fmea", "重大度", "厳しさ", "深刻",
            "(?:次に|まず|最初に|先に|次の|次は).{0,8}(?:確認|チェック|check|点検|調べ|見|検査)(?!して|もら|いただ|お願|願|頼|品)",
            "(?:機械|設備|プレス|工程|金型|保全).{0,8}(?:どこ|何).{0,5}(?:見|点検|確認|調べ)", "確認すべき", "点検すべき", "checkすべき",
            "どこから来", "から来る", "何でつく", "犯人", "怪しいか", "た可能性", "振動", "(?:熱|湿気|圧力)で", "故障メカ", "進展",
            "後工程", "root ?cause", "どうやったら防", "なんで.{0,6}(?:なっ|なる|割れ|つく|出)", "何が悪くて", "何が悪かった",
            "工程条件", "防げ", "放置", "悪化", "機能に", "性能に", "工具", "摩耗(?:が原因|のせい|で)", "取り扱いが悪", "心配",
            "まずい$", "未然", "改善", "(?:何を|次に|最初に|まず).{0,4}調べ", "調査", "何が(?:まず|悪)かった", "背景", "故障モード",
            "あとで(?:壊|割|折)", "なぜ.{0,6}曲", "どの工程", "刃物", "湿気", "どれに当たる", "響く", "後で(?:壊|割)",
            "(?:壊|割)れる(?:恐れ|可能性|心配)", "どんな問題が(?:起|出)", "避け(?:れ|ら|る)", "壊れそう", "どの(?:機械|設備|工程)で",
            "重大", "(?:材料|工程|設計|人|作業|設備)の問題", "どこから来", "繰り返さない", "せい(?:です|か|で|だ)",
        ),
    ),
    Intent(
        name="read_label",
        tools=("read_label",),
        beats=("locate", "ask", MEASURE),
        english=english_words(
            "labels? (?:say|says|match|read|text)", "read", "reading", "decode", "scan", "ocr", "transcribe", "text (?:on|from|of|in)",
            "all text", "(?<!see a )(?<!see the )(?<!there a )bar ?code(?! on it at all)", "qr(?: code)?", "data ?matrix",
            "engrav(?:ed|ing)", "stamped", "printed(?! the right)", "handwriting", "written", "characters", "date code", "expiry",
            "expiration", "best before", "use by", "(?:manufacturing|production) date", "date of (?:production|manufacture)",
            "when was (?:it|this) (?:made|produced|manufactured)", "which (?:lot|batch|serial|revision)",
            "(?:what|what's|whats|what is|which)(?: is)?(?: the| this| its)? (?:lot|serial|batch|s/n|sn|date code|po)(?: (?:number|no|"
            "nr|code))?(?: (?:is|has|was))?(?: (?:on|this|it|that).*)?$",
            "^(?:\\W|also|and|the|its|my|this|pls|please|give me|tell me)*(?:lot|serial|batch|s/n|sn|date code|po)(?: (?:number|no|nr|"
            "code))?(?:\\W|pls|please)*$", "(?:lot|batch|serial)(?: (?:number|no\\.?|nr|code|pls|please|and|&))+", "s/n",
            "serials?(?! \\w*\\d)", "nameplate", "(?:which|what) lot", "what number",
            "(?:what|where) (?:does|do|else does) (?:it|this|the [a-z]+|that) (?:\\w+ )?say", "where it says", "says?(?=.*\\d+ ?v)",
            "(?:the |this )?(?:stupid )?label(?: (?:please|pls))?$", "(?:on|off|from) the sticker(?! on)", "sticker says?",
            "the sticker (?:please|pls)", "part number on", "number (?:on|off)", "read (?:me )?the numbers?", "marking says?",
            "po number", "verify the serial", "part no\\.? on", "label match", "does the label", "what stay written", "read its label",
            "model number", "writing", "type plate", "what(?:'s| is) the (?:id|code|text)", "the text(?: please)?$", "stamp",
            "labelled|labeled", "on the label", "which characters", "number on it", "read out", "bar ?code contain", "code contain",
            "part number from", "batch number", "(?:which|what) date", "manufactur(?:ing|e) date",
            "(?:model|part) number is (?:printed|written|on)", "make out the",
        ),
        japanese=japanese_pieces(
            "ラベル(?!面|(?:は|が)(?:曲|ずれ|傾|斜|真っ|まっ|剥|はが|破|汚)|.{0,3}(?:貼|付い|ついて|ある|あり))",
            "読(?:んで|める|めます|めん|めない|めません|み取|取|みます|みたい|め$|め[。!])", "よん(?:で|え)", "よみます",
            "バーコード(?!.{0,2}(?:あ|見え))", "(?<![a-z])qr(?![a-z])", "データマトリクス", "文字", "刻印", "印字", "印刷されて",
            "銘板(?!.{0,2}あ)", "(?:何て|何と|なんて|なんと).{0,2}(?:書|刻|記載|印)", "書いて(?:ある|あり|あっ|る)", "書いたある",
            "書かれ", "刻まれ", "記載(?!する)", "荷札", "手書き", "ocr", "スキャン", "デコード",
            "(?:シリアル|ロット|(?<![a-z])lot|(?<![a-z])serial|製造|型番|型式|製番|バッチ|番号|s/n|リビジョン)(?: ?(?:番号|ばんごう|"
            "ナンバー|no\\.?|コード|日|年月日?|and|ナンバ))*(?:(?:は|を|が|って|も|と.{1,8})? ?(?:なんぼ|いくつ|何|なに|教え|おしえ|読|"
            "わか|分か|お願い|お知らせ|いつ|どれ|知|頂|ご?確認)|(?:は|も|ナンバー?)$|(?<![a-z])$)", "ロット.{0,3}どれ", "ロットはど",
            "どのロット", "製造(?:日|年月)", "(?:賞味|使用|消費|有効)期限", "日付コード", "date ?code", "現品票", "番号が.*一致", "製番",
            "の数字", "チップの(?:文字|番号)", "コードは(?:何|$)", "番号(?:を)?教え", "字を", "スタンプ", "表示は何",
            "(?<![a-z])id(?:は|を|$)", "何て書い", "製造番号", "プレートを", "の(?:中身|内容)は$", "期限", "ラベルの",
            "合ってるか.*シリアル", "型番", "ロット(?:を)?読", "判読", "書き起こ", "彫って", "彫られ",
        ),
    ),
    Intent(
        name="history",
        tools=("history",),
        beats=("compare", "locate", "ask", "classify", "propose", "describe"),
        english=english_words(
            "(?:have|has|had|did|do|ever|been|was|were|anyone|we|somebody).{0,40}(?:before|previously|already|earlier(?! photo|"
            " picture| image| one)|in (?:the )?past|last (?:week|month|year|time|quarter)|b4)",
            "seen (?:\\w+ )*(?:before|b4|already|previously|like)", "ever (?:had|seen|happened)",
            "previous(?:ly)?(?! (?:one|photo|picture|image|instruction|message))", "similar", "histor(?:y|ical)", "in (?:the )?past",
            "from the past", "recurring", "recurr(?:ed|ent|ence)", "happened (?:before|again)", "first time", "how often",
            "how many (?:times|such|cases|of these have)", "did we (?:do|decide|scrap|rework|get|have)", "(?:was|were) decided",
            "we decide", "they decide", "decided? (?:the )?(?:last|on)", "other cases", "cases", "like this one",
            f"same (?:problem|issue|thing|{_DEFECT}|rubbish|crap|signature)", "repeat(?:ed)?", "looks? familiar",
            "known (?:issue|problem)", f"know this {_DEFECT}", "had this", "seen this", "seen it", "this before",
            "(?:any|past|old|previous) records?", "on record", "precedents?", "comparable",
            "last (?:one|ones|time) (?:like|this|we|they)?", "last week'?s?", "last month", "isolated", "have we (?:seen|had|done|got)",
            "déjà vu", "one just like", "just like it", "new thing or old", "when did we last", "past inspections?", "earlier photos",
            "have had complaints", "complaints about", "shift decide", "who approved", "the last one", "happen before", "happened to",
            "how did we handle", "again\\?+", "when did (?:this|that|it|we)(?: \\w+)? (?:last )?(?:happen|see|have|occur)",
            "happen last", "bec(?:ame|ome) of the", "(?:second|third|fourth|nth) time", "how common", "common(?: problem| issue)?",
            "reported", "do we know th(?:is|at)", "(?:have we|did we) ever", "something like (?:this|it) in", "closest", "same story",
            "colleague", "other parts have", "had it too", "occurred", "earlier (?:inspection|ticket|case)s?",
            "find (?:me )?(?:the |a )?(?:past|twin|similar|earlier)", "repeat of", "previous case",
            "(?:is|are) (?:this|it|that) an? (?:known|familiar)", "decision on", "^is (?:this|it) new", "more frequent", "archive",
        ),
        japanese=japanese_pieces(
            f"{_ITSU}(?!の(?:写真|画像|photo))(?:に|も|は|にも|と同じ|例|から)?.{{0,14}}(?:あ(?:る|り|っ)|見|出|起|発生|同じ|似|こんな|"
            f"判断|決|処置|処理|対応|不良|事象|検査|事例|どう|どない|承認|言って)", "前例", "前もあ", "前も", "まえも",
            "前に(?:も|あ|見)", "前あった", "過去", "以前(?!の?写真)", "履歴", "似た", "(?<!最もよく)(?<!一番)似て(?:い|る)", "類似",
            "(?:同じ|同様の?)(?:ような|不良|欠陥|キズ|傷|の(?:が|出|ある|あり)|問題|やつ|事例|症状|こと|事象|場合|兆候)",
            "再発(?!を?防|防)", "初めて", "はじめて(?!まし)", "見たこと", "みたこと", "見覚え", "事例", "昔", "先(?:週|月)(?!の廃棄)",
            "最近", "何回目", "何度(?:目|も)",
            "(?<!と)(?:処置|処理|判断|対応|決定|決め|決ま)(?:した(?!ら|い|ほう|方)|しました|され|ました|った|して(?:きた|た))",
            "(?:他|ほか)(?:の人)?(?:に)?も", "あったっけ", "ありましたっけ", "ありましtか", "あったこと", "これまで(?!の指示)", "今まで",
            "いままで", "頻度", "よく(?:ある|出る|あり|起)", "記録に", "慢性", "最後に確認", "単発", "今年は何件", "何件", "デジャブ",
            "前んとき", "いつものやつ", "誰が承認した", "クレームあ", "similar ?case", "また(?:か|同じ|出)", "前回は",
            "前回の(?!写真|お)", "一番近い過去", "出たっけ", "最後に(?:出|発生|起|見)", "何回(?:出|起|発生|目|も)", "よくある",
            "知ってる不良", "記録(?:を)?出", "その後どう", "前はどう", "前の似た", "三回目", "\\d回目", "報告ある", "一番似", "同僚",
            "双子", "ラインでも", "同じ話", "似たの", "初めてのケース", "既知の(?:不良|問題)(?:です|か|$)", "見た人", "新しい不良",
            "増えて", "アーカイブ",
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
            "(?:under|on) (?:a )?deviation", "waiver", "salvageable", "ship", "shipped", "shipment\\?", "shipping", "stop shipment",
            "send (?:\\w+ ){0,2}(?:out|to (?:packing|the customer|customer|the client)|back)",
            "send to (?:the )?(?:customer|packing|client)", "go(?:es)? (?:out|back|to the customer)", "release lot", "release it",
            "can (?:we|i) (?:release|deliver|ship)", "deliver", "pass (?:it|this|them|that)? ?on(?: to)?", "back on the line",
            "let it (?:through|go)", "put it (?:back|on hold)", "accept (?:it |this )?(?:under|anyway)", "reject (?:it|the lot)",
            "book it in", "return (?:it|them|this) ?(?:to)?", "send them back", "back to the (?:vendor|supplier)",
            "approve (?:it|this|that|them)(?: one)?", "may i (?:throw|ship|use|pass)", "keep,? fix", "(?:use|take) it (?:anyway|as is)",
            "as is$", "reject the (?:whole |entire )?(?:lot|batch)", "repair(?:ed)?", "replaced?(?! the machine)",
            "(?:do|should|can|must) (?:i|we) (?:fix|repair|replace|sell|stop|block|sort|refuse|reject|set aside|put (?:it|"
            "this) (?:aside|on hold|back)|release|keep|hold|scrap|use it)", "aside", "what now", "stop the line",
            "worth (?:fixing|repairing|it)", "(?:what|which) action", "sorted out", "sort the", "refuse", "go to assembly", "go on$",
            "let it go", "fix it", "actions? should", "be saved", "let (?:it|this|them) pass", "right thing to do", "downgrade",
            "(?:ok|okay|fine) to (?:ship|pack|send|deliver|release)",
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
            "disposition", "return to supplier", "残す", "どうすべき", "勧めますか", "推奨", "修理", "交換", "止めるべき", "別に置",
            "よけと", "よけて", "売れる", "進めて", "選別", "ブロック", "このまま(?:使|流|出|進)", "目をつぶ", "アクション", "直す",
            "次どう", "さて、?どう", "行かせ", "組立に回", "受け取り拒否", "どう(?:すれば|したら)(?:いい|よい|良い)", "ライン止める",
            "さて", "どうしよう", "救え", "何をすれば(?:いい|よい)", "納品して(?:問題|いい|大丈夫|も|よ)", "止める必要", "おすすめ",
            "(?<!取り)扱い", "格下げ", "止めない(?:と|で)", "止めますか",
        ),
    ),
    Intent(
        name=MEASURE,
        beats=("ask", "compare"),
        english=english_words(
            r"\d* ?mm", "millimeters?", "millimetres?", r"\d* ?cm", "centimeters?", "centimetres?", "inch", "inches", "microns?", "um",
            "μm", "measure", "measurements?", "dimensions?", "diameter", "radius", "how (?:deep|thick|long is|tall|wide|high|heavy)",
            "depth", "thickness", "weight", "weigh", "angle between", "distance", "tolerance of", "length (?:of|in)", "calculate",
            "roughness", "(?:exact )?width", "how wide", "how far apart", "grams?", "kilos?", "how much does it weigh",
            "exact measurements?",
        ),
        japanese=japanese_pieces(
            "ミリ", "(?<![a-z])[cm]m(?![a-z])", "センチ", "寸法", "長さ", "深さ", "幅は", "幅を", "厚み", "厚さ", "直径", "内径", "外径",
            "穴径", "半径", "測って", "測れ", "測定", "計測", "公差", "ミクロン", "μm", "角度", "重さ", "重量",
            "隙間(?!.{0,3}(?:ある|あり|ない))", "粗さ", "グラム", "何キロ", "の幅", "間隔", "(?<![a-z])kg(?![a-z])",
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
            "what is \\d+ (?:times|plus|minus|x)", "-san in", "which shift", "salary", "holiday", "restaurant", "who won",
            "the (?:game|match)(?: last)?", "yield", "(?:did we )?produced?(?: today)", "(?:book|reserve) a", "meeting room",
            "call the (?:supplier|customer)", "humidity", "canteen", "remind me", "how long (?:does|will) it take", "coffee", "torque",
            "voltage", "volts?(?! on)", "hard enough", "music", "meaning of life", "how old", "last maintenance", "ppm",
            "send this (?:photo )?to [a-z]+$(?<!customer)", "start the conveyor", "open the door", "temperature outside",
            "will the machine be", "the customer pay", "history of [a-z]+", "python", "write (?:code|a program)", "the shift end",
            "forecast", "how much is a", "best inspector", "how far is it", "exchange rate", "people work", "password", "ceo", "airport",
            "president", "toilet", "restroom", "gloves", "phone number", "pressure", "line \\d+ make", "alloy", "last in the field",
            "(?:scrap|reject) rate", "parts did we make", "^(?:please )?(?:stop|start) the (?:line|conveyor|machine|furnace)",
            "(?:which|who) of the (?:operators|inspectors|people)", "made of", "print (?:a|the|me)", "vacation", "conduct", "survive",
            "salt spray", "smell", "rattle",
        ),
        japanese=japanese_pieces(
            "天気", "雨降", "昼飯", "昼ご飯", "ランチ", "夕飯", "お?なか ?すいた", "バス", "電車", "休憩", "夜勤だれ",
            "夜勤は?(?:誰|だれ)", "誰が(?:落|やっ|作|壊)", "責任者", "上司", "担当者", "どこおる", "さん(?:いる|い(?:ます|ない))",
            "在庫", "単価", "価格", "値段", "いくら(?!でも)", "見積", "納期", "コスト", "費用", "訳して", "翻訳", "メール", "面白い話",
            "冗談", "株価", "首都", "かける\\d", "足す", "温度は", "引張", "硬度", "強度は", "x線", "エックス線", "内部の", "どの班",
            "給料", "休み(?:は|いつ)", "何時(?:から|です|$)", "なんじ", "試合", "歩留", "何台", "会議室", "電話して", "湿度", "食堂",
            "\\d時に(?:教|知|呼|起)", "(?:修理|直すの)にどのくらい", "いつ直る", "コーヒー", "トルク", "ドアを", "コンベア", "電圧",
            "硬さ", "音楽", "人生", "何年もの", "メンテ", "ppm", "に送って$", "担当(?:者|です|は)", "誰が担当", "払うの", "検査員は誰",
            "歴史を教え", "コード(?:を)?書け", "いつ終わ", "新品はいくら", "空港", "為替", "働いて", "パスワード", "社長", "トイレ",
            "手袋はどこ", "電話番号",
            "材質", "不良率", "生産数", "印刷して", "寿命", "塩水", "におい", "異音", "有給", "鋳物の内",
            "圧力(?!で)", "何個作", "(?:班長|課長|部長|上長|リーダー)は(?:誰|だれ)", "を書いたのは(?:誰|だれ)",
        ),
    ),
    Intent(
        name=HELP,
        beats=("compare", "locate", "ask", "describe", "read_label", "history", "reason", "propose"),
        english=english_words(
            "help(?: pls| please| me(?: out)?)?", "what (?:can|could|do) (?:you|u)(?: all)? (?:do|tell|answer|offer|know)", "able to do",
            "how (?:do|can|should|could) (?:i|we) (?:use|upload|add|post|start|register|ask)",
            "how (?:i|we) (?:can use|add|upload|register|teach)", "how to use", "how does (?:this|it|the bot)(?: thing)? work",
            "how do you work", "commands?", "instructions", "manual", "who are you", "what are you",
            "are (?:you|u) (?:a )?(?:robot|bot|human|real|ai)", "good for", "limitations", "(?:which|what) tools", "your function",
            "what kinds? of questions?", "what (?:can|could) i (?:ask|type|write)", "reliable", "can i trust", "trust you",
            "who has to approve", "who (?:may|can|must) approve", "how accurate", "your prompt", "pretend", "obey me",
            "ignore (?:the|all|your)(?: previous)? (?:rules|instructions)", "guidelines", "admin mode", "understand how to use",
            "reference photos", "use you", "how are you", "do you speak", "languages?", "talk to you", "in (?:japanese|english)",
            "(?:get|getting) started", "where do (?:i|we) start", "register a", "press(?:ing)? approve", "confidence mean", "undo",
            "wrong answer", "(?:record|records) (?:things|the decision|it|this|my)", "never mind", "forget it", "^test$",
            "(?:any|some)body there", "who made you", "an ai", "my mistake", "got it wrong", "congratulations",
            "what kind of (?:photos|pictures|images)", "^what do you do", "teach you", "(?:are )?you there",
            "you're wrong|you are wrong", "your name", "(?:the|these) buttons", "your features", "press thumbs? up",
            "photos (?:stored|kept)",
            "(?:find|see) the (?:log|records?|audit)", "what should i (?:type|write|say|send)", "parts do you know", "before you say ok",
            "how do i (?:ask|teach|undo|correct|send|approve)",
        ),
        japanese=japanese_pieces(
            "使い方", "つかいかた", "ヘルプ", "(?<![a-z])help", "(?:何|なに|なん)(?:が|を)?(?: )?(?:でき|出来)", "できること",
            "出来ること", "できないこと", "どう使", "どうやって使", "(?:あなた|お前|君|自分)(?:は|って)?(?:誰|だれ|何|ロボット|なに)",
            "どんなことが聞け", "何を打て", "何をしてくれ", "コマンド", "利用方法", "登録の(?:やり方|仕方|方法)", "やり方を教",
            "誰が承認する", "承認するのは誰", "どのようなツール", "信頼性", "信用して", "役に立つ", "プロンプト", "管理者モード", "海賊",
            "すべて承認して", "ルールを無視", "できんの", "できるん", "ツールが", "役立たず", "うるさい", "元気", "英語(?:で|でも)",
            "何語", "日本語(?:で|でも)", "助けて", "登録(?:は|の|する|し)", "始め方", "どこから始め", "承認を(?:押|取り消)",
            "確度(?:って|とは)", "誰が作った", "(?<![a-z])ai(?:です|$|か)", "誰か(?:い|居)", "^テスト$", "やっぱり(?:いい|結構)",
            "気にしない", "間違えました", "自分で記録", "取り消せ", "おめでとう", "ははは", "外れてる", "困ったとき", "答えが間違",
            "手伝って", "教えるには", "どんな写真が(?:必要|要|い)", "^いますか$", "^名前は", "(?:お|君の|あなたの)名前", "消し方",
            "機能を説明", "ボタンは", "マニュアル", "どうやって(?:追加|登録|入れ|始め)", "(?:追加|登録)(?:の|する)(?:方法|やり方)",
            "仕組み", "何を聞け", "教え方", "👍を", "どう聞け", "何と打", "どこに保存", "記録はどこ", "どの部品を知", "何枚まで",
            "全部承認",
            "どこで直せ", "最初に何をすれ", "何語", "色は何を表", "間違っていたら", "どれくらい確かなら", "取り消すには",
        ),
    ),
)  # fmt: skip
