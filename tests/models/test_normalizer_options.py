"""What the model's attn_* options make of a normalizer."""

import pytest
import torch

from regattn_fairseq.models.errors import ModelError
from regattn_fairseq.normalizers import build_normalizer, register_normalizer, rules, softmax


def test_gamma_falls_and_lambda_grows_while_the_model_trains(build):
    model = build(
        attn_normalizer="fusedmax",
        attn_gamma=0.5,
        attn_gamma_start=8.0,
        attn_gamma_anneal=20,
        attn_lambda=0.2,
        attn_lambda_warmup=10,
    )
    normalizer = model.decoder.attention.normalizer
    x = torch.randn(3, 5)
    own = build_normalizer("fusedmax", gamma=0.5, lam=0.2)(x)

    torch.testing.assert_close(normalizer(x), own)
    for updates, gamma, lam in (
        (0, 8, 0),
        (5, 6.125, 0.1 * 0.5 / 6.125),  # γλ: half of 0.1
        (10, 4.25, 0.1 / 4.25),
        (20, 0.5, 0.2),
        (21, 0.5, 0.2),
    ):
        model.set_num_updates(updates)
        now = build_normalizer("fusedmax", gamma=gamma, lam=lam)(x)
        torch.testing.assert_close(model.train().decoder.attention.normalizer(x), now)
        torch.testing.assert_close(model.eval().decoder.attention.normalizer(x), own)


@pytest.mark.parametrize(("name", "steep"), [("sparsemax", True), ("softmax", False)])
def test_a_steep_map_starts_as_flat_as_the_source_is_long(build, name, steep):
    model = build(attn_normalizer=name, attn_gamma=0.5, attn_gamma_anneal=4)
    normalizer = model.train().decoder.attention.normalizer
    for updates, share in ((0, 1.0), (1, 0.75), (4, 0.0)):
        model.set_num_updates(updates)
        for words in (1, 5, 30):
            x = torch.randn(3, words)
            gamma = 0.5 * (1 + (words - 1) * share) if steep else 0.5
            expected = build_normalizer(name, gamma=gamma)(x)
            torch.testing.assert_close(normalizer(x), expected)


def test_all_fused_attention_learns_nothing_but_a_warmed_up_one_does(build, batch):
    def gradient(warmup):
        model = build(attn_normalizer="fusedmax", attn_lambda=5.0, attn_lambda_warmup=warmup)
        model.set_num_updates(0)
        scores, _ = model.train()(batch.source, batch.lengths, batch.previous)
        scores.square().sum().backward()
        return model.decoder.attention.input_proj.weight.grad.abs().max().item()

    assert gradient(warmup=0) == 0.0
    assert gradient(warmup=10) > 0.0


def test_gamma_and_lambda_are_learned(build, batch):
    model = build(
        attn_normalizer="oscarmax",
        attn_gamma=2.0,
        attn_gamma_start=4.0,  # a schedule is no part of the parameters' names
        attn_lambda=0.1,
        attn_lambda_warmup=10,
        attn_learn_gamma=True,
        attn_learn_lambda=True,
    )
    names = {name for name, _ in model.named_parameters() if "normalizer" in name}
    assert names == {
        "decoder.attention.normalizer.raw_gamma",
        "decoder.attention.normalizer.raw_lam",
    }
    options = model.decoder.attention.normalizer.current_options()
    assert {name: round(value.item(), 6) for name, value in options.items()} == {
        "gamma": 2.0,
        "lam": 0.1,
    }
    model.decoder.attention.input_proj.weight.data.mul_(1000)  # scores apart enough to differ
    scores, _ = model(batch.source, batch.lengths, batch.previous)
    scores.square().sum().backward()
    for name in names:
        assert model.get_parameter(name).grad.abs() > 0


def test_alpha_reaches_entmax(build):
    model = build(attn_normalizer="entmax", attn_alpha=2.0)
    x = torch.randn(3, 5)
    sparse = build_normalizer("sparsemax")(x)
    torch.testing.assert_close(model.decoder.attention.normalizer(x), sparse, rtol=0, atol=1e-5)


def test_alpha_is_learned(build, batch):
    model = build(attn_normalizer="entmax", attn_alpha=1.7, attn_learn_alpha=True)
    normalizer = model.decoder.attention.normalizer
    torch.testing.assert_close(normalizer.current_options()["alpha"].item(), 1.7)
    scores, _ = model(batch.source, batch.lengths, batch.previous)
    scores.square().sum().backward()
    assert normalizer.raw_alpha.grad.abs() > 0


def test_a_map_of_ones_own_learns_its_parameters(build, batch, monkeypatch):
    monkeypatch.setattr(rules, "_rules", dict(rules._rules))

    @register_normalizer("weighted")
    class Weighted(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = torch.nn.Parameter(torch.tensor(0.5))

        def forward(self, scores, *, gamma=1.0, mask=None, dim=-1):
            return softmax(self.factor * scores, gamma=gamma, mask=mask, dim=dim)

    model, other = build(attn_normalizer="weighted"), build(attn_normalizer="weighted")
    (factor,) = model.decoder.attention.normalizer.parameters()
    scores, _ = model(batch.source, batch.lengths, batch.previous)
    scores.square().sum().backward()
    assert factor.grad.abs() > 0
    factor.data.fill_(0.75)
    other.load_state_dict(model.state_dict())
    assert [p.item() for p in other.decoder.attention.normalizer.parameters()] == [0.75]
    with pytest.raises(ModelError, match="attn_normalizer=weighted has parameters of its own"):
        torch.jit.script(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"attn_normalizer": "entmax", "attn_alpha": 1.0, "attn_learn_alpha": True},
            "a learned alpha must start above 1",
        ),
        ({"attn_learn_lambda": True}, "attn_learn_lambda: softmax has no lam to learn"),
        (
            {"attn_normalizer": "fusedmax", "attn_lambda": 0.0, "attn_learn_lambda": True},
            "a learned lam must start above 0",
        ),
        ({"attn_lambda_warmup": -1}, "attn_lambda_warmup is -1"),
        ({"attn_gamma_anneal": -1}, "attn_gamma_anneal is -1"),
        ({"attn_gamma_start": 0.0}, "attn_gamma_start is 0.0"),
    ],
)
def test_options_that_do_not_fit(build, options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
