"""The console commands: ``@hydra.main`` around a stage, and errors in one line."""

import logging
import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from regattn_fairseq import interruption, sweep
from regattn_fairseq.guests.fairseq import ignore_warnings
from regattn_fairseq.guests.imports import import_lightly
from regattn_fairseq.guests.system import shorten_spinning
from regattn_fairseq.options import command_line, config
from regattn_fairseq.pipeline.training import distributed
from regattn_fairseq.runs.errors import one_line

# Here and not in the commands: a launcher's worker processes import this module, and no more.
config.register()

# A variable of the environment, since a launcher's worker processes are to know, too.
_DEBUG = "REGATTN_DEBUG"


def preprocess() -> None:
    """``regattn-preprocess``: corpus to data-bin."""

    def stage(cfg: DictConfig) -> None:
        from regattn_fairseq.pipeline.preprocess import preprocess as preprocess_stage

        preprocess_stage(cfg)

    _main("preprocess", stage)


def train() -> None:
    """``regattn-train``: data-bin to checkpoints."""

    def stage(cfg: DictConfig) -> None:
        from regattn_fairseq.pipeline.train import train as train_stage

        train_stage(cfg)

    _main("train", stage)


def evaluate() -> None:
    """``regattn-evaluate``: checkpoint to hypotheses and ``result.json``."""

    def stage(cfg: DictConfig) -> None:
        from regattn_fairseq.pipeline.evaluate import evaluate as evaluate_stage

        evaluate_stage(cfg)

    _main("evaluate", stage)


def run() -> None:
    """``regattn-run``: preprocess, train and evaluate."""
    _main("run", _run)


def _run(cfg: DictConfig) -> sweep.Score:
    from regattn_fairseq.pipeline.evaluate import score
    from regattn_fairseq.pipeline.run import run as run_stages

    return score(run_stages(cfg))


def report() -> None:
    """``regattn-report``: finished runs to tables, figures and a page."""

    def stage(cfg: DictConfig) -> None:
        from regattn_fairseq.report import build_report, render_terminal
        from regattn_fairseq.runs.export import export_runs

        reuse = [Path(folder) for folder in cfg.reuse]
        if cfg.export is not None:
            print(export_runs([Path(cfg.runs_dir), *reuse], Path(cfg.export)))
            return
        made = build_report(
            Path(cfg.runs_dir),
            Path(cfg.output_dir),
            reuse=reuse,
            header=cfg.header,
            sentences=cfg.sentences,
            baseline=cfg.baseline,
            pdf=cfg.pdf,
        )
        render_terminal(made)

    _main("report", stage)


def demo() -> None:
    """``regattn-demo``: finished runs on a local page."""

    def stage(cfg: DictConfig) -> None:
        from regattn_fairseq.demo import serve

        serve(cfg)

    _main("demo", stage)


def reproduce() -> None:
    """``regattn-reproduce``: the paper's tables and figures."""
    command = shlex.join(["regattn-reproduce", *sys.argv[1:]])
    sys.argv[1:] = map(_target, sys.argv[1:])
    if sum(argument.startswith("reproduce=") for argument in sys.argv) > 1:
        sys.exit("error: name one table or figure at a time")

    def stage(cfg: DictConfig) -> None:
        from regattn_fairseq.reproduce import reproduce as reproduce_stage

        print(reproduce_stage(cfg, command=command, run=_guarded(_run)))

    _main("reproduce", stage)


def _target(argument: str) -> str:
    """The option that a user's ``table=1`` or ``figure=2`` stands for.

    >>> [_target(written) for written in ("table=1", "table=bleu", "corpora=real")]
    ['reproduce=table1', 'reproduce=bleu', 'corpora=real']
    """
    named = re.sub(r"^table=([a-z]\w*)$", r"reproduce=\1", argument)
    return re.sub(r"^(table|figure)=(\w+)$", r"reproduce=\1\2", named)


def _main(root: str, stage: Callable[[DictConfig], Any]) -> None:
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    if len(arguments) < len(sys.argv) - 1:
        os.environ[_DEBUG] = "1"
    try:
        if "--version" in arguments:
            print(command_line.version())
            sys.stdout.flush()
            return
        _set_up_libraries()
        _set_up_messages()
        command_line.run(root, _guarded(stage), arguments)
    except KeyboardInterrupt as interrupt:
        done = f" ({interrupt})" if str(interrupt) else ""
        print(f"interrupted{done}; the same command goes on from here", file=sys.stderr)
        sys.exit(interruption.exit_status(interrupt))
    except Exception as error:
        interruption.end_if_nobody_reads(error)
        if _DEBUG in os.environ:
            raise
        print(f"error: {command_line.explain(error, root, arguments)}", file=sys.stderr)
        sys.exit(1)


def _guarded(stage: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """A stage whose errors end the process in one line; a job of a sweep returns them instead."""

    def guarded(cfg: DictConfig) -> Any:
        # Again, since this may be a launcher's worker process.
        _set_up_libraries()
        _set_up_messages()
        try:
            interruption.raise_on_sigterm()
            config.import_user_code(cfg)
            returned = stage(cfg)
            distributed.leave()
            return returned
        except KeyboardInterrupt as interrupt:
            if sweep.in_sweep():
                return sweep.stopped(interrupt)
            raise
        except Exception as error:
            if not sweep.in_sweep():
                interruption.end_if_nobody_reads(error)
            if _DEBUG in os.environ:
                raise
            if isinstance(error, OmegaConfBaseException):
                reason = command_line.bad_value(error)
            else:
                reason = one_line(error, more=" (--debug shows where)")
            print(f"error: {reason}", file=sys.stderr)
            if sweep.in_sweep():
                # An exception would end the other jobs too.
                return sweep.record_failure(error, reason)
            sys.exit(1)

    return guarded


def _set_up_libraries() -> None:
    """Prepare for torch and fairseq, which a stage imports when it begins its work."""
    shorten_spinning()
    import_lightly(config.FAIRSEQ_MODULES)


def _set_up_messages() -> None:
    """Show the package's own messages, and warnings; fairseq's go to the run's train.log."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(
        lambda record: (
            record.name.startswith("regattn_fairseq")
            # It logs the traceback of an error that it raises as well.
            or (record.levelno >= logging.WARNING and record.name != "fairseq.checkpoint_utils")
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    ignore_warnings()
