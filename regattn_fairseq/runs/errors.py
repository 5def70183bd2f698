"""Errors that the user can fix."""


class PipelineError(ValueError):
    """A stage cannot run. The message is one line: the option or file, and what to do."""


class OtherRunError(PipelineError):
    """The folder holds a run with other options, and must stay as it is."""


def one_line(error: Exception, *, more: str = "") -> str:
    """The error's message in one line.

    Args:
        error: the error.
        more: is added if the error is not ours. Such an error does not say what to do.
    """
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and type(error) is not ValueError:
        return text
    return f"{type(error).__name__}: {text}{more}"
