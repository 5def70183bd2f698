"""The tasks that this plugin registers with fairseq."""

from regattn_fairseq.tasks.translation import RegattnTranslationConfig, RegattnTranslationTask

__all__ = ["RegattnTranslationConfig", "RegattnTranslationTask"]
