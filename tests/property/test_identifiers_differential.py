"""The compiled kernels and the careful rule are one rule; and the careful rule agrees with others' libraries.

Bulk values come from a seeded generator, as whole columns; odd ones from hypothesis.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import email_validator
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.my import nric

from ingest_cli.identifiers import (
    IDENTIFIERS,
    email,
    iccid,
    imei,
    imsi,
    national_id,
    phone,
    username,
)
from ingest_cli.identifiers.wrapping import unwrapped
from tests.support.one_rule import (
    DECIDED_PER_KIND,
    Careful,
    Fast,
    assert_one_rule_for,
    careful_only,
    digits,
)

KEYBOARD_ROWS = [row * 3 for row in ("1234567890", "0123456789", "9876543210", "0987654321")]


def an_id(rng: random.Random) -> str:
    """Mostly MyKad and passports; dates, codes and lengths often just off."""
    date = f"{rng.randrange(100):02d}{rng.randrange(1, 14):02d}{rng.randrange(1, 33):02d}"
    written: list[Callable[[], str]] = [
        lambda: f"{date}-{digits(rng, 2)}-{digits(rng, 4)}",
        lambda: f"{date}{digits(rng, 6)}",
        lambda: f"{date} {digits(rng, 2)} {digits(rng, 4)}",
        lambda: f"{date}{digits(rng, 6)}.0",
        lambda: rng.choice("AHKahkXE") + digits(rng, rng.randint(7, 9)),
        lambda: "".join(rng.choices("ABTESX", k=2)) + digits(rng, rng.randint(5, 8)),
        lambda: f"'{date}{digits(rng, 6)}",
        lambda: f"{date}{digits(rng, 6)}".lstrip("0"),
        lambda: rng.choice("0123456789X") * rng.randint(1, 13),
        lambda: rng.choice(KEYBOARD_ROWS)[rng.randrange(10) :][: rng.randint(5, 13)],
        lambda: rng.choice(["", "", "A", "k"]) + digits(rng, 7),
        lambda: f"{date}{rng.choice([' ', '-']) * rng.choice([4083, 4084, 4085])}{digits(rng, 6)}",
        lambda: "".join(rng.choices("0123456789-. 'E+Aé", k=rng.randint(1, 14))),
    ]
    return rng.choice(written)()


def an_email(rng: random.Random) -> str:
    """Mostly ordinary addresses; hyphens, dots and lengths often where they may not be."""

    def word(alphabet: str, longest: int) -> str:
        return "".join(rng.choices(alphabet, k=rng.randint(1, longest)))

    local = ".".join(word("abcxyzABC0189_+-", 9) for _ in range(rng.randint(1, 3)))
    labels = [word("abcxyzABC01-", 8) for _ in range(rng.randint(0, 2))]
    domain = ".".join([*labels, rng.choice(["com", "com.my", "MY", "org", "gmail.com", "co1", "xn--p1ai", "é"])])
    written: list[Callable[[], str]] = [
        lambda: f"{local}@{domain}",
        lambda: f"{local}@{domain}",
        lambda: f"{local}@{domain}",
        lambda: f"{local}@a{word('bc', 60)}.{domain}",
        lambda: f"<{local}@{domain}>",
        lambda: f"{rng.choice(['mailto:', 'MailTo:', '<mailto:'])}{local}@{domain}",
        lambda: word("ab.@-_' /|;<>:\u200b", 20) + f"@{domain}",
        lambda: f"{local}@{domain}{word(' .;', 2)}",
    ]
    return rng.choice(written)()


def test_ids_are_decided_as_the_careful_rule_does() -> None:
    make = partial(an_id, random.Random(20171019))
    assert_one_rule_for(DECIDED_PER_KIND, make, national_id._decide, national_id.canonical_id)


def test_emails_are_decided_as_the_careful_rule_does() -> None:
    make = partial(an_email, random.Random(20171020))
    assert_one_rule_for(DECIDED_PER_KIND, make, email._decide, email.canonical_emails)


def a_sim_number(rng: random.Random) -> str:
    """An IMSI, IMEI or ICCID, its check digit mostly right."""
    body = rng.choice(["502", "502", "8960", "35", "", "0"]) + digits(rng, rng.randint(8, 14))
    body = rng.choice([body[:14], body[:14], body])
    body = rng.choice([body, body, f"8960{body[:14]}", digits(rng, 1) * 14])
    check = rng.choice([luhn.calc_check_digit(body), luhn.calc_check_digit(body), "", digits(rng, 1)])
    number = body + check
    written = [
        number,
        number,
        number,
        f"{number}F",
        f"{number}f",
        f"{number[:6]}-{number[6:]}",
        f"{number}.0",
    ]
    return rng.choice([*written, f"{number} ", f"{number}0", f"'{number}"])


def a_username(rng: random.Random) -> str:
    return "".join(rng.choices("abcXYZ019_.- @éßİ\u0345\t", k=rng.randint(1, 9)))


@pytest.mark.parametrize(
    ("make", "fast", "careful"),
    [
        (a_sim_number, imsi._decide, imsi.canonical_imsi),
        (a_sim_number, imei._decide, imei.canonical_imei),
        (a_sim_number, iccid._decide, iccid.canonical_iccid),
        (a_username, username._decide, username.canonical_username),
    ],
    ids=["imsi", "imei", "iccid", "username"],
)
def test_the_other_kinds_are_decided_as_their_careful_rules_do(
    make: Callable[[random.Random], str], fast: Fast, careful: Careful
) -> None:
    assert_one_rule_for(5000, partial(make, random.Random(20171025)), fast, careful)


ODD = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.text(alphabet="0123456789+-. 'E\n", max_size=20),
        st.text(alphabet="ab1@.-_+'<> \n", max_size=30),
        st.from_regex(r"\A[0-9]{6}-?[0-9]{2}-?[0-9]{4}\n?\Z"),
        st.from_regex(r"\A(\+?60|0)1[0-9 -]{8,10}\n?\Z"),
        st.from_regex(r"\A[a-z+.]{1,66}@[a-z.-]{1,66}\.com\n?\Z"),
    ),
    min_size=1,
    max_size=10,
)


@given(ODD)
@settings(deadline=None, max_examples=300)
def test_odd_cells_have_the_same_result_with_and_without_kernels(cells: list[str]) -> None:
    rules: dict[str, Careful] = {
        "id": national_id.canonical_id,
        "phone": partial(phone.canonical_phones, region="MY"),
        "email": email.canonical_emails,
        "imsi": imsi.canonical_imsi,
        "imei": imei.canonical_imei,
        "iccid": iccid.canonical_iccid,
        "username": username.canonical_username,
    }
    assert set(rules) == set(IDENTIFIERS)
    for kind, careful in rules.items():
        column = pa.array(cells, pa.string())
        both = IDENTIFIERS[kind].canonicalize(column, "MY")
        plain = unwrapped(column, keeps_joiners=kind == "email", keeps_broken=kind == "username")
        alone = careful_only(cells, careful, plain)
        assert both.value.equals(alone.value)
        assert both.cell.tolist() == alone.cell.tolist()
        assert both.label.tolist() == alone.label.tolist()
        assert both.rejected_cell.tolist() == alone.rejected_cell.tolist()
        assert (both.rejected_reason, both.flags) == (alone.rejected_reason, alone.flags)


def test_a_mykad_is_what_stdnum_calls_one() -> None:
    rng = random.Random(20171023)
    for _ in range(20_000):
        text = f"{rng.randrange(100):02d}{rng.randrange(14):02d}{rng.randrange(33):02d}{digits(rng, 6)}"
        assert (national_id.label_of(text) == 0) == nric.is_valid(text), text


def test_an_address_is_what_email_validator_calls_one() -> None:
    rng = random.Random(20171024)
    for _ in range(5000):
        text = an_email(rng).strip("'")  # an apostrophe in front is a spreadsheet's, or a quote
        mine = email.canonical_emails(text).values
        try:
            checked = email_validator.validate_email(
                text, check_deliverability=False, allow_smtputf8=False, test_environment=True
            )
        except email_validator.EmailNotValidError:
            continue
        assert [value for value, _ in mine] == [f"{checked.local_part}@{checked.ascii_domain}".lower()], text
