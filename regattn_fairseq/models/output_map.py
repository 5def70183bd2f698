"""The map that turns word scores into probabilities, where it is another than softmax."""

from dataclasses import field, make_dataclass
from typing import Any

from fairseq.dataclass import FairseqDataclass

from regattn_fairseq.declared.loss_options import loss_map, loss_names
from regattn_fairseq.declared.naming import arguments, declared_options
from regattn_fairseq.models.normalizer_options import option_fields
from regattn_fairseq.normalizers import Normalizer
from regattn_fairseq.normalizers.smoothed_max import with_penalty


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


def output_map_of(model: Any) -> Normalizer | None:
    """The map of a model's word scores to probabilities; None for softmax, and for other models.

    A function, since TorchScript compiles a model's properties.
    """
    found: Normalizer | None = getattr(getattr(model, "decoder", None), "output_map", None)
    return found


__all__ = ["LossOptions", "output_map_from_options", "output_map_of"]
