import os

# Before the kernels are defined: there is no GPU in the tests, the interpreter stands in for it.
os.environ.setdefault("TRITON_INTERPRET", "1")

import pytest
import torch
from hypothesis import settings

settings.register_profile("normalizers", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("normalizers")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
