"""A trained model that labels pairs of sentences."""

from pathlib import Path

import torch
from fairseq import utils
from fairseq.data import Dictionary
from tqdm import tqdm

from regattn_fairseq.metrics import AttentionRecord
from regattn_fairseq.pipeline.batches import whole_batches
from regattn_fairseq.pipeline.training.checkpoints import load_checkpoint, load_model
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData


@torch.no_grad()
def classify(
    checkpoint: Path, data: PreparedData, subset: str, max_tokens: int
) -> tuple[list[str], list[AttentionRecord]]:
    """Label a subset of the data-bin, in its order.

    Args:
        checkpoint: of a ``regattn_entailment`` model.
        data: with the data-bin that it was trained on.
        subset: fairseq's name of the split.
        max_tokens: words in a batch, padding included.

    Returns:
        ``(labels, attention)``: one of :data:`~regattn_fairseq.corpora.entailment.LABELS` for each
        example, and the attention to the premise's words, whose one target token is the label.

    Raises:
        PipelineError: the checkpoint cannot be read, or it belongs to another data-bin.
    """
    _require_vocabulary(checkpoint, data)
    model, saved, task = load_model(checkpoint, data=str(data.bin))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    task.load_dataset(subset)
    batches = whole_batches(task, model, task.dataset(subset), max_tokens)
    found: dict[int, AttentionRecord] = {}
    with tqdm(
        total=len(task.dataset(subset)), unit=" examples", desc="classify", disable=None
    ) as progress:
        for batch in batches:
            sample = utils.move_to_cuda(batch) if device.type == "cuda" else batch
            scores, extra = model(
                **sample["net_input"],
                classification_head_name=saved.criterion.classification_head_name,
            )
            premises, _ = model.split_pair(sample["net_input"]["src_tokens"])
            for number, best, premise, weights in zip(
                sample["id"].tolist(),
                scores.argmax(dim=1).tolist(),
                premises.cpu(),
                extra["attn"].cpu().float(),
                strict=True,
            ):
                label = task.label_dictionary[best + task.label_dictionary.nspecial]
                present = premise != task.source_dictionary.pad()
                words = [task.source_dictionary[index] for index in premise[present].tolist()]
                found[number] = AttentionRecord(
                    words, [label], weights[present].unsqueeze(0).numpy()
                )
            progress.update(len(scores))
    records = [found[number] for number in sorted(found)]
    return [record.target_tokens[0] for record in records], records


def _require_vocabulary(checkpoint: Path, data: PreparedData) -> None:
    """Compare the checkpoint's embeddings with the data-bin's dictionary, before it is built.

    Raises:
        PipelineError: they do not fit.
    """
    known = len(load_checkpoint(checkpoint)["model"]["embed_tokens.weight"])
    # The task adds a symbol <mask> to what the file has.
    words = len(Dictionary.load(str(data.bin / "input0" / "dict.txt"))) + 1
    if known != words:
        raise PipelineError(
            f"{checkpoint} knows {known} words, but the dictionary in {data.bin} makes {words}: "
            "it was trained on another data-bin; train again, or restore that folder"
        )
