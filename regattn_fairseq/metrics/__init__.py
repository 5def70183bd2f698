"""Numbers for finished runs: text quality, attention statistics and significance.

Everything here takes plain Python strings and numpy arrays, so that it can be used on the output
of any toolkit; nothing here knows how the output was made.
"""

from regattn_fairseq.metrics.accuracy import score_labels
from regattn_fairseq.metrics.alignment import (
    ALIGNMENT_FIGURES,
    Alignment,
    alignment_counts,
    parse_alignment,
    stack_counts,
    word_attention,
    words_of_tokens,
)
from regattn_fairseq.metrics.attention import (
    AttentionFileError,
    AttentionRecord,
    load_attention,
    save_attention,
)
from regattn_fairseq.metrics.bleu import score_translation, sentence_bleu
from regattn_fairseq.metrics.ratios import Counts, Ratio, ratios, sentence_ratios
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
    paired_bootstrap_ratios,
    paired_bootstrap_rouge,
)
from regattn_fairseq.metrics.sparsity import (
    ATTENTION_FIGURES,
    attention_counts,
    attention_statistics,
    equal_groups,
    segment_lengths,
    stretches,
    support_sizes,
)

__all__ = [
    "ALIGNMENT_FIGURES",
    "ATTENTION_FIGURES",
    "ROUGE_KEYS",
    "Alignment",
    "AttentionFileError",
    "AttentionRecord",
    "Counts",
    "PairedResult",
    "PublishedRouge",
    "Ratio",
    "alignment_counts",
    "attention_counts",
    "attention_statistics",
    "equal_groups",
    "load_attention",
    "paired_bootstrap",
    "paired_bootstrap_bleu",
    "paired_bootstrap_ratios",
    "paired_bootstrap_rouge",
    "parse_alignment",
    "published_rouge",
    "published_sentence_rouge",
    "ratios",
    "save_attention",
    "score_labels",
    "score_summaries",
    "score_translation",
    "segment_lengths",
    "sentence_bleu",
    "sentence_ratios",
    "sentence_rouge",
    "stack_counts",
    "stretches",
    "support_sizes",
    "word_attention",
    "words_of_tokens",
]
