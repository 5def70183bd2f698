"""``regattn_transformer``: fairseq's transformer with any normalizer in each kind of attention."""

from regattn_fairseq.models.transformer.attention import NormalizedMultiheadAttention
from regattn_fairseq.models.transformer.config import RegattnTransformerConfig
from regattn_fairseq.models.transformer.heads import attentions, record_heads
from regattn_fairseq.models.transformer.model import RegattnTransformerModel

__all__ = [
    "NormalizedMultiheadAttention",
    "RegattnTransformerConfig",
    "RegattnTransformerModel",
    "attentions",
    "record_heads",
]
