"""Match a whole column of numbers against a regular expression by table lookup, one digit position at a time.

Compiling an expression takes longer than matching a thousand numbers, and Arrow's kernels compile theirs on every
call. Here it is compiled once, to a nondeterministic automaton and then to a table (Rabin and Scott's subset
construction, 1959). Only the few constructs that occur in phone number metadata are supported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest_cli.model.arrow_bytes import BoolArray, Bytes

_PLUS, _STAY = 10, 11
"""Symbols besides the ten digits: a `+`, and no symbol (the text has ended)."""
_SYMBOLS = 12
_ANY = frozenset(range(10))
_WIDE = {_ANY, frozenset[int]()}

Node = Callable[[int], int]
"""Builds the states for one part of an expression, given the following state; returns the first of them."""


class Table(NamedTuple):
    """Automaton that reads digits, optionally after a `+`.

    Attributes:
        step: shape (states * 12,): state plus symbol → next state; states are multiples of 12.
        accepts: shape (states * 12,): whether a text may end in a state.
        plus: state after a leading `+`.
    """

    step: npt.NDArray[np.int32]
    accepts: BoolArray
    plus: int

    def match(self, plus: BoolArray, digits: Bytes, lengths: npt.NDArray[np.integer]) -> BoolArray:
        """Return whether each of n texts matches.

        Args:
            plus: shape (n,): whether a `+` precedes the digits.
            digits: shape (width, n): digit values; values above 9 match nothing.
            lengths: shape (n,): number of digits, at most `width`.
        """
        state = np.where(plus, np.int32(self.plus), np.int32(0))
        symbols = np.minimum(digits, np.uint8(_PLUS))
        symbols[np.arange(len(digits))[:, np.newaxis] >= lengths] = _STAY
        for row in symbols:
            state = self.step[state + row]
        return self.accepts[state]


class _Parser:
    """Recursive descent parser that turns an expression into states."""

    def __init__(self, expression: str) -> None:
        self._rest = expression
        self.edges: list[tuple[frozenset[int], int]] = []
        self.empty: list[list[int]] = []

    def state(self, symbols: frozenset[int] = frozenset(), target: int = -1, empty: tuple[int, ...] = ()) -> int:
        self.edges.append((symbols, target))
        self.empty.append(list(empty))
        return len(self.edges) - 1

    def alternatives(self) -> Node:
        several = [self._sequence()]
        while self._taken("|"):
            several.append(self._sequence())
        return lambda after: self.state(empty=tuple(node(after) for node in several))

    def _sequence(self) -> Node:
        parts = list[Node]()
        while self._rest and self._rest[0] not in "|)":
            parts.append(self._repeated(self._single()))

        def build(after: int) -> int:
            for node in reversed(parts):
                after = node(after)
            return after

        return build

    def _single(self) -> Node:
        if self._taken("(?:"):
            inner = self.alternatives()
            self._expect(")")
            return inner
        symbols = self._symbols()
        return lambda after: self.state(symbols, after)

    def _symbols(self) -> frozenset[int]:
        if self._taken("\\d"):
            return _ANY
        if self._taken("\\+"):
            return frozenset({_PLUS})
        if not self._taken("["):
            return frozenset({self._digit()})
        found = set[int]()
        while not self._taken("]"):
            first = self._digit()
            found |= set(range(first, (self._digit() if self._taken("-") else first) + 1))
        return frozenset(found)

    def _repeated(self, node: Node) -> Node:
        least, most = 1, 1
        if self._taken("?"):
            least = 0
        elif self._taken("*"):
            least, most = 0, -1
        elif self._taken("{"):
            least = most = self._number()
            if self._taken(","):
                most = -1 if self._rest.startswith("}") else self._number()
            self._expect("}")
        return lambda after: self._times(node, least, most, after)

    def _times(self, node: Node, least: int, most: int, after: int) -> int:
        if most < 0:
            loop = self.state(empty=(after,))
            self.empty[loop].append(node(loop))
            after = loop
        for _ in range(most - least):
            after = self.state(empty=(node(after), after))
        for _ in range(least):
            after = node(after)
        return after

    def _number(self) -> int:
        digits = len(self._rest) - len(self._rest.lstrip("0123456789"))
        number, self._rest = self._rest[:digits], self._rest[digits:]
        return int(number)

    def _digit(self) -> int:
        digit, self._rest = self._rest[:1], self._rest[1:]
        return int(digit)

    def _taken(self, text: str) -> bool:
        taken = self._rest.startswith(text)
        self._rest = self._rest.removeprefix(text)
        return taken

    def _expect(self, text: str) -> None:
        if not self._taken(text):
            raise ValueError(f"{text} is missing before {self._rest[:20]!r}")

    def finish(self) -> None:
        """Check that the expression was read to its end."""
        if self._rest:
            raise ValueError(f"cannot read {self._rest[:20]!r}")


class _Automaton:
    """Deterministic automaton of one expression; its states are created on demand."""

    def __init__(self, expression: str) -> None:
        self._parser = _Parser(expression)
        node = self._parser.alternatives()
        self._parser.finish()
        self._end = self._parser.state()
        self._steps: dict[frozenset[int], list[frozenset[int]]] = {}
        self._behind: dict[int, frozenset[int]] = {}
        self.start = self._closed({node(self._end)})

    def steps(self, states: frozenset[int]) -> list[frozenset[int]]:
        """Return the state sets reached from `states`, by symbol."""
        if states not in self._steps:
            edges = [self._parser.edges[state] for state in states]
            if all(symbols in _WIDE for symbols, _ in edges):  # the last digits of a number are often unrestricted
                reached = self._reached([target for symbols, target in edges if symbols])
                self._steps[states] = [reached] * _PLUS + [frozenset()]
            else:
                targets = [[target for symbols, target in edges if symbol in symbols] for symbol in range(_PLUS + 1)]
                self._steps[states] = list(map(self._reached, targets))
        return self._steps[states]

    def _reached(self, targets: Sequence[int]) -> frozenset[int]:
        for target in targets:
            if target not in self._behind:
                self._behind[target] = self._closed({target})
        return frozenset().union(*(self._behind[target] for target in targets))

    def accepts(self, states: frozenset[int]) -> bool:
        """Return whether the expression may end in one of `states`."""
        return self._end in states

    def _closed(self, states: set[int]) -> frozenset[int]:
        left = list(states)
        while left:
            fresh = [state for state in self._parser.empty[left.pop()] if state not in states]
            states.update(fresh)
            left += fresh
        return frozenset(states)


def table_of(*expressions: str) -> Table:
    """Return the table of the numbers that match all of `expressions` in full.

    Raises:
        ValueError: an expression has other constructs than digits, classes, groups, alternatives and repetitions.
    """
    automata = [_Automaton(expression) for expression in expressions]
    start = tuple(automaton.start for automaton in automata)
    dead = (frozenset[int](),) * len(automata)
    places, order, rows = {start: 0}, [start], list[list[int]]()
    for several in order:
        row = []
        for every in zip(*(one.steps(states) for one, states in zip(automata, several, strict=True)), strict=True):
            reached = every if all(every) else dead
            if reached not in places:
                places[reached] = len(order)
                order.append(reached)
            row.append(places[reached] * _SYMBOLS)
        rows.append([*row, places[several] * _SYMBOLS])
    step = np.array(rows, np.int32)
    plus = int(step[0, _PLUS])
    step[:, _PLUS] = places[dead] * _SYMBOLS  # from here on, stands for any non-digit
    accepts = [all(map(_Automaton.accepts, automata, several)) for several in order]
    return Table(step.ravel(), np.repeat(accepts, _SYMBOLS), plus)
