"""A trained model that writes text, for the evaluation and for the demo."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq import utils
from fairseq.data import Dictionary
from fairseq.dataclass.configs import GenerationConfig
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from regattn_fairseq.metrics import AttentionRecord, CopyRecord
from regattn_fairseq.normalizers import Normalizer
from regattn_fairseq.pipeline.batches import whole_batches
from regattn_fairseq.pipeline.evaluation.copied_words import copied_words
from regattn_fairseq.pipeline.evaluation.heads import SENTENCES, heads_of_outputs
from regattn_fairseq.pipeline.evaluation.normalizers import (
    changed_options,
    trained_normalizer,
    trained_options,
)
from regattn_fairseq.pipeline.evaluation.shortlist import load_shortlist
from regattn_fairseq.pipeline.preprocessing.tokenization import load_tokenizers
from regattn_fairseq.pipeline.training.checkpoints import load_checkpoint, load_model
from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.prepared import PreparedData
from regattn_fairseq.tasks.coverage import CoverageGenerator
from regattn_fairseq.tasks.search import SparseBeamSearch
from regattn_fairseq.tasks.shortlist import Shortlist, search


@dataclass(frozen=True)
class Hypothesis:
    """The best output for one source sentence."""

    tokens: list[str]  # without the end of the sentence
    attention: AttentionRecord  # the end of the sentence included, on both sides
    copied: CopyRecord | None = None  # of the same tokens; None if the model cannot copy


class Translator:
    """Beam search with one checkpoint. It runs on a GPU if there is one.

    Args:
        checkpoint: of a model that writes text.
        data: the corpus that it was trained on.
        saved: the run's saved configuration.
        generation: fairseq's generation options, such as ``beam``, and ours,
            ``coverage_penalty`` and ``shortlist``.

    Raises:
        PipelineError: the checkpoint cannot be read, or belongs to another data-bin.
    """

    def __init__(
        self, checkpoint: Path, data: PreparedData, saved: Any, generation: DictConfig
    ) -> None:
        _require_vocabulary(saved, checkpoint, data)
        self.model, _saved_cfg, self.task = load_model(checkpoint, data=str(data.bin))
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device).eval()
        # Of a configuration's own types, fairseq's accepts the values alone.
        given: Any = OmegaConf.to_container(generation, resolve=True, enum_to_str=True)
        penalty, shortlist = given.pop("coverage_penalty", None), given.pop("shortlist", None)
        whole = OmegaConf.merge(OmegaConf.structured(GenerationConfig), given)
        self.model.prepare_for_inference_(OmegaConf.create({"generation": whole}))
        search = {}
        if penalty:
            search = {
                "seq_gen_cls": CoverageGenerator,
                "extra_gen_cls_kwargs": {"coverage_penalty": penalty},
            }
        self._generator = self.task.build_generator([self.model], whole, **search)
        self._shortlist: Shortlist | None = None
        if shortlist is not None:
            self._shortlist = load_shortlist(
                checkpoint, self.model, self.task, shortlist, saved.evaluation.max_tokens
            )
        self._source_tokenizer, self._target_tokenizer = load_tokenizers(data.tokenizer)
        self._lowercase = bool(saved.data.lowercase)
        self._prefix_size = whole.prefix_size
        self._seed = None if whole.no_seed_provided else saved.seed

    def decode(self, hypothesis: Hypothesis) -> str:
        """Readable text of an output."""
        return self._target_tokenizer.decode(hypothesis.tokens)

    def generate(self, dataset: Any, max_tokens: int) -> list[Hypothesis]:
        """The best hypothesis of each example of a fairseq dataset, in its order.

        A search that samples begins with the seed of the training.

        Args:
            dataset: a dataset of fairseq's task.
            max_tokens: source tokens in a batch.
        """
        batches = whole_batches(self.task, self.model, dataset, max_tokens)
        if self._seed is not None:
            utils.set_torch_seed(self._seed)
        found: dict[int, Hypothesis] = {}
        with tqdm(total=len(dataset), unit=" sentences", desc="generate", disable=None) as progress:
            for batch in batches:
                found |= self._generate_batch(batch)
                progress.update(len(batch["id"]))
        return [found[number] for number in sorted(found)]

    def translate(self, line: str) -> Hypothesis:
        """The best hypothesis for a line of text. The line is tokenized like the training text."""
        line = " ".join(line.split())
        tokens = self._source_tokenizer.encode(line.lower() if self._lowercase else line)
        indices = self.task.source_dictionary.encode_line(
            " ".join(tokens), add_if_not_exist=False
        ).long()
        dataset = self.task.build_dataset_for_inference([indices], [len(indices)])
        return self._generate_batch(dataset.collater([dataset[0]]))[0]

    @property
    def search_figures(self) -> dict[str, float]:
        """Figures of all searches so far, of those that do not look at every word."""
        search = getattr(self._generator, "search", None)
        sparse = search.figures if isinstance(search, SparseBeamSearch) else {}
        return sparse | (self._shortlist.figures if self._shortlist else {})

    @property
    def normalizer(self) -> Normalizer:
        """The normalizer of the attention, as it was trained.

        Raises:
            PipelineError: the model is not one of ours.
        """
        return trained_normalizer(self.model)

    @contextmanager
    def normalizer_options(self, **options: float) -> Iterator[dict[str, Any]]:
        """Use other options of the normalizer within the block; yields all options in force.

        Only one thread at a time may do so.

        Args:
            options: values that differ from those of the training. Options that the normalizer does
                not take are ignored.

        Raises:
            ValueError: an option is out of range.
        """
        trained = trained_options(self.normalizer)
        changed = {name: value for name, value in options.items() if name in trained}
        with changed_options(self.model, changed):
            yield trained | changed

    def _generate_batch(self, batch: dict[str, Any]) -> dict[int, Hypothesis]:
        sample = utils.move_to_cuda(batch) if self.device.type == "cuda" else batch
        prefix = None
        if self._prefix_size > 0 and sample.get("target") is not None:
            prefix = sample["target"][:, : self._prefix_size]
        outputs = search(self._shortlist, self.task, self.model, self._generator, sample, prefix)
        sources, numbers = sample["net_input"]["src_tokens"], sample["id"].tolist()
        best = [hypotheses[0] for hypotheses in outputs]
        written = [each["tokens"] for each in best]
        copies = copied_words(self.model, sample["net_input"], written)
        shown = [row for row, number in enumerate(numbers) if number < SENTENCES]
        words = [written[row] for row in shown]
        heads = dict(zip(shown, heads_of_outputs(self.model, sources[shown], words), strict=True))
        return {
            number: self._hypothesis(source, best[row], copies[row], heads.get(row, {}))
            for row, (number, source) in enumerate(zip(numbers, sources.cpu(), strict=True))
        }

    def _hypothesis(
        self,
        source: torch.Tensor,
        output: dict[str, Any],
        copied: CopyRecord | None,
        heads: dict[str, Any],
    ) -> Hypothesis:
        """A generated sentence without padding: its words, and the weights between words."""
        dictionary = self.task.target_dictionary
        present = source != self.task.source_dictionary.pad()
        weights = output["attention"].cpu().float()  # [source, target]
        words = _symbols(output["tokens"].cpu(), dictionary)
        attention = AttentionRecord(
            source_tokens=_symbols(source[present], self.task.source_dictionary),
            target_tokens=words,
            weights=weights[present].t().numpy(),
            heads=heads,
        )
        ended = bool(words) and words[-1] == dictionary[dictionary.eos()]
        return Hypothesis(words[:-1] if ended else words, attention, copied)


def _symbols(indices: torch.Tensor, dictionary: Dictionary) -> list[str]:
    return [dictionary[index] for index in indices.tolist()]


def _require_vocabulary(saved: Any, checkpoint: Path, data: PreparedData) -> None:
    """Compare the checkpoint's embeddings with the data-bin's dictionaries, before it is built."""
    parameters = load_checkpoint(checkpoint)["model"]
    for side, language in (
        ("encoder", saved.task.source_lang),
        ("decoder", saved.task.target_lang),
    ):
        known = len(parameters[f"{side}.embed_tokens.weight"])
        words = len(Dictionary.load(str(data.bin / f"dict.{language}.txt")))
        if known != words:
            raise PipelineError(
                f"{checkpoint} knows {known} words, but the dictionary in {data.bin} has {words}: "
                "it was trained on another data-bin; train again, or restore that folder"
            )
