"""Entailment: a premise and a hypothesis in, how the one relates to the other out."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from regattn_fairseq.corpora.entailment import LABELS, write_entailment
from regattn_fairseq.metrics import score_labels, sentence_accuracy
from regattn_fairseq.pipeline.preprocessing.request import Request
from regattn_fairseq.pipeline.preprocessing.tokenization import TrainingText, train_tokenizers
from regattn_fairseq.pipeline.tasks.protocol import Outputs, Scores, Trial
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.runs.task_facts import ENTAILMENT

# fairseq's names of what sentence_prediction reads.
_INPUTS = {"premise": "input0", "hypothesis": "input1"}


class Entailment:
    """See `Task`."""

    facts = ENTAILMENT
    sides = ("premise", "hypothesis")
    answers = "label"
    fairseq_task = "sentence_prediction"
    best_metric = "accuracy"
    experiment: str | None = "entailment"
    is_aligned = False

    def prepare(self, request: Request, data: PreparedData) -> dict[str, str]:
        """Write the corpus, the tokenizer and the data-bin; see `Task.prepare`.

        The data-bin is laid out as fairseq's ``sentence_prediction`` reads it: folders ``input0``
        (premises), ``input1`` (hypotheses), both by one dictionary, and ``label``.
        """
        from fairseq.data import Dictionary

        from regattn_fairseq.pipeline.preprocessing.binarization import (
            available_processes,
            binarize,
            build_dictionary,
            subset_names,
            tokenize,
        )

        cfg, options = request.cfg, request.options
        manifest = write_entailment(request.corpus, data.text, max_length=cfg.data.max_length)
        splits = list(manifest["splits"])
        data.tokenizer.mkdir()
        premises, hypotheses = (
            TrainingText(data.text / f"train.{side}", cfg.data.lowercase) for side in self.sides
        )
        train_tokenizers(
            {"joint": True, **options["tokenizer"]},
            (cfg.data.language, cfg.data.language),
            (premises, hypotheses),
            data.tokenizer,
        )
        tokens = data.directory / "tokens"
        tokens.mkdir()
        processes = available_processes(cfg.preprocess_workers)
        counts: Counter[str] = Counter()
        for split in splits:
            for side in self.sides:
                found = tokenize(
                    data.text / f"{split}.{side}",
                    tokens / f"{split}.{side}",
                    tokenizer=data.tokenizer,
                    side=0,
                    lowercase=cfg.data.lowercase,
                    most_processes=processes,
                )
                if split == "train":
                    counts.update(found)
        words = build_dictionary(counts, options["tokenizer"]["vocab_size"])
        labels = Dictionary()
        for label in LABELS:
            labels.add_symbol(label)
        names = subset_names(splits)
        parts = [(tokens, side, _INPUTS[side], words) for side in self.sides]
        for folder, side, part, dictionary in [*parts, (data.text, "label", "label", labels)]:
            (data.bin / part).mkdir(parents=True)
            dictionary.save(str(data.bin / part / "dict.txt"))
            for split in splits:
                binarize(
                    folder / f"{split}.{side}",
                    dictionary,
                    data.bin / part / names[split],
                    most_processes=processes,
                )
        return names

    def lengths(self, data: PreparedData, split: str) -> np.ndarray:
        """Tokens of both sentences; see `Task.lengths`."""
        from regattn_fairseq.pipeline.batches import sizes

        subset = data.fairseq_subset(split)
        premises, hypotheses = (sizes(data.bin / _INPUTS[side] / subset) for side in self.sides)
        return premises + hypotheses

    def predict(self, trial: Trial) -> Outputs:
        """Label each pair; see `Task.predict`."""
        from regattn_fairseq.pipeline.evaluation.classifier import classify

        labels, records = classify(
            trial.checkpoint, trial.data, trial.subset, trial.evaluation.max_tokens
        )
        return Outputs(labels, records, counts={"sentences": len(labels)})

    def files(self, trial: Trial) -> dict[str, str]:
        """Premises and hypotheses; see `Task.files`."""
        return {"sources": "premise", "questions": "hypothesis"}

    def score(self, lines: Sequence[str], references: Sequence[str], trial: Trial) -> Scores:
        """Accuracy, and which labels are taken for which; see `Task.score`."""
        metrics, confusion = score_labels(lines, references, LABELS)
        return Scores(metrics, confusion={"labels": list(LABELS), "gold_by_predicted": confusion})

    def sentence_scores(
        self,
        lines: Sequence[str],
        references: Sequence[str],
        *,
        signatures: dict[str, str],
        lowercase: bool,
    ) -> dict[str, np.ndarray]:
        """100 where the label is right, else 0; see `Task.sentence_scores`."""
        return {"accuracy": sentence_accuracy(lines, references)}
