"""Moved to :mod:`regattn_fairseq.declared.naming`."""

from regattn_fairseq.declared.naming import arguments, declared_options, takers

__all__ = ["arguments", "declared_options", "takers"]
