"""Languages: how each takes its endings off, and which one a document is written in.

English is the language of all that is not known to be in another one. A document of
another language has terms of its own, marked with their language, so that its endings
never touch what English documents are found by.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
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

_FUNCTION_WORDS = {
    code: frozenset(words.split())
    for code, words in {
        ENGLISH: """
            the of and to is in that it for with this are be as on you by or an from can not
            when if your which will use
        """,
        "ca": "els les amb dels per una és són aquest aquesta també però més com que pot",
        "cs": "je se na že jsou pro jako nebo ale které která který podle jeho byl při také",
        "da": "og er det ikke af til på en et den som med der kan eller du også hvis skal vi",
        "de": """
            der die das und ist nicht ein eine einen einem einer den dem des mit von zu auf für
            sich wird werden sie es im auch als oder wenn bei aus nach wie kann sind ich wir man
        """,
        "eo": "la kaj estas de en al ne por kiu kun mi vi oni ĉu tiu kiel",
        "es": """
            el la los las de del que y en un una es por con para se no al lo como más pero sus
            este esta son puede si
        """,
        "et": "ja on ei see et ka kui mis oma või aga seda ning nii selle",
        "eu": "eta da ez bat dira dute izan hau ere dago baina",
        "fi": "ja on ei se että joka ovat kun tai myös mutta niin voi sen ole jos kuin",
        "fr": """
            le la les des de du et est un une que qui dans pour pas sur au aux avec ce cette ces
            par plus ou il elle vous nous sont être se en comment
        """,
        "ga": "agus an na ar le go ag tá nó sé is bhfuil mar níl",
        "hu": "és az hogy nem egy van ez de is meg csak vagy mint ha azt lehet",
        "id": "yang dan di ini untuk dengan tidak dari dalam akan pada adalah atau itu juga",
        "it": """
            il la lo gli le di del della dei che e è un una per non con sono da si nel nella al
            alla come più ma questo questa anche
        """,
        "lt": "ir yra kad iš su ne tai kaip bet ar į nuo taip jei",
        "nl": "de het een en van is dat niet op te in zijn voor met die aan ook als er door of kan",
        "no": "og er det ikke av til på en et den som med kan eller du også hvis skal vi fra",
        "pl": "i w na nie się z do to jest że jak co od po przez są lub oraz dla które może",
        "pt": """
            o a os as de do da dos das que e em um uma é não para com por se no na ao como mais
            mas são você está pode
        """,
        "ro": "și este în de la nu pe cu un o să care din pentru că sunt mai sau ca prin",
        "st": "le ba ka ke ho ya wa ha tsa mme hore ena",
        "sv": "och är det att inte av till på en ett den som med kan eller du också om för",
        "tr": "ve bir bu için ile de da ne olarak olan daha çok gibi değil veya en",
        # Of languages with letters that few others have.
        "ru": "и в не на что с по как это для или из от но при если он она мы вы я его за к",
        "sr": "и је у да се на не су за од који са као али или što koji",
        "bg": "и е на се да от за не са с в по като или но който които",
        "uk": "і в не на що з та як це для або із від але при якщо він вона ми ви є у",
        "el": "και το η ο να του της με για είναι την που στο δεν από θα σε ή",
        "ar": "في من على إلى أن هذا التي عن لا ما هذه مع أو الذي كان",
        "fa": "و در به از که این را با است برای آن یک های می شود",
        "hi": "के है में की और से का को हैं पर यह एक नहीं भी कि लिए",
        "ne": "र छ को मा छन् पनि यो लागि गर्न हो एक",
        "hy": "և է որ ու մեջ են այս չի համար",
        "ta": "மற்றும் ஒரு இந்த என்று அது உள்ள என",
        "yi": "און איז די אין צו פון דער אז ניט מיט",
        "he": "של את על לא הוא זה עם או גם אם",
    }.items()
}
"""The most frequent words of each. Some are told from others only by the languages that
we cannot stem, which are here so that they are not taken for these."""

SAMPLE = 1_200
"""Characters of a document that are looked at."""
_FEW = 8
"""So many different function words at least must speak for another language than English;
a third of that in a script which few others are written in."""
_SHARE = 0.15
"""The share of the words that are function words, at least, in another language."""

_SURELY_ENGLISH = (" the ", " of ", " and ", " to ", " is ")
"""A look for these spares most documents all else."""

_LETTERS = re.compile(r"[^\W\d_]+")


def stem(word: str, language: str = ENGLISH) -> str:
    """A word in lower case without the endings that its language puts on it."""
    stemmer, lock = _stemmer(language)
    with lock:
        found: str = stemmer.stemWord(word)
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
    if sum(map(text.count, _SURELY_ENGLISH)) >= _FEW:
        return ENGLISH
    found = _LETTERS.findall(text[:SAMPLE].lower())
    most = sum(map(_FUNCTION_WORDS[ENGLISH].__contains__, found))
    if not found or most >= len(found) * _SHARE:
        return ENGLISH
    best, code = max(
        (sum(map(words.__contains__, found)), code) for code, words in _FUNCTION_WORDS.items()
    )
    distinct = len(_FUNCTION_WORDS[code].intersection(found))
    enough = _FEW if _latin(code) else _FEW // 3
    if best < len(found) * _SHARE or best <= 2 * most or distinct < enough:
        return ENGLISH
    return code if code in LANGUAGES else ENGLISH


def language_of(front_matter: Mapping[str, object], texts: Iterable[str]) -> str:
    """The language that a document names as its own, or else that of its texts."""
    for key in ("lang", "language"):
        if (code := code_of(front_matter.get(key))) is not None:
            return code
    sample = ""
    for text in texts:
        sample += f"{text[: SAMPLE - len(sample)]}\n"
        if len(sample) >= SAMPLE:
            break
    return detected(sample)


def function_words(language: str) -> frozenset[str]:
    """Those of another language than English, as they are written in lower case."""
    return _FUNCTION_WORDS.get(language, frozenset())


@cache
def _latin(code: str) -> bool:
    return all(ord(letter) < 0x250 for word in _FUNCTION_WORDS[code] for letter in word)


@cache
def _stemmer(language: str) -> tuple[Any, Lock]:
    """A stemmer, and a lock to hold while it works, since it is for one thread at a time."""
    return _snowball.Stemmer(LANGUAGES[language], 0), Lock()
