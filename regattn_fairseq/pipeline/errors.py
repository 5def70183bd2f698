"""What goes wrong for a reason that the user can mend."""


class PipelineError(ValueError):
    """A stage cannot run. The message is one line: the option or file, and what to do."""


class OtherRunError(PipelineError):
    """The folder holds a run with other options, and is not to be touched."""
