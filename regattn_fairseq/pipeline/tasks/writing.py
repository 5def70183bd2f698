"""What the tasks share whose models write a text for a text: translation and summarization.

The methods that work import fairseq. Many commands only ask what a task is.
"""

import logging
from collections import Counter
from pathlib import Path

import numpy as np

from regattn_fairseq.corpora import further_references, write_corpus
from regattn_fairseq.pipeline.preprocessing.request import Request
from regattn_fairseq.pipeline.preprocessing.tokenization import TrainingText, train_tokenizers
from regattn_fairseq.pipeline.tasks.protocol import Outputs, Trial
from regattn_fairseq.runs.prepared import PreparedData

logger = logging.getLogger(__name__)


class Writing:
    """All of such a task but its name and its scores."""

    sides = ("src", "tgt")
    answers = "tgt"
    fairseq_task = "regattn_translation"
    best_metric = "bleu"
    experiment: str | None = None
    is_aligned = True

    def prepare(self, request: Request, data: PreparedData) -> dict[str, str]:
        """Write source and target texts, tokenizers and the data-bin; see `Task.prepare`."""
        options = request.cfg.data
        manifest = write_corpus(
            request.corpus,
            data.text,
            min_length=options.min_length,
            max_length=options.max_length,
            max_ratio=options.max_ratio,
        )
        data.tokenizer.mkdir()
        logger.info("tokenizer: %s", options.tokenizer.name)
        source, target = self._texts(data, "train")
        train_tokenizers(
            request.options["tokenizer"],
            (options.source_lang, options.target_lang),
            (TrainingText(source, options.lowercase), TrainingText(target, options.lowercase)),
            data.tokenizer,
        )
        return self._binarize(request, data, list(manifest["splits"]))

    def _texts(self, data: PreparedData, split: str) -> tuple[Path, Path]:
        source, target = (data.text / f"{split}.{side}" for side in self.sides)
        return source, target

    def _binarize(self, request: Request, data: PreparedData, splits: list[str]) -> dict[str, str]:
        """Write tokens, dictionaries and the data-bin; return fairseq's name of each split."""
        from regattn_fairseq.pipeline.preprocessing.binarization import (
            available_processes,
            binarize,
            build_dictionary,
            subset_names,
            tokenize,
        )

        processes = available_processes(request.cfg.preprocess_workers)
        tokens = data.directory / "tokens"
        tokens.mkdir()
        counts = [Counter[str](), Counter[str]()]
        for split in splits:
            for side, text in enumerate(self._texts(data, split)):
                found = tokenize(
                    text,
                    tokens / text.name,
                    tokenizer=data.tokenizer,
                    side=side,
                    lowercase=request.cfg.data.lowercase,
                    most_processes=processes,
                )
                if split == "train":
                    counts[side] = found
        tokenizer = request.options["tokenizer"]
        if tokenizer["joint"]:
            counts = [counts[0] + counts[1]] * 2
        # SentencePiece's vocabulary has a size of its own.
        most_words = None if tokenizer["name"] == "sentencepiece" else tokenizer["vocab_size"]
        data.bin.mkdir()
        languages = request.options["source_lang"], request.options["target_lang"]
        names = subset_names(splits)
        for side, (language, ending) in enumerate(zip(languages, self.sides, strict=True)):
            dictionary = build_dictionary(counts[side], most_words)
            dictionary.save(str(data.bin / f"dict.{language}.txt"))
            for split in splits:
                binarize(
                    tokens / f"{split}.{ending}",
                    dictionary,
                    data.bin / f"{names[split]}.{'-'.join(languages)}.{language}",
                    most_processes=processes,
                )
        return names

    def lengths(self, data: PreparedData, split: str) -> np.ndarray:
        """Tokens of the longer side; see `Task.lengths`."""
        from regattn_fairseq.pipeline.batches import sizes

        parts = sorted(data.bin.glob(f"{data.fairseq_subset(split)}.*-*.*.idx"))
        lengths: np.ndarray = np.maximum.reduce([sizes(part.with_suffix("")) for part in parts])
        return lengths

    def predict(self, trial: Trial) -> Outputs:
        """Write a text for each source sentence; see `Task.predict`."""
        from regattn_fairseq.pipeline.evaluation.heads import learned_by_heads
        from regattn_fairseq.pipeline.evaluation.translator import Translator

        translator = Translator(trial.checkpoint, trial.data, trial.saved, trial.generation)
        translator.task.load_dataset(trial.subset)
        dataset = translator.task.dataset(trial.subset)
        hypotheses = translator.generate(dataset, trial.evaluation.max_tokens)
        return Outputs(
            lines=[translator.decode(hypothesis) for hypothesis in hypotheses],
            records=[hypothesis.attention for hypothesis in hypotheses],
            # The end of each sentence counts.
            counts={"target_tokens": sum(len(each.tokens) + 1 for each in hypotheses)},
            learned=learned_by_heads(translator.model),
            copies=[each.copied for each in hypotheses if each.copied is not None] or None,
            search=translator.search_figures,
        )

    def files(self, trial: Trial) -> dict[str, str]:
        """The source text and further references; see `Task.files`."""
        further = further_references(trial.data.text, trial.split)
        return {"sources": "src"} | {path.suffix[1:]: path.suffix[1:] for path in further}
