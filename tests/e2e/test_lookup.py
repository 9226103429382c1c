"""`lookup`: finds a person however they spell themselves, tells nobody else, and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.harness import OTHER_LINE, SAMPLES, Cli, Place, small_dump

LOADED = [SAMPLES / f"{name}.toml" for name in ("dirty", "legacy", "members", "pelanggan", "telco")]
ID, PHONE, EMAIL = "850101-14-5678", "012-345 6789", "aisyah@example.com"
BY_ID = ["demo-dirty-2022", "demo-legacy-2009", "demo-pelanggan-2019", "demo-telco-2017"]
BY_EMAIL = ["demo-dirty-2022", "demo-legacy-2009", "demo-members-2021", "demo-pelanggan-2019"]
BY_PHONE = sorted({*BY_ID, *BY_EMAIL})
SHOP = ["demo-shop"]
SHOPPERS = (("N", "", "", "kenari.dua+kedai@gmail.com"), ("N", "", "", "k.enari.tiga@googlemail.com"))

SPELLINGS: dict[str, list[str]] = {
    ID: BY_ID,
    "850101145678": BY_ID,
    "  850101 14 5678\t": BY_ID,
    "８５０１０１－１４－５６７８": BY_ID,  # noqa: RUF001 - full-width digits, as an input method of East Asia gives them
    PHONE: BY_PHONE,
    "0123456789": BY_PHONE,
    "60123456789": BY_PHONE,
    "+60123456789": BY_PHONE,
    "0060 12 345 6789": BY_PHONE,
    "+60 (0)12-345 6789": BY_PHONE,
    EMAIL: BY_EMAIL,
    "Aisyah@EXAMPLE.com": BY_EMAIL,
    "mailto:aisyah@example.com": BY_EMAIL,
    "<aisyah@example.com>": BY_EMAIL,
    "aisyah+forum@example.com": BY_EMAIL,
    "aisyah+elsewhere@example.com": BY_EMAIL,
    "AISYAH88": ["demo-members-2021"],
    "kenari.dua+kedai@gmail.com": SHOP,
    "kenaridua@gmail.com": SHOP,
    "Ken.Ari.Dua@GoogleMail.com": SHOP,
    "kenaridua+lain@gmail.com": SHOP,
    "kenaritiga@gmail.com": SHOP,
}
STRANGERS = ("770707-07-7077", "+60199999999", "nobody@example.com", "nobody", "aisyah@example.org", "???")


class Loaded(NamedTuple):
    """A table that holds all samples, and how many requests had been made by then."""

    table: Place
    cli: Cli
    requests: int

    def ask(self, *questions: str, options: tuple[str, ...] = (), err: str = "") -> list[dict[str, Any]]:
        stdin = "".join(f"{question}\n" for question in questions)
        result = self.cli("lookup", *self.table.to, "--output", "json", *options, stdin=stdin)
        assert (result.code, result.err) == (0, err)
        return result.reports


UNREADABLE = "ingest-cli: the input is not an identifier of any kind; check its spelling\n"


@pytest.fixture(scope="module")
def loaded(shared_cli: Cli, shared_table: Place, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    shop = small_dump(tmp_path_factory.mktemp("shop"), SHOPPERS, dataset="demo-shop")
    result = shared_cli("load", *LOADED, shop, *shared_table.to)
    assert result.code == 0, result
    return Loaded(shared_table, shared_cli, len(shared_table.requests))


@pytest.fixture(scope="module")
def answers(loaded: Loaded) -> dict[str, dict[str, Any]]:
    questions = [*SPELLINGS, *STRANGERS]
    return dict(zip(questions, loaded.ask(*questions), strict=True))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_person_is_found(answers: dict[str, dict[str, Any]], spelling: str) -> None:
    answer = answers[spelling]
    assert answer["found"]
    assert [breach["dataset"] for breach in answer["breaches"]] == SPELLINGS[spelling]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_stranger_is_not_found(answers: dict[str, dict[str, Any]], stranger: str) -> None:
    assert answers[stranger] == {"found": False, "breaches": []}


def test_the_answer_says_what_leaked(answers: dict[str, dict[str, Any]]) -> None:
    breach = next(one for one in answers[ID]["breaches"] if one["dataset"] == "demo-pelanggan-2019")
    assert breach == {
        "dataset": "demo-pelanggan-2019",
        "title": "Demo customer list of a shop",
        "occurred_on": "2017-10-19",
        "description": "",
        "labels": ["mykad"],
        "classes": ["Email addresses", "Government issued IDs", "Names", "Phone numbers", "Physical addresses"],
        "hints": {"email": ["a***@e***.com"], "phone": ["+60*******89"]},
        "records": 1,
        "authenticated": True,
    }


def test_the_answer_for_people_tells_the_same_and_repeats_no_question(loaded: Loaded) -> None:
    result = loaded.cli("lookup", *loaded.table.to, stdin=f"\n{PHONE}\n\n{EMAIL}\nnobody@example.com\n")
    assert (result.code, result.err) == (0, "")
    assert "found in 5 breaches" in result.out
    assert "found in 4 breaches" in result.out
    assert "Demo forum members (demo-members-2021, 2017-10-19)" in result.out
    assert result.out.splitlines()[-1] == "not found"
    for said in (PHONE, "123456789", EMAIL, "nobody"):
        assert said not in result.out


def test_a_kind_narrows_the_question(loaded: Loaded) -> None:
    by_id, by_phone = loaded.ask(ID, PHONE, options=("--kind", "id"), err=UNREADABLE)
    assert [breach["dataset"] for breach in by_id["breaches"]] == BY_ID
    assert not by_phone["found"]


def test_a_region_reads_the_number_as_at_home_there(loaded: Loaded) -> None:
    sg = ("--kind", "phone", "--phone-region", "sg")
    at_home, by_country = loaded.ask(PHONE, "+60 12-345 6789", options=sg, err=UNREADABLE)
    assert (at_home["found"], by_country["found"]) == (False, True)


@pytest.mark.parametrize(("questions", "code"), [((EMAIL,), 0), ((EMAIL, "nobody@example.com"), 1)])
def test_the_exit_code_can_be_the_answer(loaded: Loaded, questions: tuple[str, ...], code: int) -> None:
    assert loaded.cli("lookup", *loaded.table.to, "--exit-code", stdin="\n".join(questions)).code == code


def test_it_only_reads(loaded: Loaded, answers: dict[str, dict[str, Any]]) -> None:
    assert len(answers) == len(SPELLINGS) + len(STRANGERS)
    assert "Query" in loaded.table.operations(loaded.requests)
    assert loaded.table.operations(loaded.requests) <= {"DescribeTable", "GetItem", "Query"}


def test_a_prompt_does_not_show_what_is_typed(loaded: Loaded) -> None:
    with loaded.cli.on_terminal("lookup", *loaded.table.to) as child:
        child.expect_exact("Identifier (not shown): ")
        child.sendline(EMAIL)
        child.expect_exact("found in 4 breaches")
        shown = str(child.before)
        shown += child.read()
    assert child.exitstatus == 0
    assert "aisyah" not in shown


def test_another_pepper_is_refused(loaded: Loaded) -> None:
    result = loaded.cli("lookup", *loaded.table.to, stdin=EMAIL, env={"PEPPER": OTHER_LINE})
    result.complains(2, "another pepper")
    assert result.out == ""


def test_a_pepper_the_table_does_not_know_finds_nobody_and_says_so(loaded: Loaded) -> None:
    result = loaded.cli("lookup", *loaded.table.to, stdin=EMAIL, env={"PEPPER": OTHER_LINE.replace("k1:", "k2:")})
    assert (result.code, result.out) == (0, "not found\n")
    assert "no identifier will be found" in result.err
    assert "k2" in result.err


def test_a_person_asks_by_the_number_of_today_or_of_an_older_plan(loaded: Loaded, tmp_path: Path) -> None:
    """Whichever of them is in the dump; and a number without its plus is found where no dump can mean another."""
    rows = (
        ("A", "", "+229 90 12 34 56", ""),
        ("B", "", "+5511981234567", ""),
        ("C", "", "+6591234567", ""),
    )
    dump = small_dump(tmp_path, rows, dataset="demo-renumbered")
    assert loaded.cli("load", dump, *loaded.table.to).code == 0
    questions = (
        "+22990123456",
        "+2290190123456",
        "+55 11 8123-4567",
        "+55 11 98123-4567",
        "6591234567",
        "+22991123456",
    )
    answers = loaded.ask(*questions, options=("--kind", "phone"))
    assert [answer["found"] for answer in answers] == [True] * 5 + [False]
    assert all(answer["breaches"][0]["dataset"] == "demo-renumbered" for answer in answers[:5])
    old, new = loaded.ask("90123456", "0190123456", options=("--kind", "phone", "--phone-region", "BJ"))
    assert old["found"]
    assert new == old
    (international,) = loaded.ask("22990123456", options=("--kind", "phone", "--phone-region", "international"))
    assert international["found"]


@pytest.mark.parametrize("question", ["{aisyah@example.com}", '="aisyah@example.com"', "ais\u200byah@example.com"])
def test_what_was_pasted_with_its_wrapping_is_found(loaded: Loaded, question: str) -> None:
    (answer,) = loaded.ask(question)
    assert [breach["dataset"] for breach in answer["breaches"]] == BY_EMAIL


def test_no_question_is_a_mistake(loaded: Loaded) -> None:
    loaded.cli("lookup", *loaded.table.to, stdin="\n  \n").complains(2, "Standard input is empty")


def test_an_identifier_is_no_argument(loaded: Loaded) -> None:
    result = loaded.cli("lookup", EMAIL, *loaded.table.to)
    result.complains(2)
    assert EMAIL not in result.err


def test_no_table(cli: Cli, nowhere: Place) -> None:
    cli("lookup", *nowhere.to, stdin=EMAIL).complains(4, "no table")
