"""What fairseq's commands say of options that cannot work with our models here."""

import pytest
import torch
from fairseq import options

import regattn_fairseq.models  # noqa: F401  registers the architectures


@pytest.mark.skipif(torch.cuda.is_available(), reason="16 bits work on a GPU")
@pytest.mark.parametrize("flag", ["--fp16", "--bf16", "--amp", "--memory-efficient-fp16"])
def test_16_bits_without_a_gpu_are_refused_in_one_line(flag, capsys):
    arguments = ["folder", "--arch", "regattn_lstm_tiny", "--cpu", flag]
    with pytest.raises(SystemExit):
        options.parse_args_and_arch(options.get_training_parser(), arguments)
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {flag}: trains on a GPU, and there is none: leave it out" in last
