"""Errors in a model's options."""


class ModelError(ValueError):
    """The options give no model. The message is one line: the option or file, and what to do."""
