"""From text to the tokens that the model reads, and back."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import sentencepiece

from regattn_fairseq.pipeline.errors import PipelineError


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
    """Words and punctuation by the rules of the Moses toolkit, through sacremoses.

    Args:
        language: language code, which decides on abbreviations and apostrophes.
    """

    def __init__(self, language: str) -> None:
        import sacremoses  # takes a third of a second, and few corpora need it

        self._tokenizer = sacremoses.MosesTokenizer(lang=language)
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
    try:
        settings = json.loads((directory / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"{directory} holds no tokenizer ({error}): delete the preprocessed folder and run "
            "regattn-preprocess again"
        ) from error
    if settings["name"] == "sentencepiece":
        source, target = (SentencePieceTokenizer(directory / model) for model in settings["models"])
        return source, target
    if settings["name"] == "moses":
        source_language, target_language = settings["languages"]
        return MosesTokenizer(source_language), MosesTokenizer(target_language)
    return SpaceTokenizer(), SpaceTokenizer()


def _chain(texts: tuple[Iterable[str], Iterable[str]]) -> Iterator[str]:
    for text in texts:
        yield from text


# Enough for a vocabulary of any usual size; more would not fit into memory for a large corpus.
MAX_TRAINING_LINES = 1_000_000


def _train_sentencepiece(lines: Iterable[str], options: dict[str, Any], prefix: Path) -> None:
    # A larger corpus is sampled, and the sample has to be the same every time.
    sentencepiece.set_random_generator_seed(1)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            input_sentence_size=MAX_TRAINING_LINES,
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
        reason = " ".join(str(error).split())
        raise PipelineError(
            "SentencePiece cannot be trained with data.tokenizer.vocab_size="
            f"{options['vocab_size']} and data.tokenizer.model_type={options['model_type']} on "
            f"this corpus; a smaller vocabulary may do ({reason})"
        ) from error
