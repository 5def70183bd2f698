"""Pairs of premise and hypothesis, labelled by a small logic; nothing is downloaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from random import Random

from regattn_fairseq.corpora.entailment import LABELS, EntailmentExample
from regattn_fairseq.corpora.protocol import check_counts
from regattn_fairseq.corpora.quantifiers import (
    ACTIONS,
    KINDS,
    NUMBERS,
    PLACES,
    Statement,
    judge,
)

_HELD_OUT_SHARE = 0.1  # of all hypotheses, for valid; as many again for test
# Chance that a premise keeps a part of the hypothesis as it is. If it were much lower, nearly every
# pair would differ in several parts, and a classifier would learn to compare them very slowly.
_SAME = 0.9


@dataclass(frozen=True)
class SyntheticEntailment:
    """``pairs`` premises of two or three statements, each with a hypothesis of one.

    The statements of a premise are about different families, and the hypothesis is about one of
    these: to judge it, a reader must find that statement and compare quantifiers, numbers, kinds,
    actions and places. The hypothesis is drawn first, and a label is set. Then a premise that gives
    this label is searched for, among all statements if need be, so that the hypothesis alone tells
    nothing about the label. Labels are equally frequent. No premise and no hypothesis of ``valid``
    or ``test`` occurs in ``train``.

    Raises:
        CorpusError: fewer pairs than are held out.
    """

    seed: int = 1
    pairs: int = 30000
    valid: int = 1000
    test: int = 1000
    name: str = "synthetic_entailment"
    source_lang: str = "premise"
    target_lang: str = "hypothesis"

    def __post_init__(self) -> None:
        """Check the counts."""
        check_counts(self.pairs, self.valid, self.test)

    def input_files(self) -> tuple[Path, ...]:
        """No files: the text is generated."""
        return ()

    def read(self) -> dict[str, list[EntailmentExample]]:
        """The examples of ``train``, ``valid`` and ``test``."""
        author = _Author(Random(self.seed))
        wanted = {
            "train": self.pairs - self.valid - self.test,
            "valid": self.valid,
            "test": self.test,
        }
        splits: dict[str, list[EntailmentExample]] = {name: [] for name in wanted}
        premises: set[str] = set()
        while any(len(splits[name]) < count for name, count in wanted.items()):
            hypothesis = author.statement()
            split = self._split(str(hypothesis))
            label = LABELS[len(splits[split]) % len(LABELS)]
            if len(splits[split]) == wanted[split]:
                continue
            premise = author.premise(hypothesis, label)
            if premise not in premises:
                premises.add(premise)
                splits[split].append(EntailmentExample(premise, f"{hypothesis} .", label))
        return splits

    def _split(self, hypothesis: str) -> str:
        """The split of a hypothesis, which depends only on the hypothesis and the seed."""
        key = self.seed.to_bytes(8, "little", signed=True)
        digest = hashlib.blake2b(hypothesis.encode(), key=key, digest_size=8).digest()
        share = int.from_bytes(digest, "little") / 2**64
        if share < _HELD_OUT_SHARE:
            return "test"
        return "valid" if share < 2 * _HELD_OUT_SHARE else "train"


class _Author:
    """Draws statements, and premises for given hypotheses and labels."""

    def __init__(self, draw: Random) -> None:
        self.draw = draw
        self._families = {
            kind: family
            for family, kinds in KINDS.items()
            for kind in (family, *kinds, *(name for names in kinds.values() for name in names))
        }

    def statement(self, family: str | None = None) -> Statement:
        """Any statement, about a family if one is given.

        Its number is never the largest: without a larger one, no premise could contradict it.
        """
        family = family or self.draw.choice(list(KINDS))
        return self._quantified(
            self._kind(family),
            self._action(),
            self.draw.choice(("", *PLACES)),
            largest=max(NUMBERS) - 1,
        )

    def premise(self, hypothesis: Statement, label: str) -> str:
        """A premise that gives the hypothesis the label."""
        family = self._families[hypothesis.kind]
        statement = self._near(hypothesis, family)
        while judge(statement, hypothesis) != label:
            statement = self._near(hypothesis, family)
        others = [name for name in KINDS if name != family]
        self.draw.shuffle(others)
        statements = [statement, *map(self.statement, others[: self.draw.choice((1, 2))])]
        self.draw.shuffle(statements)
        return " and ".join(map(str, statements)) + " ."

    def _near(self, hypothesis: Statement, family: str) -> Statement:
        """A statement of the family that shares most of its parts with the hypothesis."""

        def same() -> bool:
            return self.draw.random() < _SAME

        return self._quantified(
            hypothesis.kind if same() else self._kind(family),
            hypothesis.action if same() else self._action(),
            hypothesis.place if same() else self.draw.choice(("", *PLACES)),
            largest=max(NUMBERS),
        )

    def _quantified(self, kind: str, action: str, place: str, largest: int) -> Statement:
        quantifier = self.draw.choice(
            ("no", "some", "all", "not all", "at least", "at most", "exactly")
        )
        numbered = quantifier in ("at least", "at most", "exactly")
        number = self.draw.randint(min(NUMBERS), largest) if numbered else 0
        return Statement(quantifier, number, kind, action, place)

    def _kind(self, family: str) -> str:
        level = self.draw.randrange(3)
        if level == 0:
            return family
        group = self.draw.choice(list(KINDS[family]))
        return group if level == 1 else self.draw.choice(KINDS[family][group])

    def _action(self) -> str:
        sort = self.draw.choice(list(ACTIONS))
        return sort if self.draw.random() < 1 / 3 else self.draw.choice(ACTIONS[sort])
