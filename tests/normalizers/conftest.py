import os

import pytest
import torch
from hypothesis import settings

# Before the kernels are defined: where there is no GPU, Triton's interpreter stands in for it.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

settings.register_profile("normalizers", max_examples=60, deadline=None, derandomize=True)
settings.load_profile("normalizers")


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
