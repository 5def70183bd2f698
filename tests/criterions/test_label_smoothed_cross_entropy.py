"""The fused loss against fairseq's own, and the criterion against the one it replaces."""

import pytest
import torch
from criterion_cases import criterions, sample_of
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss
from fairseq.models.lstm import LSTMModel

from regattn_fairseq.criterions import label_smoothed_cross_entropy as module
from regattn_fairseq.criterions import output_layer


@pytest.fixture(params=[1, 3, 50], ids="{} rows at once".format)
def rows_at_once(request, monkeypatch):
    monkeypatch.setattr(output_layer, "CHUNK_BYTES", 1)
    monkeypatch.setattr(output_layer, "MIN_CHUNK_ROWS", request.param)


@pytest.mark.usefixtures("rows_at_once")
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
@pytest.mark.parametrize("with_bias", [True, False])
def test_loss_and_gradients_are_fairseqs(epsilon, with_bias):
    torch.manual_seed(0)
    features = torch.randn(11, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(7, dtype=torch.float64, requires_grad=True) if with_bias else None
    target = torch.randint(7, (11,))
    variables = [v for v in (features, weight, bias) if v is not None]

    loss, nll = module.linear_label_smoothed_cross_entropy(features, weight, bias, target, epsilon)
    gradients = torch.autograd.grad(3 * loss, variables)

    log_probs = torch.nn.functional.linear(features, weight, bias).log_softmax(dim=1)
    expected, expected_nll = label_smoothed_nll_loss(log_probs, target, epsilon)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(nll, expected_nll)
    assert not nll.requires_grad
    for gradient, wanted in zip(
        gradients, torch.autograd.grad(3 * expected, variables), strict=True
    ):
        torch.testing.assert_close(gradient, wanted)


def test_fairseq_may_multiply_the_loss_in_place():
    """As it does where a process has no batch left and its gradient is not to count."""
    features = torch.randn(3, 5, requires_grad=True)
    weight = torch.randn(7, 5, requires_grad=True)
    loss, _ = module.linear_label_smoothed_cross_entropy(
        features, weight, None, torch.tensor([1, 2, 3]), 0.1
    )
    loss *= 0
    loss.backward()
    assert not features.grad.any()
    assert not weight.grad.any()


def test_far_apart_scores_stay_finite():
    features = torch.tensor([[1.0], [-1.0]], requires_grad=True)
    weight = torch.tensor([[300.0], [0.0], [-300.0]], requires_grad=True)
    target = torch.tensor([2, 1])

    loss, nll = module.linear_label_smoothed_cross_entropy(features, weight, None, target, 0.0)
    loss.backward()

    assert float(nll) == 600 + 300
    assert weight.grad.isfinite().all()
    torch.testing.assert_close(features.grad, torch.tensor([[600.0], [-300.0]]))


@pytest.mark.parametrize("needed", [(True, False, False), (False, True, False), (False,) * 3])
def test_only_what_needs_a_gradient_gets_one(needed):
    values = [torch.randn(4, 3), torch.randn(6, 3), torch.randn(6)]
    variables = [v.requires_grad_(need) for v, need in zip(values, needed, strict=True)]

    loss, _ = module.linear_label_smoothed_cross_entropy(
        *variables, torch.tensor([0, 5, 2, 2]), 0.1
    )

    assert loss.requires_grad == any(needed)
    if any(needed):
        loss.backward()
    assert [v.grad is not None for v in variables] == list(needed)


@pytest.mark.parametrize(
    "model_options", [{}, {"decoder_embed_dim": 8, "share_decoder_input_output_embed": True}]
)
@pytest.mark.parametrize(
    "options", [{}, {"sentence_avg": True}, {"report_accuracy": True}, {"ignore_prefix_size": 1}]
)
def test_criterion_logs_and_trains_as_fairseqs(build, dictionary, batch, model_options, options):
    found = []
    for criterion in criterions(dictionary, **options):
        model = build(**model_options)
        loss, sample_size, logged = criterion(model, sample_of(batch))
        loss.backward()
        gradients = {name: p.grad for name, p in model.named_parameters()}
        found.append((loss, sample_size, logged, gradients))

    (loss, size, logged, gradients), (wanted_loss, wanted_size, wanted_logged, wanted) = found
    torch.testing.assert_close(loss, wanted_loss)
    assert size == wanted_size
    assert logged.keys() == wanted_logged.keys()
    for key in logged:
        assert float(logged[key]) == pytest.approx(float(wanted_logged[key]), rel=1e-5), key
    for name in wanted:
        torch.testing.assert_close(gradients[name], wanted[name])


@pytest.mark.parametrize("normalizer", ["softmax", "fusedmax"])
def test_training_follows_the_same_losses(build, dictionary, batch, normalizer):
    trajectories = []
    for criterion in criterions(dictionary):
        model = build(attn_normalizer=normalizer, dropout=0.0).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(20):
            optimizer.zero_grad()
            loss, sample_size, _ = criterion(model, sample_of(batch))
            (loss / sample_size).backward()
            optimizer.step()
            losses.append(loss.item())
        trajectories.append(losses)

    assert trajectories[0] == pytest.approx(trajectories[1], rel=1e-4)
    assert trajectories[0][-1] < 0.8 * trajectories[0][0]


def test_no_scores_are_kept(build, dictionary, batch, monkeypatch):
    model = build()
    monkeypatch.setattr(model.decoder, "output_layer", None)  # would make them all

    loss, *_ = criterions(dictionary)[0](model, sample_of(batch))

    assert loss.isfinite()


def test_other_models_and_16_bits_take_fairseqs_path(build, dictionary, batch):
    ours, fairseqs = criterions(dictionary)
    half = build().bfloat16()
    with torch.no_grad():
        assert ours(half, sample_of(batch))[0] == fairseqs(half, sample_of(batch))[0]
    assert ours._fusible_layer(LSTMModel.__new__(LSTMModel)) is None


def test_a_hook_on_the_output_layer_is_called(build, dictionary, batch):
    model, calls = build(), []
    model.decoder.fc_out.register_forward_hook(lambda *_: calls.append(1))
    criterions(dictionary)[0](model, sample_of(batch))
    assert calls


@pytest.mark.parametrize("with_bias", [True, False])
def test_gradients_have_gradients(with_bias):
    torch.manual_seed(0)
    variables = [torch.randn(4, 3), torch.randn(6, 3)] + [torch.randn(6)] * with_bias
    variables = [variable.double().requires_grad_() for variable in variables]
    target = torch.tensor([0, 5, 2, 2])

    def loss(*inputs):
        features, weight, *bias = inputs
        return module.linear_label_smoothed_cross_entropy(
            features, weight, bias[0] if bias else None, target, 0.1
        )[0]

    assert torch.autograd.gradcheck(loss, variables)
    assert torch.autograd.gradgradcheck(loss, variables)
