"""Convert numbers of older numbering plans to today's.

An entry of `CHANGES` is one published renumbering, or a part of one: a pattern of the old numbers, without the `+`,
and today's form; a trunk prefix is included if the library keeps it, because without it the number has a length that
is not in today's plan. Included are those since 2011 for which the regulator's or the ITU's own text states how each
number changed; older ones are left out, because a truncated number of today would match them. A number may be changed
only if it is invalid today and the new one is valid, which the caller checks; so plans whose old numbers the library
also calls valid (Gabon 2019) have no entry.

Entries determine canonical forms: changing this table raises the version of the canonicalization rules.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import NamedTuple


class Change(NamedTuple):
    """One renumbering.

    Attributes:
        code: calling code.
        since: date when the new numbers took effect; the first one, if introduced area by area.
        old: expression of the old numbers, including the calling code.
        new: replacement, with groups of `old`.
        source: publisher of the change.
    """

    code: str
    since: dt.date
    old: str
    new: str
    source: str


_EGYPT = "National Telecom Regulatory Authority (NTRA), announcement of the 11-digit mobile numbers, 2011"
_BRAZIL = "Anatel, Resolução 553/2010; ITU, communication of 6.II.2013 (country code +55)"
_CHILE = "Subtel; ITU, communication of 2.VII.2014 (country code +56)"
_SAUDI_ARABIA = "CITC; ITU, communication of 9.IV.2013 (country code +966)"
_CAMEROON = "Ministry of Posts and Telecommunications and ART, press briefing of 25 September 2014"
_VIETNAM = "Ministry of Information and Communications, conversion of the 11-digit mobile numbers, 2018"
_MEXICO = "IFT, Plan Técnico Fundamental de Numeración; ITU Operational Bulletin 1151, communication of 12.VI.2018"
_IVORY_COAST = "ARTCI, national numbering plan of ten digits, announced on 28 July 2020"
_COLOMBIA = "CRC, Resolución 5826 de 2019, marcación única nacional"
_BENIN = "ARCEP Bénin, national numbering plan of ten digits, 2024"

CHANGES: tuple[Change, ...] = (
    # Mobinil, Vodafone and Etisalat each got their own digit, or a replacement for the 5 of 015x.
    Change("20", dt.date(2011, 10, 6), r"201([278]\d{7})", r"2012\1", _EGYPT),
    Change("20", dt.date(2011, 10, 6), r"201([069]\d{7})", r"2010\1", _EGYPT),
    Change("20", dt.date(2011, 10, 6), r"201([14]\d{7})", r"2011\1", _EGYPT),
    Change("20", dt.date(2011, 10, 6), r"20150(\d{7})", r"20120\1", _EGYPT),
    Change("20", dt.date(2011, 10, 6), r"20151(\d{7})", r"20101\1", _EGYPT),
    Change("20", dt.date(2011, 10, 6), r"2015([25]\d{7})", r"2011\1", _EGYPT),
    # A ninth digit for mobile numbers, area by area until 2016-11-06.
    Change("55", dt.date(2012, 7, 29), r"55([1-9]\d)([6-9]\d{7})", r"55\g<1>9\2", _BRAZIL),
    # A 2 before fixed numbers, area by area until 2013-07-06.
    Change("56", dt.date(2012, 10, 20), r"560?2(\d{7})", r"5622\1", _CHILE),
    Change("56", dt.date(2012, 10, 20), r"560?([3-7]\d)(\d{6})", r"56\g<1>2\2", _CHILE),
    # A 1 before the area codes of fixed numbers.
    Change("966", dt.date(2013, 5, 13), r"9660?([1-467]\d{7})", r"9661\1", _SAUDI_ARABIA),
    # A 6 before mobile numbers. Fixed ones depend on the operator's network, which a number does not show.
    Change("237", dt.date(2014, 11, 21), r"237([5-9]\d{7})", r"2376\1", _CAMEROON),
    # Mobile numbers lose a digit.
    Change("84", dt.date(2018, 9, 15), r"8416([2-9]\d{7})", r"843\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"8412([068]\d{7})", r"847\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"84121(\d{7})", r"8479\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"84122(\d{7})", r"8477\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"8412([345]\d{7})", r"848\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"84127(\d{7})", r"8481\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"84129(\d{7})", r"8482\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"8418([68]\d{7})", r"845\1", _VIETNAM),
    Change("84", dt.date(2018, 9, 15), r"84199(\d{7})", r"8459\1", _VIETNAM),
    # The 1 of mobile numbers, and the domestic dialling prefixes, were dropped.
    Change("52", dt.date(2019, 8, 3), r"52(?:1|01|044|045)(\d{10})", r"52\1", _MEXICO),
    # Two digits by operator, which the second digit of mobile numbers and the third of fixed ones show.
    Change("225", dt.date(2021, 1, 31), r"225([04-9][0-3]\d{6})", r"22501\1", _IVORY_COAST),
    Change("225", dt.date(2021, 1, 31), r"225([04-9][4-6]\d{6})", r"22505\1", _IVORY_COAST),
    Change("225", dt.date(2021, 1, 31), r"225([04-9][7-9]\d{6})", r"22507\1", _IVORY_COAST),
    Change("225", dt.date(2021, 1, 31), r"225(2\d8\d{5})", r"22521\1", _IVORY_COAST),
    Change("225", dt.date(2021, 1, 31), r"225([23]\d0\d{5})", r"22525\1", _IVORY_COAST),
    Change("225", dt.date(2021, 1, 31), r"225(2\d[1-79]\d{5}|3\d[1-9]\d{5})", r"22527\1", _IVORY_COAST),
    # 60 before the area code of fixed numbers.
    Change("57", dt.date(2021, 9, 1), r"57([1-8]\d{7})", r"5760\1", _COLOMBIA),
    # 01 before all numbers.
    Change("229", dt.date(2024, 11, 30), r"229([2-9]\d{7})", r"22901\1", _BENIN),
)


def today(value: str) -> str | None:
    """Return the current form of a number, or None if no entry matches it.

    Args:
        value: `+` and digits, calling code first; of any length.
    """
    for change, old in _of_code(value[1:4]):
        if found := old.fullmatch(value, 1):
            return f"+{found.expand(change.new)}"
    return None


@lru_cache(maxsize=1024)
def _of_code(start: str) -> tuple[tuple[Change, re.Pattern[str]], ...]:
    """Return the entries for numbers that start with these digits."""
    return tuple((change, re.compile(change.old)) for change in CHANGES if start.startswith(change.code))
