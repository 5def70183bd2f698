"""The layout of the page, in Gradio."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import gradio as gr

from regattn_fairseq.demo.admission import Admission, RefusedError
from regattn_fairseq.demo.panels import (
    NORMALIZERS,
    OptionSlider,
    attention_html,
    head_choices,
    in_words,
    option_sliders,
    scores_html,
)
from regattn_fairseq.demo.systems import Desk
from regattn_fairseq.pipeline.evaluation.normalizers import trained_options
from regattn_fairseq.runs.task_facts import task_facts

_START_SCORES = (1.2, 0.9, 0.8, -0.3, 0.1)

# Only fonts of the reader's machine, so that the browser downloads none.
THEME = gr.themes.Base(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], primary_hue="purple"
)
CSS = files(__package__).joinpath("templates", "page.css").read_text(encoding="utf-8")


def build_page(desks: list[Desk], admission: Admission) -> gr.Blocks:
    """Lay out the page for these models.

    Args:
        desks: the models of each corpus, at least one.
        admission: limits on requests.
    """
    with gr.Blocks(title="Regularized attention", analytics_enabled=False) as page:
        gr.Markdown("# Regularized attention")
        with gr.Tab("Sentences"):
            _sentences(desks, admission)
        with gr.Tab("Scores"):
            _scores()
    # If 64 requests are waiting, the next one is refused with a message.
    page.queue(max_size=64, default_concurrency_limit=1)
    return page


def _sentences(desks: list[Desk], admission: Admission) -> None:
    by_name = {desk.name: desk for desk in desks}
    normalizers = [system.translator.normalizer for desk in desks for system in desk.systems]
    sliders = option_sliders(
        [normalizer.name for normalizer in normalizers], map(trained_options, normalizers)
    )

    def write(
        text: str, corpus: str, options: dict[str, float], head: Sequence[str], request: gr.Request
    ) -> str:
        try:
            line = admission.admit(_address(request), text or "")
            if not line:
                return "<p>Type a sentence first.</p>"
            if corpus not in by_name:
                raise RefusedError(f"There is no model for {corpus!r}.")
            panels = by_name[corpus].write(line, **options)
            return attention_html(
                [panel.of_head("".join(each or "" for each in head)) for panel in panels]
            )
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def named(values: Sequence[Any]) -> tuple[dict[str, float], Sequence[str]]:
        """The options by name, and the head, where there is a choice of heads."""
        options = zip(sliders, values, strict=False)
        return {slider.option: value for slider, value in options}, values[len(sliders) :]

    def translate(request: gr.Request, text: str, corpus: str, trained: bool, *values: Any) -> str:
        options, head = named(values)
        return write(text, corpus, {} if trained else options, head, request)

    def change(request: gr.Request, text: str, corpus: str, *values: Any) -> tuple[bool, str]:
        return False, write(text, corpus, *named(values), request)

    def choose(corpus: str) -> tuple[Any, ...]:
        desk = by_name.get(corpus, desks[0])
        updates = gr.update(value=desk.example), gr.update(value=task_facts(desk.task).action)
        choices = head_choices(desk.heads)
        return *updates, *(gr.update(choices=choices, value="") for _ in heads)

    first = desks[0]
    corpus = gr.Dropdown(
        list(by_name), value=first.name, label="Trained on", visible=len(desks) > 1
    )
    text = gr.Textbox(
        first.example,
        label="Source sentence",
        info=f"at most {admission.max_characters} characters",
        lines=2,
        elem_id="source",
    )
    with gr.Row():
        options = [_option(slider, elem_id=slider.option) for slider in sliders]
        symbols = in_words([slider.symbol for slider in sliders])
        trained = gr.Checkbox(True, label=f"{symbols} as trained")
    heads = []
    if any(desk.heads for desk in desks):
        choices = head_choices(first.heads)
        heads = [gr.Dropdown(choices, value="", label="Attention of a head", elem_id="head")]
    button = gr.Button(task_facts(first.task).action, variant="primary", elem_id="translate")
    shown = gr.HTML(elem_id="attention")

    together: dict[str, Any] = {
        "concurrency_limit": 1,
        "concurrency_id": "models",
        # While a slider moves, only its last position is computed.
        "trigger_mode": "always_last",
    }
    gr.on(
        [button.click, text.submit, trained.input, *(head.input for head in heads)],
        translate,
        [text, corpus, trained, *options, *heads],
        shown,
        api_name="translate",
        **together,
    )
    gr.on(
        [option.input for option in options],
        change,
        [text, corpus, *options, *heads],
        [trained, shown],
        api_visibility="private",
        **together,
    )
    corpus.input(choose, corpus, [text, button, *heads], api_visibility="private", queue=False)


def _scores() -> None:
    sliders = option_sliders(NORMALIZERS)

    def show(*values: float) -> str:
        scores, options = values[: len(_START_SCORES)], values[len(_START_SCORES) :]
        try:
            if any(not isinstance(value, int | float) or abs(value) > 1e6 for value in values):
                raise RefusedError("Scores and options must be numbers.")
            named = zip(sliders, options, strict=True)
            return scores_html(scores, **{slider.option: value for slider, value in named})
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    gr.Markdown(
        "Drag the scores: each normalizer turns them into weights Π<sub>Ω</sub>(x) that sum to "
        "one. Letters mark positions that were pooled into one."
    )
    with gr.Row():
        scores = [
            gr.Slider(-3, 3, value, step=0.01, label=f"x{position}", elem_id=f"x{position}")
            for position, value in enumerate(_START_SCORES, start=1)
        ]
    with gr.Row():
        options = [_option(slider) for slider in sliders]
    inputs = [*scores, *options]
    start = {slider.option: slider.start for slider in sliders}
    shown = gr.HTML(scores_html(_START_SCORES, **start), elem_id="weights")
    gr.on(
        [slider.input for slider in inputs],
        show,
        inputs,
        shown,
        api_name="scores",
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_limit=2,
        concurrency_id="scores",
    )


def _option(slider: OptionSlider, **more: Any) -> gr.Slider:
    return gr.Slider(
        slider.low, slider.high, slider.start, step=slider.step, label=slider.label, **more
    )


def _address(request: gr.Request | None) -> str:
    client = getattr(request, "client", None)
    return client.host if client is not None else "unknown"
