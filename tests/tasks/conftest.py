"""The small models of these tests."""

from small_models import batch, build, dictionary, task, transformer

__all__ = ["batch", "build", "dictionary", "task", "transformer"]
