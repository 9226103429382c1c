"""Numbers of data classes, as stored in sealed items.

Names are those of Have I Been Pwned (its API v3, `/dataclasses`). Must not depend on anything: the lookup side uses it.
"""

from __future__ import annotations

DATA_CLASSES = (
    "Account balances",
    "Auth tokens",
    "Bank account numbers",
    "Browser user agent details",
    "Credit cards",
    "Dates of birth",
    "Device information",
    "Driver's licenses",
    "Email addresses",
    "Email messages",
    "Employers",
    "Ethnicities",
    "Financial transactions",
    "Genders",
    "Geographic locations",
    "Government issued IDs",
    "Health records",
    "Historical passwords",
    "IMEI numbers",
    "IMSI numbers",
    "IP addresses",
    "Income levels",
    "Job titles",
    "Marital statuses",
    "Mothers maiden names",
    "Names",
    "Nationalities",
    "Occupations",
    "Passport numbers",
    "Password hints",
    "Passwords",
    "Payment methods",
    "Phone numbers",
    "Photos",
    "Physical addresses",
    "Purchases",
    "Religions",
    "SIM card numbers",
    "SMS messages",
    "Security questions and answers",
    "Social media profiles",
    "Spoken languages",
    "Usernames",
    "Vehicle details",
    "Website activity",
)
"""Data classes with a number: the position here, from 1. Append only: tables hold these numbers."""

_NUMBERS = {name: number for number, name in enumerate(DATA_CLASSES, 1)}


def numbered(names: tuple[str, ...]) -> list[int | str]:
    """Return the number of each data class, ascending, followed by the sorted names of those without one."""
    numbers = sorted(_NUMBERS[name] for name in names if name in _NUMBERS)
    return [*numbers, *sorted(name for name in names if name not in _NUMBERS)]


def named(entries: list[int | str]) -> tuple[str, ...]:
    """Return the sorted names of data classes.

    Raises:
        ValueError: a number has no name here: a later version of the program wrote it.
    """
    names = set[str]()
    for entry in entries:
        if isinstance(entry, str):
            names.add(entry)
        elif 0 < entry <= len(DATA_CLASSES):
            names.add(DATA_CLASSES[entry - 1])
        else:
            raise ValueError(f"no data class has the number {entry}")
    return tuple(sorted(names))
