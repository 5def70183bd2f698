"""What goes wrong for a reason that the user can mend."""


class PipelineError(ValueError):
    """A stage cannot run. The message is one line: the option or file, and what to do."""


class OtherRunError(PipelineError):
    """The folder holds a run with other options, and is not to be touched."""


def one_line(error: Exception, *, more: str = "") -> str:
    """What went wrong, in one line.

    Args:
        error: the error.
        more: added to an error that is not ours, and so does not say what to do.
    """
    text = " ".join(str(error).split())
    if isinstance(error, ValueError) and type(error) is not ValueError:
        return text
    return f"{type(error).__name__}: {text}{more}"
