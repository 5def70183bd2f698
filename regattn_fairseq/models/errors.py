"""What goes wrong with a model's options."""


class ModelError(ValueError):
    """A model cannot be built so. The message is one line: the option or file, and what to do."""
