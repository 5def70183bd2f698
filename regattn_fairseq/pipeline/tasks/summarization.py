"""Summarization: a sentence in, its headline out, scored by ROUGE.

ROUGE's modules are imported where they are used: their stemmer takes seconds.
"""

from collections.abc import Sequence

import numpy as np

from regattn_fairseq.corpora import further_references
from regattn_fairseq.pipeline.tasks.protocol import Scores, Trial
from regattn_fairseq.pipeline.tasks.writing import Writing
from regattn_fairseq.runs.files import read_lines
from regattn_fairseq.runs.task_facts import SUMMARIZATION


class Summarization(Writing):
    """See `Task`."""

    facts = SUMMARIZATION

    def score(self, lines: Sequence[str], references: Sequence[str], trial: Trial) -> Scores:
        """ROUGE, in the way that was published for the split if there is one; see `Task.score`."""
        from regattn_fairseq.metrics.rouge import is_stemmed, score_summaries
        from regattn_fairseq.metrics.rouge_published import published_rouge

        options = trial.saved.data
        published = (options.get("rouge") or {}).get(trial.split)
        if published:
            further = further_references(trial.data.text, trial.split)
            every = list(zip(references, *(read_lines(path) for path in further), strict=True))
            return Scores(
                *published_rouge(lines, every, measure=published.measure, max_bytes=published.bytes)
            )
        stemming = is_stemmed(str(options.target_lang))
        return Scores(*score_summaries(lines, references, stemming=stemming))

    def sentence_scores(
        self,
        lines: Sequence[str],
        references: Sequence[str],
        *,
        signatures: dict[str, str],
        lowercase: bool,
    ) -> dict[str, np.ndarray]:
        """ROUGE of each headline, which disregards case always; see `Task.sentence_scores`."""
        from regattn_fairseq.metrics.rouge import is_stemmed_in, sentence_rouge

        stemming = is_stemmed_in(signatures.get("rougeL", ""))
        return sentence_rouge(lines, references, stemming=stemming)
