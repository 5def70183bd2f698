"""Sparse and structured attention for sequence-to-sequence models, as a fairseq plugin.

``fairseq-train --user-dir regattn_fairseq --arch regattn_lstm --attn-normalizer fusedmax``

Importing this package from fairseq (``--user-dir``), or after fairseq, registers its models,
architectures, tasks and criterions. Without fairseq in the process nothing is loaded, so that
:mod:`regattn_fairseq.normalizers` can be used alone and starts as fast as torch;
``import regattn_fairseq.models`` registers in any case.
"""

import sys

__version__ = "0.1.0"

if "fairseq" in sys.modules:
    from regattn_fairseq import criterions as criterions
    from regattn_fairseq import models as models
    from regattn_fairseq import tasks as tasks
