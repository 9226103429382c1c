"""The table of an expression against the standard library's matching of it."""

from __future__ import annotations

import random
import re

import numpy as np
import phonenumbers
import pytest

from ingest_cli.identifiers.automaton import table_of
from ingest_cli.identifiers.numbering_plan import NUMBER_TYPES

WIDTH = 12


def patterns_of(region: str) -> list[str]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    descriptions = [getattr(metadata, name) for name in NUMBER_TYPES]
    return [one.national_number_pattern for one in descriptions if one and one.national_number_pattern]


def matched(texts: list[str], *expressions: str) -> list[bool]:
    plus = np.array([text.startswith("+") for text in texts])
    bare = [text.removeprefix("+") for text in texts]
    padded = np.frombuffer("".join(text.ljust(WIDTH, "7") for text in bare).encode(), np.uint8)
    numbers = np.ascontiguousarray(padded.reshape(-1, WIDTH).T) - np.uint8(ord("0"))
    return table_of(*expressions).match(plus, numbers, np.array([len(text) for text in bare])).tolist()


@pytest.mark.parametrize(
    "expression",
    [
        "1",
        r"\d",
        "[1-35]",
        "12|3",
        "1(?:2|34?)5*",
        r"(?:1|22){2}",
        r"1{2,}",
        r"\d{3,5}",
        r"1?\d{2}",
        r"\+?60",
        "(?:)",
        "1{0,2}2",
    ],
)
def test_a_table_matches_what_the_expression_does(expression: str) -> None:
    rng = random.Random(20171019)
    texts = [
        "",
        "+",
        "+6",
        *("".join(rng.choices("+0123456", [1, *[4] * 7], k=rng.randint(1, 7))) for _ in range(3000)),
    ]
    assert matched(texts, expression) == [re.fullmatch(expression, text) is not None for text in texts]


@pytest.mark.parametrize("region", ["MY", "SG", "DE", "GB", "ID", "CN"])
def test_numbers_of_a_region(region: str) -> None:
    rng = random.Random(20171020)
    starts = ["1", "11", "3", "60", "1800", "15", "800", ""]
    texts = [rng.choice(starts) + "".join(rng.choices("0123456789", k=rng.randint(4, 8))) for _ in range(5000)]
    expected = [any(re.fullmatch(pattern, text) for pattern in patterns_of(region)) for text in texts]
    assert 0 < sum(expected) < len(texts)
    assert matched(texts, "|".join(patterns_of(region))) == expected


def test_all_expressions_have_to_match() -> None:
    assert matched(["12", "13", "22", "+12", "1x"], r"1\d", r"\d2") == [True, False, False, False, False]


@pytest.mark.parametrize("expression", ["(?=1)2", "1.", "(?:1", "1)", "a", "[^1]", r"\D", "1{2", "[1"])
def test_anything_else_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        table_of(expression)
