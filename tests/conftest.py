"""Fixtures that several parts of the test suite share."""

import os
import signal

import pytest

from regattn_fairseq.declared import normalizers

# A shell starts what runs in the background with interrupts ignored, and so its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The suite runs several processes on few cores: one thread each, and no waiting in busy loops.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _only_declared_normalizers():
    """Forget the normalizers that a test registers."""
    before = set(normalizers._declared)
    yield
    for name in set(normalizers._declared) - before:
        del normalizers._declared[name]
