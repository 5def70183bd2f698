"""The fused loss of a mixture against fairseq's of its logarithms, and finite differences."""

import pytest
import torch
from criterion_cases import criterions, sample_of
from fairseq.criterions.label_smoothed_cross_entropy import label_smoothed_nll_loss

from regattn_fairseq.criterions import output_layer as chunks
from regattn_fairseq.criterions.copy_attention import copy_label_smoothed_cross_entropy
from regattn_fairseq.models.copying import SourceWords, source_words

ROWS, DIM, WORDS, SOURCE = 11, 5, 7, 6


@pytest.fixture(params=[1, 3, 50], ids="{} rows at once".format)
def rows_at_once(request, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 1)
    monkeypatch.setattr(chunks, "MIN_CHUNK_ROWS", request.param)


class Case:
    """Rows with sparse weights over sources in which words occur several times."""

    def __init__(self, with_bias=True):
        torch.manual_seed(0)
        self.tokens = torch.randint(WORDS, (ROWS, SOURCE))
        self.target = torch.randint(WORDS, (ROWS,))
        weights = torch.rand(ROWS, SOURCE, dtype=torch.float64)
        weights[torch.rand(ROWS, SOURCE) < 0.5] = 0.0
        weights[:, 0] += 0.01
        self.weights = weights / weights.sum(1, keepdim=True)
        self.features = torch.randn(ROWS, DIM, dtype=torch.float64)
        self.weight = torch.randn(WORDS, DIM, dtype=torch.float64)
        self.bias = torch.randn(WORDS, dtype=torch.float64) if with_bias else None
        self.gate = torch.randn(ROWS, dtype=torch.float64)

    def variables(self):
        given = (self.features, self.weight, self.bias, self.gate, self.weights)
        return [v.requires_grad_() for v in given if v is not None]

    def fused(self, epsilon, *variables):
        features, weight, *bias, gate, weights = variables
        words = source_words(weights.unsqueeze(1), self.tokens)
        words = SourceWords(words.indices, words.mass.squeeze(1), words.share)
        return copy_label_smoothed_cross_entropy(
            features, weight, bias[0] if bias else None, self.target, epsilon, gate, words
        )

    def log_probs(self, *variables):
        """From the definition, with an array of the vocabulary's size for what is copied."""
        features, weight, *bias, gate, weights = variables
        g = gate.sigmoid().unsqueeze(1)
        vocabulary = torch.nn.functional.linear(features, weight, *bias).softmax(1)
        copied = torch.zeros_like(vocabulary).scatter_add(1, self.tokens, weights)
        return (g * vocabulary + (1 - g) * copied).log()


@pytest.mark.usefixtures("rows_at_once")
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
@pytest.mark.parametrize("with_bias", [True, False])
def test_loss_and_gradients_are_fairseqs_of_the_mixture(epsilon, with_bias):
    case = Case(with_bias)
    variables = case.variables()
    loss, nll = case.fused(epsilon, *variables)
    wanted, wanted_nll = label_smoothed_nll_loss(case.log_probs(*variables), case.target, epsilon)
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(nll, wanted_nll)
    assert not nll.requires_grad
    for gradient, expected in zip(
        torch.autograd.grad(3 * loss, variables),
        torch.autograd.grad(3 * wanted, variables),
        strict=True,
    ):
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
@pytest.mark.parametrize("with_bias", [True, False])
def test_gradients_and_their_gradients_are_finite_differences(epsilon, with_bias):
    case = Case(with_bias)
    # Away from zero: to its left there are no weights to compare with.
    case.weights = torch.rand(ROWS, SOURCE, dtype=torch.float64) + 0.1
    variables = case.variables()

    def loss(*variables):
        return case.fused(epsilon, *variables)[0]

    assert torch.autograd.gradcheck(loss, variables)
    assert torch.autograd.gradgradcheck(loss, variables)


def test_a_gradient_by_a_zero_weight_is_the_slope_to_its_right():
    case = Case()
    variables = case.variables()
    loss, _ = case.fused(0.1, *variables)
    (slope,) = torch.autograd.grad(loss, case.weights)
    row, entry = (case.weights == 0).nonzero()[0].tolist()
    moved = case.weights.detach().clone()
    moved[row, entry] += 1e-7
    with torch.no_grad():
        difference = case.fused(0.1, *variables[:-1], moved)[0] - loss
    torch.testing.assert_close(slope[row, entry], difference / 1e-7, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("gate", [-300.0, 0.0, 300.0])
def test_what_is_all_but_impossible_stays_finite(gate):
    """A word that neither the vocabulary nor the source makes likely, in 32 bits."""
    features = torch.tensor([[1.0]], requires_grad=True)
    weight = torch.tensor([[200.0], [0.0], [-200.0]], requires_grad=True)
    gates = torch.tensor([gate], requires_grad=True)
    for weights in ([1.0, 0.0], [0.0, 1.0], [1e-30, 1.0]):
        mass = torch.tensor([weights], requires_grad=True)
        words = SourceWords(torch.tensor([[2, 1]]), mass, torch.ones(1, 2))
        loss, _ = copy_label_smoothed_cross_entropy(
            features, weight, None, torch.tensor([2]), 0.1, gates, words
        )
        gradients = torch.autograd.grad(loss, (features, weight, gates, mass))
        assert loss.isfinite()
        assert all(gradient.isfinite().all() for gradient in gradients)


MODELS = [
    {},
    {"no_input_feeding": True, "attn_normalizer": "sparsemax"},
    {"attn_normalizer": "fusedmax", "decoder_embed_dim": 8},
    {"decoder_embed_dim": 8, "share_decoder_input_output_embed": True},
]


@pytest.mark.parametrize("model_options", MODELS)
@pytest.mark.parametrize(
    "options", [{}, {"sentence_avg": True}, {"report_accuracy": True}, {"ignore_prefix_size": 1}]
)
def test_criterion_logs_and_trains_as_fairseqs(build, dictionary, batch, model_options, options):
    found = []
    for criterion in criterions(dictionary, **options):
        model = build(copy_attn=True, **model_options).double()
        # fairseq's logarithms are of 32 bits.
        loss, sample_size, logged = criterion(model, sample_of(batch))
        loss.backward()
        found.append((loss, sample_size, logged, {n: p.grad for n, p in model.named_parameters()}))
    (loss, size, logged, gradients), (wanted_loss, wanted_size, wanted_logged, wanted) = found
    assert loss.item() == pytest.approx(wanted_loss.item(), rel=1e-5)
    assert size == wanted_size
    assert logged.keys() == wanted_logged.keys()
    assert gradients["decoder.copy_gate.context_proj.weight"].any()
    for name in wanted:
        torch.testing.assert_close(gradients[name], wanted[name], rtol=1e-4, atol=1e-6)


def test_no_scores_are_kept(build, dictionary, batch, monkeypatch):
    model = build(copy_attn=True)
    monkeypatch.setattr(model.decoder, "output_layer", None)  # would make them all
    loss, *_ = criterions(dictionary)[0](model, sample_of(batch))
    assert loss.isfinite()


def test_a_model_learns_to_copy(build, dictionary, batch):
    """Targets that are words of the source, and no two sentences alike."""
    model = build(copy_attn=True, attn_normalizer="sparsemax", dropout=0.0).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    sample = sample_of(batch)
    gates = []
    for _ in range(60):
        source = torch.randint(4, 24, (8, 5))
        sample = {
            "net_input": {
                "src_tokens": source,
                "src_lengths": torch.full((8,), 5),
                "prev_output_tokens": torch.cat(
                    (torch.full((8, 1), batch.eos), source[:, :2]), dim=1
                ),
            },
            "target": source[:, :3],
            "ntokens": 24,
        }
        optimizer.zero_grad()
        loss, size, _ = criterions(dictionary)[0](model, sample)
        (loss / size).backward()
        optimizer.step()
        with torch.no_grad():
            gates.append(model(**sample["net_input"])[1]["copy"][0].sigmoid().mean().item())
    assert gates[-1] < 0.8 * gates[0]
