"""The two shortcuts of phone numbers and the library are one rule, for every calling code there is."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from functools import partial

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.identifiers import IDENTIFIERS, numbering_plan, phone, phone_columns
from ingest_cli.identifiers.regions import canonicalized_by_region, region_of
from tests.support.one_rule import DECIDED_PER_KIND, assert_one_rule, assert_one_rule_for, careful_only, digits

MALAYSIAN = (
    "10xxxxxxx 11xxxxxxxx 12xxxxxxx 13xxxxxxx 14xxxxxxx 16xxxxxxx 17xxxxxxx 18xxxxxxx 19xxxxxxx 1300xxxxxx "
    "3xxxxxxxx 4xxxxxxx 5xxxxxxx 7xxxxxxx 8xxxxxxx 9xxxxxxx 1xxxxxxxx 1xxxxxxxxx"
)

CODES = tuple(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
TIMES = int(os.environ.get("PHONE_DRAWS_TIMES", "1"))
"""How many times as many numbers are drawn: ten in `make torture`."""

READ_BY_PLAN = 30_000 * TIMES
"""Numbers that the numbering plans read: those they leave are the library's anyway."""


def a_phone(rng: random.Random, code: str, numbers: str) -> str:
    """Mostly a national number that starts and ends where numbers do, with and without every prefix.

    `numbers`: the shapes of national numbers, x for any digit.
    """
    shape = rng.choice([*numbers.split(), rng.choice([f"0{'x' * 8}", f"{code}{'x' * 7}", "x" * 9])])
    shape = rng.choice([shape, shape, shape, shape, shape, shape[:-1], f"{shape}x"])
    national = "".join(digits(rng, 1) if character == "x" else character for character in shape)
    prefixes = ["0", "0", "", code, f"+{code}", f"+{code}0", f"00{code}", f"0{code}", "+"]
    number = rng.choice(prefixes) + national
    written: list[Callable[[], str]] = [
        lambda: number,
        lambda: number,
        lambda: number,
        lambda: f"{number[:3]}-{number[3:]}",
        lambda: f"{number[:-4]} {number[-4:]}",
        lambda: f"{number}.0",
        lambda: f"-{number} -",
        lambda: f"'{number}",
        lambda: f"{number[:2]}- -{number[2:]}",
    ]
    return rng.choice(written)()


SEPARATORS = ("/", " / ", ",", ", ", "&", "|", ";", "; ", " or ", "OR", "Or ", "oror", " or", "//", "/-/", " , or ")


def a_cell(rng: random.Random) -> str:
    """Write one to four numbers, mostly valid ones, now and then the same one twice, damaged or none."""
    mobiles = [f"{rng.choice(['01', '+601', '+60 (0)1', '00601'])}2-{digits(rng, 7)}" for _ in range(rng.randint(1, 4))]
    other = rng.choice(["+6591234567", "12", "", "x", "1.5E+3", a_phone(rng, "60", MALAYSIAN)])
    numbers = rng.choices([mobiles, [*mobiles, mobiles[0]], [*mobiles, other]], [3, 1, 1])[0]
    cell = "".join(f"{number}{rng.choice(SEPARATORS)}" for number in numbers)
    return rng.choices([cell, f"{cell}{mobiles[0]}", f" {cell}", f"'{cell}"], [3, 8, 1, 1])[0]


@pytest.mark.slow
def test_several_in_a_cell_are_decided_as_the_library_does() -> None:
    make = partial(a_cell, random.Random(20171026))
    careful = partial(phone.canonical_phones, region="MY")
    assert_one_rule_for(10_000, make, partial(phone_columns.decide, region="MY"), careful)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "code", "numbers", "count"),
    [
        ("MY", "60", MALAYSIAN, DECIDED_PER_KIND),
        ("BN", "673", "2xxxxxx 7xxxxxx 8xxxxxx", 3000),
        ("FR", "33", "1xxxxxxxx 6xxxxxxxx 7xxxxxxxx 9xxxxxxxx", 3000),
        ("ID", "62", "21xxxxxxxx 81xxxxxxxx 8xxxxxxxxxx", 3000),
        ("TH", "66", "2xxxxxxx 6xxxxxxxx 8xxxxxxxx 9xxxxxxxx", 3000),
    ],
)
def test_phones_are_decided_as_the_library_does(region: str, code: str, numbers: str, count: int) -> None:
    make = partial(a_phone, random.Random(20171021), code, numbers)
    careful = partial(phone.canonical_phones, region=region)
    assert_one_rule_for(count, make, partial(phone_columns.decide, region=region), careful)


@pytest.mark.slow
def test_every_region_with_a_fast_rule_decides_as_the_library_does() -> None:
    rng = random.Random(20171022)
    regions = [region for region in sorted(phonenumbers.SUPPORTED_REGIONS) if phone_columns.rule_of(region)]
    assert "MY" in regions
    for region in regions:
        code = phonenumbers.country_code_for_region(region)
        numbers = []
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                national = phonenumbers.national_significant_number(example)
                numbers += [national[: -rng.randint(1, 5)] + digits(rng, rng.randint(1, 6)) for _ in range(6)]
                numbers += [national]
        cells = [
            f"{start}{number}"
            for number in numbers
            for start in ("", "0", f"{code}", f"+{code}", f"+{code}0", f"00{code}0")
        ]
        fast = partial(phone_columns.decide, region=region)
        assert_one_rule(cells, fast, partial(phone.canonical_phones, region=region))


def national_numbers(code: int) -> list[tuple[str, str]]:
    """(region, national number) of every type that the library has an example of."""
    found = []
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        descriptions = (getattr(metadata, name) for name in numbering_plan.NUMBER_TYPES)
        found += [(region, each.example_number) for each in descriptions if each is not None and each.example_number]
    return found


def a_dialled_number(rng: random.Random, code: int, examples: list[tuple[str, str]]) -> tuple[str, str]:
    """(text, region where it is dialled): near what is valid, with all prefixes that there are."""
    region, national = rng.choice(examples)
    kept = rng.randint(0, 3)
    national = rng.choice(
        [
            national,
            national[:-3] + digits(rng, 3),
            national[:-3] + digits(rng, 3),
            national[:kept] + digits(rng, len(national) - kept),
            national[:-1],
            national + digits(rng, 1),
            national[: rng.randint(1, 6)],
        ]
    )
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
    national = rng.choice(["", "", "", trunk, trunk, "0", "00", "8", "1"]) + national
    mark = rng.choice(["+", "+", "00", "00", "011", "810", "", ""])
    text = f"{mark}{code}{national}" if mark or rng.random() < 0.3 else national
    return text, rng.choice(
        [region, region, "MY", "US", "IT", "XX", rng.choice(sorted(phonenumbers.SUPPORTED_REGIONS))]
    )


@pytest.mark.slow
def test_every_calling_code_is_read_as_the_library_does() -> None:
    rng = random.Random(20171027)
    examples = {code: national_numbers(code) for code in CODES}
    outcomes: Counter[tuple[str, bool]] = Counter()
    made = 0
    while outcomes.total() < READ_BY_PLAN:
        code = CODES[made % len(CODES)]
        made += 1
        text, region = a_dialled_number(rng, code, examples[code])
        bare = numbering_plan.bare(text)
        mine = numbering_plan.read(bare, region) if bare else None
        if mine is not None:
            outcomes[mine.reason, mine.is_valid] += 1
            assert mine == phone.read_by_library(text, region), (text, region)
    assert outcomes.total() > 0.75 * made
    assert min(outcomes["", True], outcomes["", False], outcomes["impossible_length", False]) > READ_BY_PLAN // 20


def test_the_examples_of_every_calling_code_are_valid_numbers() -> None:
    read = 0
    for code in CODES:
        for _, national in national_numbers(code):
            text = f"+{code}{national}"
            mine = numbering_plan.read(text, "XX")
            assert mine in {None, phone.read_by_library(text, "XX")}
            read += mine is not None and mine.is_valid
    assert read > 2 * len(CODES)


AROUND = st.sampled_from(
    ["", " ", "'", "tel:", "HP ", "(", ")", ".", "-", " ext 12", ";ext=12", "#", "x3", "~", " office", "é", "٣"]
)
WRITTEN = st.builds(
    "{0}{1}{2}{3}{4}".format,
    AROUND,
    st.sampled_from(["", "0", "+60", "+60 (0)", "0060", "+65 ", "0065-", "+1", "+39 0", "+54 9 ", "+521", "60"]),
    st.from_regex(r"\A[1-9][0-9]{0,3}[-. ]?[0-9]{2,8}\Z"),
    AROUND,
    AROUND,
)


@given(st.lists(st.one_of(WRITTEN, st.builds("{0}/{1}".format, WRITTEN, WRITTEN)), min_size=1, max_size=20))
@settings(deadline=None, max_examples=100)
def test_words_and_punctuation_change_nothing_about_being_one_rule(cells: list[str]) -> None:
    for region in ("MY", "US", "AR", "XX", "international"):
        both = IDENTIFIERS["phone"].canonicalize(pa.array(cells, pa.string()), region)
        alone = careful_only(cells, partial(phone.canonical_phones, region=region))
        assert both.value.equals(alone.value)
        assert both.cell.tolist() == alone.cell.tolist()
        assert both.rejected_cell.tolist() == alone.rejected_cell.tolist()
        assert (both.rejected_reason, both.flags) == (alone.rejected_reason, alone.flags)


def read_alone(text: str, region: str) -> tuple[list[str], list[str], dict[str, int]]:
    found = IDENTIFIERS["phone"].canonicalize(pa.array([text]), region)
    return found.value.to_pylist(), found.rejected_reason, dict(found.flags)


def parsed(text: str, region: str | None) -> tuple[str, int, bool]:
    """(E.164, country code, whether it is valid), by the library alone."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return "", 0, False
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return value, number.country_code or 0, phonenumbers.is_valid_number(number)


@pytest.mark.parametrize("region", ["MY", "SG", "US", "GB", "ID", "DE", "IN"])
def test_a_number_of_another_country_is_never_taken_for_one_of_the_region(region: str) -> None:
    """Numbers with country code and without plus, of every region and type that the library has an example of."""
    rng = random.Random(20171028)
    outcomes: Counter[str] = Counter()
    home = phonenumbers.country_code_for_region(region)
    for code in CODES:
        for _, national in national_numbers(code):
            text = f"{code}{national[:-2]}{digits(rng, 2)}"
            value, _, is_valid = parsed(f"+{text}", None)
            at_home, _, is_valid_at_home = parsed(text, region)
            found, reasons, flags = read_alone(text, region)
            if is_valid_at_home:
                assert found == [at_home], text
                outcomes["at home"] += 1
            elif is_valid and code != home and "renumbered" not in flags:
                assert not found, text
                assert reasons[0] in {"no_plus", "local_only"}, text
                outcomes["abroad"] += 1
            if is_valid:
                assert read_alone(text, "international")[0] == [value], text
                outcomes["international"] += 1
    assert outcomes["abroad"] > 150
    assert outcomes["international"] > 500


FORMATS = st.sampled_from(
    "\u00ad\u0600\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2064\u2066\u2069\ufeff\ufe0d\ufffc"
)
PLAIN = st.sampled_from(
    [
        *(
            "0123456789",
            "+60 (0)12-345 6789",
            "6591234567",
            "60123456789.0",
            "018153",
            "+6591234567",
            "tel:+60123456789",
        ),
        *("0123456789 / 0198765432", "{0123456789,0198765432}", '["0123456789"]', '="0123456789"', "0123456789 x12"),
        *("0123456789 or 0198765432", "{0123456789", "office", "6.01E+10", "07123456", "'0123456789", "0100000000"),
    ]
)


@given(PLAIN, st.lists(st.tuples(st.integers(0, 30), FORMATS), min_size=1, max_size=6))
@settings(deadline=None, max_examples=300)
def test_format_characters_anywhere_change_nothing(text: str, marks: list[tuple[int, str]]) -> None:
    marked = text
    for place, mark in marks:
        marked = marked[:place] + mark + marked[place:]
    for region in ("MY", "CI", "international", "XX"):
        assert read_alone(marked, region) == read_alone(text, region)


@given(st.lists(st.tuples(PLAIN, st.sampled_from(["MY", "sg", "CIV", "44", "?", None])), min_size=1, max_size=12))
@settings(deadline=None, max_examples=100)
def test_a_row_of_a_column_of_regions_is_read_as_if_it_stood_alone(rows: list[tuple[str, str | None]]) -> None:
    cells, countries = (pa.array(list(each), pa.string()) for each in zip(*rows, strict=True))
    found = canonicalized_by_region(IDENTIFIERS["phone"], cells, countries, "MY")
    flags: Counter[str] = Counter()
    for place, (text, country) in enumerate(rows):
        values, reasons, alone = read_alone(text, "MY" if country is None else region_of(country))
        assert found.value.filter(pa.array(found.cell == place)).to_pylist() == values
        assert [found.rejected_reason[at] for at in (found.rejected_cell == place).nonzero()[0]] == reasons
        flags.update(alone)
    assert flags == found.flags
