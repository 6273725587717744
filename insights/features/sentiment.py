"""How pleased a text sounds: VADER (Hutto, Gilbert, ICWSM 2014), a lexicon and rules. Pure; the lexicon is loaded by
the first text.

It knows English only, and its lexicon has words that mean something else in others ("die" is one of its worst). So a
text that reads like another language says nothing, and neither does one without any word of the lexicon: both are not
known, which is something else than neutral.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

MODEL = "VADER 3.3.2, English"
# Of each person so many texts, the latest ones, of so many letters each.
MOST_TEXTS, LONGEST = 20, 2_000
# The borders that its authors give.
_POSITIVE, _NEGATIVE = 0.05, -0.05
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENGLISH_WORDS = (
    "a about after all also and are as at be because been but by can could did do does for from had has have he her his"
    " how i if in is it its just more my not of on or our out she so than that the their them then there they this to"
    " too up very was we were what when which who will with would you your"
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
# The most frequent words of German, French, Spanish, Portuguese, Italian and Dutch that are none of English.
_OTHER_WORDS = (
    "aber alles auch auf aus bei bin das dem den der die dies ein eine einen einer es für habe hat ich ist kein keine"
    " leider mein mich mit nach nicht noch nur oder sehr sich sie sind und vom von vor wie wir wird zu zum zur au aux"
    " avec bien ce cette dans de des du elle en est et il je la le les leur mais mes mon ne nous pas plus pour que qui"
    " sa ses son sont sur très tout trop un une vous con como del el ella ello era es esta está este fue ha la las lo"
    " los más mi muy nada no para pero por que se sin sobre su todo una y ya ao até com da das dos ela ele em essa esse"
    " eu foi isso mais mas meu minha muito na não nem nos o os ou pela pelo quando são seu sua tem tudo um uma alla"
    " anche che chi ci con cosa della dello di gli ho i il io ma mio molto nel non per più poi quella questo se sono"
    " sul ti tra tutto aan dat deze dit een en er geen goed heb heeft het hij ik kan maar meer met mijn naar niet nog"
    " ook op over te uit van veel voor wel wij zijn zo zeer"
)
_OTHERS = frozenset(_OTHER_WORDS.split()) - _ENGLISH - {"no"}


def sentiment(texts: Sequence[str]) -> float:
    """The mean of these texts, from -1 to 1; NaN when none of them says anything."""
    told = [one for one in map(_compound, texts) if one is not None]
    return sum(told) / len(told) if told else math.nan


def tone(value: float) -> str:
    """The number in a word."""
    return "positive" if value >= _POSITIVE else "negative" if value <= _NEGATIVE else "neutral"


def reads_english(text: str) -> bool:
    """Whether the small words of a text are those of English, or it has none of any language that is known here."""
    words = [one.lower() for one in _WORD.findall(text)]
    foreign = sum(one in _OTHERS for one in words)
    letters = sum(len(one) for one in words)
    latin = sum(letter < "ɐ" for one in words for letter in one)
    return sum(one in _ENGLISH for one in words) >= foreign and 2 * latin >= letters


def _compound(text: str) -> float | None:
    if not reads_english(text):
        return None
    scores = _analyzer().polarity_scores(text[:LONGEST])
    return float(scores["compound"]) if scores["pos"] or scores["neg"] else None


@lru_cache(maxsize=1)
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
