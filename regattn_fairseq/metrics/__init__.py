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
from regattn_fairseq.metrics.heads import HEAD_FIGURES, HEAD_TITLES, head_statistics
from regattn_fairseq.metrics.ratios import Counts, Ratio, ratios, sentence_ratios
from regattn_fairseq.metrics.significance import (
    PairedResult,
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

__all__ = [
    "ALIGNMENT_FIGURES",
    "ATTENTION_FIGURES",
    "HEAD_FIGURES",
    "HEAD_KINDS",
    "HEAD_TITLES",
    "Alignment",
    "AttentionFileError",
    "AttentionRecord",
    "Counts",
    "PairedResult",
    "Ratio",
    "alignment_counts",
    "attention_bytes",
    "attention_counts",
    "attention_statistics",
    "bleu_tokenizer",
    "correct",
    "equal_groups",
    "head_statistics",
    "load_attention",
    "paired_bootstrap",
    "paired_bootstrap_bleu",
    "paired_bootstrap_ratios",
    "parse_alignment",
    "ratios",
    "save_attention",
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
    "words_of_tokens",
]
