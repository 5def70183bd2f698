"""Numbers for finished runs: text quality, attention statistics and significance.

Everything here takes plain Python strings and numpy arrays, so that it can be used on the output
of any toolkit; nothing here knows how the output was made. ROUGE is in ``metrics.rouge`` and
``metrics.rouge_published``, which are not imported with the package: their stemmer takes seconds.
"""

from regattn_fairseq.metrics.accuracy import score_labels, sentence_accuracy
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
    HEAD_KINDS,
    AttentionFileError,
    AttentionRecord,
    attention_bytes,
    load_attention,
    save_attention,
)
from regattn_fairseq.metrics.bleu import (
    bleu_tokenizer,
    score_translation,
    sentence_bleu,
    tokenizer_of_signature,
)
from regattn_fairseq.metrics.copying import (
    COPYING_FIGURES,
    CopyRecord,
    copying_counts,
    load_copying,
    save_copying,
)
from regattn_fairseq.metrics.coverage import COVERAGE_FIGURES, coverage_counts
from regattn_fairseq.metrics.heads import HEAD_FIGURES, HEAD_TITLES, head_statistics
from regattn_fairseq.metrics.ratios import Counts, Ratio, ratios, sentence_ratios
from regattn_fairseq.metrics.significance import (
    SMALLEST_P,
    PairedResult,
    bootstrap_ratios,
    correct,
    paired_bootstrap,
    paired_bootstrap_bleu,
    paired_bootstrap_ratios,
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
from regattn_fairseq.metrics.word_matches import (
    FREQUENCIES,
    WORD_FIGURES,
    match_counts,
    word_frequencies,
)

SENTENCE_FIGURES = ATTENTION_FIGURES | COVERAGE_FIGURES | COPYING_FIGURES | ALIGNMENT_FIGURES
"""All figures that are sums over the sentences of a test set, as ratios of two counts."""

__all__ = [
    "ALIGNMENT_FIGURES",
    "ATTENTION_FIGURES",
    "COPYING_FIGURES",
    "COVERAGE_FIGURES",
    "FREQUENCIES",
    "HEAD_FIGURES",
    "HEAD_KINDS",
    "HEAD_TITLES",
    "SENTENCE_FIGURES",
    "SMALLEST_P",
    "WORD_FIGURES",
    "Alignment",
    "AttentionFileError",
    "AttentionRecord",
    "CopyRecord",
    "Counts",
    "PairedResult",
    "Ratio",
    "alignment_counts",
    "attention_bytes",
    "attention_counts",
    "attention_statistics",
    "bleu_tokenizer",
    "bootstrap_ratios",
    "copying_counts",
    "correct",
    "coverage_counts",
    "equal_groups",
    "head_statistics",
    "load_attention",
    "load_copying",
    "match_counts",
    "paired_bootstrap",
    "paired_bootstrap_bleu",
    "paired_bootstrap_ratios",
    "parse_alignment",
    "ratios",
    "save_attention",
    "save_copying",
    "score_labels",
    "score_translation",
    "segment_lengths",
    "sentence_accuracy",
    "sentence_bleu",
    "sentence_ratios",
    "stack_counts",
    "stretches",
    "support_sizes",
    "tokenizer_of_signature",
    "word_attention",
    "word_frequencies",
    "words_of_tokens",
]
