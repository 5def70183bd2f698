"""Numbers for finished runs: text quality, attention statistics and significance.

Everything here takes plain Python strings and numpy arrays, so that it can be used on the output
of any toolkit; nothing here knows how the output was made.
"""

from regattn_fairseq.metrics.accuracy import score_labels
from regattn_fairseq.metrics.attention import (
    AttentionFileError,
    AttentionRecord,
    attention_statistics,
    load_attention,
    save_attention,
)
from regattn_fairseq.metrics.bleu import score_translation
from regattn_fairseq.metrics.rouge import ROUGE_KEYS, score_summaries, sentence_rouge
from regattn_fairseq.metrics.rouge_published import (
    PublishedRouge,
    published_rouge,
    published_sentence_rouge,
)
from regattn_fairseq.metrics.significance import (
    PairedResult,
    paired_bootstrap,
    paired_bootstrap_bleu,
    paired_bootstrap_rouge,
)

__all__ = [
    "ROUGE_KEYS",
    "AttentionFileError",
    "AttentionRecord",
    "PairedResult",
    "PublishedRouge",
    "attention_statistics",
    "load_attention",
    "paired_bootstrap",
    "paired_bootstrap_bleu",
    "paired_bootstrap_rouge",
    "published_rouge",
    "published_sentence_rouge",
    "save_attention",
    "score_labels",
    "score_summaries",
    "score_translation",
    "sentence_rouge",
]
