"""Fixtures that several parts of the test suite share."""

import os

# The suite runs several processes on few cores: one thread each, and no waiting in busy loops.
os.environ.setdefault("OMP_NUM_THREADS", "1")
