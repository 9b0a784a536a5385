"""Languages: how each takes its endings off, and which one a document is written in.

English is the language of all that is not known to be in another one. A document of
another language has terms of its own, marked with their language, so that its endings
never touch what English documents are found by.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from itertools import chain
from threading import Lock
from typing import Any

# It has no type hints.
_snowball: Any = import_module("Stemmer")
SNOWBALL_VERSION: str = _snowball.version()

ENGLISH = ""

_ALGORITHMS = {
    ENGLISH: "english",
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "st": "sesotho",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""What Snowball calls the languages that it knows; some versions know fewer."""

LANGUAGES: Mapping[str, str] = {
    code: name for code, name in _ALGORITHMS.items() if name in _snowball.algorithms()
}

_ALIASES = {"nb": "no", "nn": "no", "in": "id", "ji": "yi"}

_ENGLISH_TOO = frozenset(
    """
    a i an as at be do in is it me no on or so to was us we he she me man den die per era
    alle all can her his had has hat him also am are end for from has here if men my not now
    one our out over set so some than that the them then there these they this under use via
    war what when who will with you your par plus pour sans son sur pro con non fin sin son
    mine per ten over under van type data info link file name code app web note list del
    """.split()
)
"""They say nothing for another language, in which they may be frequent."""

_FUNCTION_WORDS = {
    code: frozenset(words.split())
    for code, words in {
        ENGLISH: """
            the of and to is in that it for with this are be as on you by or an from can not
            when if your which will use
        """,
        "ca": """
            els les amb dels per una és són aquest aquesta també però més com que pot i seu seva
            aquests quan fitxer ordre
        """,
        "cs": """
            je se na že jsou pro jako nebo ale které která který podle jeho byl při také v z s
            do od po aby když již pouze by být můžete není ke ve ze
        """,
        "da": """
            og er det ikke af til på en et den som med der kan eller du også hvis skal vi de fra
            ved efter alle din mere bliver være har jeg blev når denne dette kun hvordan
        """,
        "de": """
            der die das und ist nicht ein eine einen einem einer den dem des mit von zu auf für
            sich wird werden sie es im auch als oder wenn bei aus nach wie kann sind ich wir man
            nur durch über unter vor zum zur am um bis noch kein keine sowie alle dieser diese
            dieses ihre ihr hat haben wurde muss können an dass
        """,
        "el": "και το η ο να του της με για είναι την που στο δεν από θα σε ή τα τον οι των ένα",
        "eo": "kaj estas ne por kiu kun mi vi oni ĉu tiu kiel pri sed",
        "es": """
            el la los las de del que y en un una es por con para se no al lo como más pero sus
            este esta son puede si o a su desde sobre entre cuando hasta donde todo todos muy
            también fue ha según cada sin estos estas hay cual porque
        """,
        "et": "ja on ei see et ka kui mis oma või aga seda ning nii selle kuidas saab peab ta olla",
        "eu": "eta da ez bat dira dute izan hau ere dago baina du egin honek edo",
        "fi": """
            ja on ei se että joka ovat kun tai myös mutta niin voi sen ole jos kuin oli siitä
            jotka tämä tämän kanssa mukaan vain ne hän kaikki olla
        """,
        "fr": """
            le la les des de du et est un une que qui dans pour pas sur au aux avec ce cette ces
            par plus ou il elle vous nous sont être se en comment son sa ses mais si tout tous
            depuis peut ne leur sous entre dont fait été ont afin lors chaque sans même aussi
        """,
        "ga": "agus an na ar le go ag tá nó sé is bhfuil mar níl do a i leis seo",
        "hu": """
            és az hogy nem egy van ez de is meg csak vagy mint ha azt lehet a kell el ki fel
            minden már még után szerint
        """,
        "id": """
            yang dan di ini untuk dengan tidak dari dalam akan pada adalah atau itu juga ke oleh
            sebuah dapat jika lebih secara sebagai tersebut bisa
        """,
        "it": """
            il la lo gli le di del della dei che e è un una per non con sono da si nel nella al
            alla come più ma questo questa anche i delle degli ai dal dalla sul sulla o se suo
            tra tutti quando ogni può essere stato ha
        """,
        "lt": "ir yra kad iš su ne tai kaip bet ar į nuo taip jei už po per gali būti apie",
        "nl": """
            de het een en van is dat niet op te in zijn voor met die aan ook als er door of kan
            naar uit om bij wordt worden deze dit maar nog geen alle over wat hoe je moet hebben
            heeft tot dan
        """,
        "no": """
            og er det ikke av til på en et den som med kan eller du også hvis skal vi fra de ved
            etter alle din mer blir være har jeg når denne dette bare hvordan for
        """,
        "pl": """
            i w na nie się z do to jest że jak co od po przez są lub oraz dla które może o za
            który która tego ze być jako przy tylko aby można także gdy a
        """,
        "pt": """
            o a os as de do da dos das que e em um uma é não para com por se no na ao como mais
            mas são você está pode ou nos nas pelo pela seu sua quando também já todos este esta
            isso entre até sem foi ser
        """,
        "ro": """
            și este în de la nu pe cu un o să care din pentru că sunt mai sau ca prin al ale a
            dacă toate fi fost doar această acest
        """,
        "st": "le ba ka ke ho ya wa ha tsa mme hore ena",
        "sv": """
            och är det att inte av till på en ett den som med kan eller du också om för de från
            vid efter alla din mer blir vara har jag när denna detta bara hur i så
        """,
        "tr": """
            ve bir bu için ile de da ne olarak olan daha çok gibi değil veya en kadar sonra her
            olduğu tüm ancak eğer ise var
        """,
        "ru": """
            и в не на что с по как это для или из от но при если он она мы вы я его за к у о
            все так же только бы был также может до чтобы файл без под
        """,
        "sr": """
            и је у да се на не су за од који са као али или није може ово по из
            i je u da se na ne su za od koji sa kao ali ili nije može ovo po iz što
        """,
        "hr": "je i u se na da su za od koji koja kao ili nije može ovo po iz što s te biti",
        "bg": "и е на се да от за не са с в по като или но който които това към във със ще",
        "uk": "і в не на що з та як це для або із від але при якщо він вона ми ви є у до за",
        "ar": "في من على إلى أن هذا التي عن لا ما هذه مع أو الذي كان كل بين يمكن هو",
        "fa": "و در به از که این را با است برای آن یک های می شود یا تا هر",
        "hi": "के है में की और से का को हैं पर यह एक नहीं भी कि लिए करें या",
        "mr": "आणि आहे या हे एक ते मध्ये साठी किंवा नाही",
        "ne": "र छ को मा छन् पनि यो लागि गर्न हो एक तपाईं",
        "hy": "և է որ ու մեջ են այս չի համար կամ",
        "ta": "மற்றும் ஒரு இந்த என்று அது உள்ள என அல்லது",
        "yi": "און איז די אין צו פון דער אז ניט מיט",
        "he": "של את על לא הוא זה עם או גם אם",
    }.items()
}
"""The most frequent words of each. Some languages that we cannot stem are here too, so that
they are not taken for those that we can."""
_TELLING = {
    code: words if code == ENGLISH else words - _ENGLISH_TOO
    for code, words in _FUNCTION_WORDS.items()
}

_SPEAK_FOR: Mapping[str, tuple[str, ...]] = {
    word: tuple(code for code, words in _TELLING.items() if word in words)
    for word in chain.from_iterable(_TELLING.values())
}
"""The languages that a word tells."""

SAMPLE = 1_200
"""Characters of a document that are looked at."""
_FEW = 5
"""So many function words at least must speak for another language than English, and more
than twice as many as for English."""
_SHARE = 0.12
"""The share of the words that are function words, at least, in another language."""
_FOREIGN_SHARE = 0.3
"""The share of words in another script than ours from which the others do not count."""
_LAST_LATIN = "\u024f"

_SURELY_ENGLISH = (" the ", " of ", " and ", " to ", " is ")
"""A look for these spares most documents all else."""

_BEGINNING = re.compile(r"(?:^|[.!?:]\s)\W{0,8}\w", re.MULTILINE)
_LETTERS = re.compile(r"[^\W\d_]+")


def stem(word: str, language: str = ENGLISH) -> str:
    """A word in lower case without the endings that its language puts on it."""
    stemmer, lock = _stemmer(language)
    with lock:
        found: str = stemmer.stemWord(word)
    return found


def stems(words: Sequence[str], language: str = ENGLISH) -> list[str]:
    """What `stem` gives for each."""
    stemmer, lock = _stemmer(language)
    with lock:
        found: list[str] = stemmer.stemWords(words)
    return found


def code_of(value: object) -> str | None:
    """What a document says of its own language (`de`, `de-AT`, `German`); None when that is
    no language that we know."""
    if not isinstance(value, str):
        return None
    name = value.strip().lower().replace("_", "-")
    code = name.split("-")[0]
    code = _ALIASES.get(code, code)
    if code == "en" or name == "english":
        return ENGLISH
    if code and code in LANGUAGES:
        return code
    return next((known for known, called in LANGUAGES.items() if called == name), None)


def detected(text: str) -> str:
    """The language of a text, by the share of each one's most frequent words in its
    beginning. English unless there is no doubt."""
    text = text[:SAMPLE]
    if text.count(" the ") > _FEW or sum(map(text.count, _SURELY_ENGLISH)) > _FEW:
        return ENGLISH
    # With a capital, they may belong to a name, but for the first word: Los Angeles, La Paz.
    found = _LETTERS.findall(_BEGINNING.sub(lambda first: first[0].lower(), text))
    if not text.isascii():
        foreign = [word for word in found if word[0] > _LAST_LATIN]
        if len(foreign) > len(found) * _FOREIGN_SHARE:
            # Names of code stand among the words of any language.
            return _of_most(foreign, few=2)
    return _of_most(found, few=_FEW)


def _of_most(found: Sequence[str], few: int) -> str:
    counts = Counter(code for word in found for code in _SPEAK_FOR.get(word, ()))
    english = counts[ENGLISH]
    best = max(_TELLING, key=counts.__getitem__)
    hits = counts[best]
    distinct = len(_TELLING[best].intersection(found))
    if best not in LANGUAGES or distinct < min(few, 4) or hits < few:
        return ENGLISH
    return best if hits > 2 * english and hits >= len(found) * _SHARE else ENGLISH


def language_of(front_matter: Mapping[str, object], texts: Iterable[str]) -> str:
    """The language that a document names as its own, or else that of its texts."""
    for key in ("lang", "language"):
        if (code := code_of(front_matter.get(key))) is not None:
            return code
    sample: list[str] = []
    left = SAMPLE
    for text in texts:
        sample.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return detected("\n".join(sample))


def function_words(language: str) -> frozenset[str]:
    """Those of another language than English, as they are written in lower case."""
    return _FUNCTION_WORDS.get(language, frozenset())


def telling_words(language: str) -> frozenset[str]:
    """Those of its function words that are none of English, nor of names."""
    return _TELLING.get(language, frozenset())


@cache
def _stemmer(language: str) -> tuple[Any, Lock]:
    """A stemmer, and a lock to hold while it works, since it is for one thread at a time."""
    return _snowball.Stemmer(LANGUAGES[language], 0), Lock()
