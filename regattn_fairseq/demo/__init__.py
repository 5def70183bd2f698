"""A local web page that shows the output of trained models, and their attention.

The page needs the extra ``demo``. Importing this package does not.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from pathlib import Path

from omegaconf import DictConfig

from regattn_fairseq.guests.system import quiet_gradio
from regattn_fairseq.installation import how_to_install
from regattn_fairseq.runs.errors import PipelineError

logger = logging.getLogger(__name__)


def serve(cfg: DictConfig) -> None:
    """Load the runs, and answer requests until interrupted.

    Args:
        cfg: as composed from ``demo.yaml``.

    Raises:
        PipelineError: Gradio is not installed, an option is bad, the port is taken, or no run can
            be shown.
    """
    if importlib.util.find_spec("gradio") is None:
        raise PipelineError(
            f"regattn-demo needs a package that is not installed: {how_to_install('demo')}"
        )
    for option in ("max_models", "max_characters", "requests_per_minute"):
        if cfg[option] < 1:
            raise PipelineError(f"{option} is {cfg[option]}; choose 1 or more")
    quiet_gradio()
    from regattn_fairseq.demo import server
    from regattn_fairseq.demo.admission import Admission
    from regattn_fairseq.demo.page import build_page
    from regattn_fairseq.demo.systems import load_desks

    listener = server.listen(cfg.host, cfg.port)
    with listener:
        desks = load_desks(Path(cfg.runs_dir), cfg.max_models, Path(cfg.cache_dir))
        # While the page is built, and before the reader asks, the kernels are loaded, or compiled.
        threading.Thread(target=desks[0].warm_up).start()
        page = build_page(desks, Admission(cfg.max_characters, cfg.requests_per_minute))
        server.answer(page, listener, cfg.host)
