"""From text to the tokens that the model reads, and back."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sentencepiece

from regattn_fairseq.runs.errors import PipelineError
from regattn_fairseq.runs.files import read_lines


@dataclass(frozen=True)
class TrainingText:
    """The lines of a text file; they can be read more than once.

    Args:
        path: one sentence a line.
        lowercase: whether the lines are to be lowercased.
    """

    path: Path
    lowercase: bool

    def __iter__(self) -> Iterator[str]:
        for line in read_lines(self.path):
            yield line.lower() if self.lowercase else line


class Tokenizer(Protocol):
    """Splits a line into tokens, and joins tokens into readable text."""

    def encode(self, line: str) -> list[str]:
        """Tokens of one line; none contains white space."""

    def decode(self, tokens: list[str]) -> str:
        """Readable text of one line's tokens."""


class SentencePieceTokenizer:
    """Subword units by SentencePiece (Kudo and Richardson 2018, arXiv 1808.06226).

    Args:
        model: file of the trained model.
    """

    def __init__(self, model: Path) -> None:
        self._processor = sentencepiece.SentencePieceProcessor(model_file=str(model))

    def encode(self, line: str) -> list[str]:  # noqa: D102
        return self._processor.encode(line, out_type=str)

    def decode(self, tokens: list[str]) -> str:  # noqa: D102
        # Not the processor's own decode: it drops pieces that it does not know, such as <unk>.
        return "".join(tokens).replace("\N{LOWER ONE EIGHTH BLOCK}", " ").strip()


class MosesTokenizer:
    """Words and punctuation as the Moses toolkit's ``tokenizer.perl -a -no-escape`` splits them.

    Args:
        language: language code, which decides on abbreviations and apostrophes.
    """

    def __init__(self, language: str) -> None:
        import sacremoses  # takes a third of a second, and few corpora need it

        from regattn_fairseq.corpora import moses

        self._tokenizer = moses.MosesTokenizer(lang=language)
        self._detokenizer = sacremoses.MosesDetokenizer(lang=language)

    def encode(self, line: str) -> list[str]:  # noqa: D102
        return self._tokenizer.tokenize(line, escape=False, aggressive_dash_splits=True)

    def decode(self, tokens: list[str]) -> str:  # noqa: D102
        return self._detokenizer.detokenize(tokens, unescape=False)


class SpaceTokenizer:
    """For text that is tokenized already, such as Gigaword's headlines."""

    def encode(self, line: str) -> list[str]:  # noqa: D102
        return line.split()

    def decode(self, tokens: list[str]) -> str:  # noqa: D102
        return " ".join(tokens)


SETTINGS = "tokenizer.json"


def train_tokenizers(
    options: dict[str, Any],
    languages: tuple[str, str],
    texts: tuple[Iterable[str], Iterable[str]],
    directory: Path,
) -> None:
    """Prepare the tokenizers of both sides in a folder, from training text alone.

    Args:
        options: the ``data.tokenizer`` node: ``name`` (``sentencepiece``, ``moses`` or
            ``space``), and for SentencePiece ``model_type``, ``vocab_size``, ``joint``.
        languages: codes of the source and the target language.
        texts: training lines of the source and of the target.
        directory: an existing folder.

    Raises:
        PipelineError: unknown options, or SentencePiece cannot be trained with them.
    """
    name = options["name"]
    size = options["vocab_size"]
    # SentencePiece's first three pieces stand for unknown text and for a line's ends.
    fewest = 4 if name == "sentencepiece" else 1
    if size is not None and (not isinstance(size, int) or size < fewest):
        raise PipelineError(
            f"data.tokenizer.vocab_size={size} must be a whole number, at least {fewest}"
        )
    settings: dict[str, Any] = {"name": name, "languages": list(languages)}
    if name == "sentencepiece":
        if options["joint"]:
            settings["models"] = ["joint.model", "joint.model"]
            _train_sentencepiece(_chain(texts), options, directory / "joint")
        else:
            settings["models"] = ["source.model", "target.model"]
            for side, lines in zip(("source", "target"), texts, strict=True):
                _train_sentencepiece(lines, options, directory / side)
    elif name not in ("moses", "space"):
        raise PipelineError(
            f"data.tokenizer.name is {name!r}; choose sentencepiece, moses or space"
        )
    (directory / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def load_tokenizers(directory: Path) -> tuple[Tokenizer, Tokenizer]:
    """Source and target tokenizer, as :func:`train_tokenizers` left them.

    Raises:
        PipelineError: the folder does not hold any.
    """
    settings = _settings(directory)
    if settings["name"] == "sentencepiece":
        source, target = (SentencePieceTokenizer(directory / model) for model in settings["models"])
        return source, target
    if settings["name"] == "moses":
        source_language, target_language = settings["languages"]
        return MosesTokenizer(source_language), MosesTokenizer(target_language)
    return SpaceTokenizer(), SpaceTokenizer()


def fairseq_encoders(directory: Path) -> dict[str, Any]:
    """The tokenizers of a folder as nodes of fairseq's configuration.

    With them in a checkpoint fairseq's own interfaces take and give text. For its SentencePiece the
    source's model is enough: pieces are joined without one.
    """
    settings = _settings(directory)
    nodes: dict[str, Any] = {"tokenizer": None, "bpe": None}
    if settings["name"] == "sentencepiece":
        model = directory.absolute() / settings["models"][0]
        nodes["bpe"] = {"_name": "sentencepiece", "sentencepiece_model": str(model)}
        nodes["bpe"] |= {"sentencepiece_enable_sampling": False, "sentencepiece_alpha": None}
    elif settings["name"] == "moses":
        source, target = settings["languages"]
        nodes["tokenizer"] = {"_name": "moses", "source_lang": source, "target_lang": target}
        nodes["tokenizer"] |= {"moses_no_escape": True, "moses_no_dash_splits": False}
    return nodes


def _settings(directory: Path) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = json.loads((directory / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{directory} holds no tokenizer ({error}): delete the preprocessed folder and run "
            "regattn-preprocess again"
        ) from error
    return settings


def _chain(texts: tuple[Iterable[str], Iterable[str]]) -> Iterator[str]:
    for text in texts:
        yield from text


# Enough for a vocabulary of any usual size; more would not fit into memory for a large corpus.
MAX_TRAINING_LINES = 1_000_000


# SentencePiece ignores longer lines without a message. It allows no more bytes than these.
MAX_LINE_BYTES = 1 << 30

MODEL_TYPES = ("unigram", "bpe", "char", "word")


def _train_sentencepiece(lines: Iterable[str], options: dict[str, Any], prefix: Path) -> None:
    if options["model_type"] not in MODEL_TYPES:
        raise PipelineError(
            f"data.tokenizer.model_type={options['model_type']} must be one of "
            f"{', '.join(MODEL_TYPES)}"
        )
    # A larger corpus is sampled, and the sample has to be the same every time.
    sentencepiece.set_random_generator_seed(1)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            input_sentence_size=MAX_TRAINING_LINES,
            max_sentence_length=MAX_LINE_BYTES,
            model_prefix=str(prefix),
            model_type=options["model_type"],
            vocab_size=options["vocab_size"],
            character_coverage=1.0,
            # Text is kept as the corpus has it; NFKC would change references' punctuation.
            normalization_rule_name="identity",
            # A small corpus has fewer subwords than asked for; unigram then takes what there is.
            hard_vocab_limit=options["model_type"] not in ("unigram",),
            num_threads=1,  # more threads make the result depend on timing
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise PipelineError(_vocabulary_advice(str(error), options)) from error


def _vocabulary_advice(reason: str, options: dict[str, Any]) -> str:
    """What to do where SentencePiece gave up, by what it said."""
    size = f"data.tokenizer.vocab_size={options['vocab_size']}"
    if fewest := re.search(r"smaller than required_chars\. \d+ vs (\d+)", reason):
        return (
            f"{size} is too small: the corpus has so many different characters that at least "
            f"{fewest[1]} are needed; choose a larger vocabulary"
        )
    if most := re.search(r"Vocabulary size too high.*<= (\d+)", reason):
        return f"{size} is too large for this corpus: choose at most {most[1]}"
    return (
        f"SentencePiece cannot be trained with {size} and data.tokenizer.model_type="
        f"{options['model_type']} on this corpus ({' '.join(reason.split())})"
    )
