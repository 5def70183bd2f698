"""The results and outputs of a run's evaluations: found again, and written."""

from regattn_fairseq.metrics import load_attention, load_copying
from regattn_fairseq.pipeline.evaluation.measures import Texts
from regattn_fairseq.runs.files import read_json, read_lines
from regattn_fairseq.runs.folder import RunFolder
from regattn_fairseq.runs.result import ReportError, Result


def earlier_result(run: RunFolder, split: str, key: str) -> Result | None:
    """The result of an earlier evaluation with the same options; None if there is none.

    Raises:
        PipelineError: a file of a result is damaged.
    """
    for path in (run.result, run.result_of(split)):
        if not path.is_file():
            continue
        try:
            found = Result.from_content(read_json(path), run.directory, run.directory.name)
        except ReportError:  # of another version
            continue
        if found.key == key:
            return found
    return None


def read_texts(result: Result) -> Texts | None:
    """The outputs of an earlier evaluation; None if one of its files cannot be read."""
    try:
        return Texts(
            sources=list(read_lines(result.path("sources"))),
            hypotheses=list(read_lines(result.path("hypotheses"))),
            references=list(read_lines(result.path("references"))),
            records=load_attention(result.path("attention")),
            copies=load_copying(result.path("copying")) if "copying" in result.files else None,
        )
    except (OSError, ValueError):
        return None


def write_result(result: Result, run: RunFolder, *, only_if_changed: bool = False) -> None:
    """Write the result of a split, and make it the last one of the run.

    Args:
        result: of an evaluation.
        run: the folder of the run.
        only_if_changed: leave files alone that hold this result already.
    """
    content = result.content()
    for path in (run.result_of(result.split), run.result):
        if not (only_if_changed and path.is_file() and read_json(path) == content):
            result.write(path)
