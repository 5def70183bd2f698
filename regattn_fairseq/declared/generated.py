"""The options that the maps' rules declare. Do not edit it: ``python -m regattn_fairseq.options.generate``."""

from regattn_fairseq.declared.option import Option

NORMALIZERS = {
    "softmax": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
    },
    "sparsemax": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
    },
    "fusedmax": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
        "lam": Option(name="lam", symbol="λ", description="how strongly neighbours are fused", low=0.0, low_included=True, learnable=True, default=0.3),
    },
    "oscarmax": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
        "lam": Option(name="lam", symbol="λ", description="how strongly positions anywhere are grouped", low=0.0, low_included=True, learnable=True, default=0.05),
    },
    "oscarmax_published": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
        "lam": Option(name="lam", symbol="λ", description="how strongly positions anywhere are grouped", low=0.0, low_included=True, learnable=True, default=0.05),
    },
    "pnormmax": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
        "p": Option(name="p", symbol="p", description="norm; 2 is sparsemax", low=1.0, high=2.0, high_included=True, default=1.5),
    },
    "entmax15": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
    },
    "entmax": {
        "alpha": Option(name="alpha", symbol="α", description="exponent; 1 is softmax, 2 is sparsemax", low=1.0, low_included=True, learnable=True, default=1.5),
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
    },
    "topk": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
        "k": Option(name="k", symbol="k", description="how many positions may get weight", low=1, low_included=True, integer=True, default=8),
    },
    "evsoftmax": {
        "gamma": Option(name="gamma", symbol="γ", description="strength of the regularization; small is sparse, large is flat", low=0.0, learnable=True, default=1.0),
    },
}
