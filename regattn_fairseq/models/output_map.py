"""The map that turns word scores into probabilities, where it is another than softmax."""

from dataclasses import field, make_dataclass
from typing import Any

from fairseq.dataclass import FairseqDataclass
from torch import Tensor

from regattn_fairseq.declared.loss_options import loss_map, loss_names
from regattn_fairseq.declared.naming import arguments, declared_options
from regattn_fairseq.models.normalizer_options import option_fields
from regattn_fairseq.normalizers import Normalizer
from regattn_fairseq.normalizers.smoothed_max import with_penalty

LAST_RESORT = -1e4
"""The logarithm of a probability of 0, where a hypothesis must end."""

# fairseq's length limit where none is given; hypotheses must be able to end before it.
_LONGEST = 199


def loss_fields() -> list[tuple[str, Any, Any]]:
    """The options of the map at the output as arguments of fairseq, for ``make_dataclass``."""
    names, of_attention = loss_names(), arguments()
    declared = {argument: (kind, of_argument) for argument, kind, of_argument in option_fields()}
    text = (
        "what turns word scores into probabilities, with --criterion regattn_fenchel_young: any "
        "normalizer that has a regularizer, such as entmax15 (default: softmax)"
    )
    found: list[tuple[str, Any, Any]] = [
        (names["name"], str, field(default="softmax", metadata={"help": text}))
    ]
    for option in declared_options():
        found.append((names[option], *declared[of_attention[option]]))
    return found


# A type checker cannot see its fields.
LossOptions: Any = make_dataclass("LossOptions", loss_fields(), bases=(FairseqDataclass,))


def output_map_from_options(cfg: Any) -> Normalizer | None:
    """The map that the ``loss_*`` options name; None for softmax as it is.

    Raises:
        ValueError: no such map, one without a regularizer, or an option out of range.
    """
    chosen = loss_map(cfg)
    if chosen is None:
        return None
    name, options = chosen
    with_penalty(name)
    return Normalizer(name, **options)


def log_probabilities(output_map: Normalizer, scores: Tensor, *, may_end: bool, eos: int) -> Tensor:
    """The logarithms of the map's probabilities; −inf where a word has none.

    Args:
        output_map: the map.
        scores: [..., vocabulary].
        may_end: whether every hypothesis must be able to end here, if only as a last resort.
        eos: the index of the word that ends a sentence.
    """
    found = output_map(scores).log()
    if may_end:
        found[..., eos].clamp_(min=LAST_RESORT)
    return found


def must_be_able_to_end(words: int, sources: int) -> bool:
    """Whether a search may force the end of hypotheses of so many words.

    A search ends hypotheses at a length limit, and fails if none can end there. The limit of this
    package's own configurations is 1.5 S + 10 words for S source words, and fairseq's is 200.
    """
    return words >= min(int(1.5 * sources + 10), _LONGEST)


__all__ = ["LossOptions", "log_probabilities", "must_be_able_to_end", "output_map_from_options"]
