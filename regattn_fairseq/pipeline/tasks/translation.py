"""Translation: a sentence of one language in, one of another out, scored by BLEU."""

from collections.abc import Sequence

import numpy as np

from regattn_fairseq.metrics import score_translation, sentence_bleu, tokenizer_of_signature
from regattn_fairseq.pipeline.evaluation.options import bleu_tokenizer_of
from regattn_fairseq.pipeline.tasks.protocol import Scores, Trial
from regattn_fairseq.pipeline.tasks.writing import Writing
from regattn_fairseq.runs.task_facts import TRANSLATION


class Translation(Writing):
    """See `Task`."""

    facts = TRANSLATION

    def score(self, lines: Sequence[str], references: Sequence[str], trial: Trial) -> Scores:
        """BLEU and chrF of the whole text; see `Task.score`."""
        return Scores(
            *score_translation(
                lines,
                references,
                lowercase=trial.saved.data.lowercase,
                tokenizer=bleu_tokenizer_of(trial.saved.data, trial.evaluation),
            )
        )

    def sentence_scores(
        self,
        lines: Sequence[str],
        references: Sequence[str],
        *,
        signatures: dict[str, str],
        lowercase: bool,
    ) -> dict[str, np.ndarray]:
        """BLEU of each sentence; see `Task.sentence_scores`."""
        tokenizer = tokenizer_of_signature(signatures.get("bleu", ""))
        return {"bleu": sentence_bleu(lines, references, lowercase=lowercase, tokenizer=tokenizer)}
