"""Published norms of voice measures, only where they were made with the same algorithm and the same task.

A norm of another program is no norm of this one: jitter of MDVP, CPPS with other settings, HNR with other windows are
other scales. So most figures have none.

Source: beside each.
"""

from dataclasses import dataclass

AVQI_TASK = "both"


@dataclass(frozen=True, slots=True)
class Norm:
    """What is usual, or where a voice is taken to be no longer normal."""

    key: str
    """Of the figure: ``mpt_s``."""
    text: str
    """In words, with the numbers."""
    source: str
    """Who published it, and of whom."""
    low: float | None = None
    """From here on; None: no bound."""
    high: float | None = None
    """Up to here; None: no bound."""
    sex: str | None = None
    """``f`` or ``m``; None: both alike."""
    ages: tuple[int, int] | None = None
    """In years, both included; None: adults."""
    task: str = "any"
    """``vowel``, ``speech``, ``both`` (a vowel and speech together) or ``any``."""
    language: str | None = None
    """Of the speech; None: no matter."""


def norms(
    key: str,
    sex: str | None = None,
    age: float | None = None,
    task: str | None = None,
    language: str | None = None,
) -> tuple[Norm, ...]:
    """Norms of the figure *key* that fit; what is None is not asked about, so all fit."""
    return tuple(
        norm
        for norm in NORMS
        if norm.key == key
        and (sex is None or norm.sex in (None, sex))
        and (age is None or norm.ages is None or norm.ages[0] <= age < norm.ages[1] + 1)
        and (task is None or norm.task in ("any", task))
        and (language is None or norm.language is None or norm.language.casefold() == language.casefold())
    )


def _avqi(language: str, cut_off: float, source: str) -> Norm:
    return Norm(
        "avqi",
        f"up to {cut_off:g} where the voice sounds normal ({language})",
        source,
        high=cut_off,
        task=AVQI_TASK,
        language=language,
    )


def _mpt(ages: tuple[int, int], mean_s: float, spread_s: float, people: int) -> Norm:
    return Norm(
        "mpt_s",
        f"{mean_s:.1f} ± {spread_s:.1f} s, {ages[0]} to {ages[1]} years",
        "Maslan, Leng, Rees, Blalock and Butler, Maximum phonation time in healthy older adults, Journal of Voice 25(6), "
        f"2011; {people} healthy people of that age, standard deviation from the published standard error",
        low=mean_s - spread_s,
        high=mean_s + spread_s,
        ages=ages,
        task="vowel",
    )


NORMS = (
    _avqi(
        "Dutch",
        2.43,
        "Barsties and Maryn, External validation of the Acoustic Voice Quality Index version 03.01, Annals of Otology, "
        "Rhinology and Laryngology, 2016; 1058 samples",
    ),
    _avqi(
        "Japanese",
        1.41,
        "The Acoustic Voice Quality Index version 03.01 for the Japanese-speaking population, Journal of Voice 33(1), 2019; "
        "455 recordings, sensitivity 84 %, specificity 86 %",
    ),
    _avqi(
        "Finnish",
        1.83,
        "Validation of the Acoustic Voice Quality Index 03.01FIN in Finnish speaking population, Puhe ja kieli; 197 people",
    ),
    _avqi(
        "Italian",
        2.35,
        "Validation of the Acoustic Voice Quality Index version 03.01 in Italian, Journal of Voice, 2021; 150 people, "
        "sensitivity 90 %, specificity 92 %",
    ),
    Norm(
        "dsi",
        "+5 where the voice sounds normal, -5 where it is severely dysphonic (level and F0 from a voice range profile, "
        "jitter from MDVP)",
        "Wuyts et al., The Dysphonia Severity Index, JSLHR 43(3), 2000; 387 people",
        low=5.0,
    ),
    _mpt((60, 69), 22.27, 1.56 * 15**0.5, 15),
    _mpt((70, 79), 22.97, 1.11 * 26**0.5, 26),
    _mpt((80, 89), 21.14, 0.97 * 28**0.5, 28),
)
