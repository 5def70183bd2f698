"""The attention of a model that is made to write the references."""

from pathlib import Path

import torch
from fairseq import utils

from regattn_fairseq.metrics import AttentionRecord
from regattn_fairseq.pipeline.batches import whole_batches
from regattn_fairseq.pipeline.training.checkpoints import load_model
from regattn_fairseq.runs.prepared import PreparedData


@torch.no_grad()
def attend_to_references(
    checkpoint: Path, data: PreparedData, subset: str, max_tokens: int
) -> list[AttentionRecord]:
    """The attention to each reference of a subset, in its order. There is no search.

    An alignment error rate compares models on the same words, and so needs the references.

    Args:
        checkpoint: of a finished training.
        data: the corpus that it was trained on.
        subset: fairseq's name of the split.
        max_tokens: source tokens in a batch.
    """
    model, _saved_cfg, task = load_model(checkpoint, data=str(data.bin))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()
    task.load_dataset(subset)
    batches = whole_batches(task, model, task.dataset(subset), max_tokens)
    source_words, target_words = task.source_dictionary, task.target_dictionary
    found: dict[int, AttentionRecord] = {}
    for batch in batches:
        sample = utils.move_to_cuda(batch) if device.type == "cuda" else batch
        _scores, extra = model(**sample["net_input"])
        weights = extra["attn"][0].float().cpu()  # [batch, target, source]
        sources, targets = batch["net_input"]["src_tokens"], batch["target"]
        for row, number in enumerate(batch["id"].tolist()):
            source, target = sources[row], targets[row]
            written, read = target != target_words.pad(), source != source_words.pad()
            found[number] = AttentionRecord(
                source_tokens=[source_words[index] for index in source[read].tolist()],
                target_tokens=[target_words[index] for index in target[written].tolist()],
                weights=weights[row][written][:, read].numpy(),
            )
    return [found[number] for number in sorted(found)]
