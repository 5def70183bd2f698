"""The layout of the page, in Gradio."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import gradio as gr

from regattn_fairseq.demo.admission import Admission, RefusedError
from regattn_fairseq.demo.panels import NORMALIZERS, attention_html, head_choices, scores_html
from regattn_fairseq.demo.sliders import OptionSlider, in_words, option_sliders
from regattn_fairseq.demo.systems import Desk
from regattn_fairseq.runs.task_facts import task_facts

# fusedmax pools the first two, oscarmax the fourth as well.
_START_SCORES = (1.2, 0.9, -0.3, 1.1, 0.1)

_ABOUT_SENTENCES = """\
Each model below was trained on the same text, with another map that turns the scores of attention
into weights. Choose an example or type a sentence, and see what each makes of it. In a heat map a
row is a word that the model wrote and a column a word that it read: the darker a cell, the larger
the weight; an **empty cell is exactly zero**.
"""
_ABOUT_SCORES = """\
Attention gives each word that is read a score x; a map turns the scores into weights
Π<sub>Ω</sub>(x) that sum to one. Drag the scores, and see how each map does it. **Letters mark
scores that were fused**, so that their weights are equal: fusedmax fuses neighbours, oscarmax any
of similar size. max<sub>Ω</sub> is the regularized maximum, whose gradient the weights are.
"""

_templates = files(__package__).joinpath("templates")
CSS = _templates.joinpath("page.css").read_text(encoding="utf-8")

# Only fonts of the reader's machine, so that the browser downloads none; and colours that differ
# from their background as much as WCAG's level AA asks for.
THEME = gr.themes.Base(
    font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], primary_hue="purple"
).set(
    color_accent="*primary_700",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_400",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_400",
)


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
    sliders = option_sliders(
        [system.translator.normalizer.name for desk in desks for system in desk.systems],
        [trained for desk in desks for trained in desk.trained],
    )

    def write(
        request: gr.Request,
        corpus: str,
        text: str,
        second: str,
        options: dict[str, float],
        head: Sequence[str],
    ) -> str:
        try:
            address = _address(request)
            line, other = (admission.admit(address, each or "") for each in (text, second))
            if not line:
                return "<p>Type a sentence first.</p>"
            if corpus not in by_name:
                raise RefusedError(f"There is no model for {corpus!r}.")
            chosen = "".join(each or "" for each in head)
            return attention_html(
                *(
                    [panel.of_head(chosen) for panel in by_name[corpus].write(each, **options)]
                    for each in (line, other)
                    if each
                )
            )
        except ValueError as error:
            raise _shown(error) from error

    def asked(values: Sequence[Any]) -> tuple[str, dict[str, float], Sequence[str]]:
        """The second sentence, the options by name, and the head where there is a choice."""
        options, others = values[: len(sliders)], values[len(sliders) :]
        named = zip(sliders, _numbers(options), strict=True)
        return others[-1], {slider.option: value for slider, value in named}, others[:-1]

    def translate(request: gr.Request, text: str, corpus: str, trained: bool, *values: Any) -> str:
        second, options, head = asked(values)
        return write(request, corpus, text, second, {} if trained else options, head)

    def change(request: gr.Request, text: str, corpus: str, *values: Any) -> str:
        return translate(request, text, corpus, False, *values)

    def starts(desk: Desk) -> list[float]:
        return [slider.start_of(desk.trained) for slider in sliders]

    def choose(corpus: str) -> tuple[Any, ...]:
        desk = by_name.get(corpus, desks[0])
        choices = head_choices(desk.heads)
        return (
            desk.examples[0] if desk.examples else "",
            gr.update(value=task_facts(desk.task).action),
            gr.Dataset(samples=[[each] for each in desk.examples]),
            *starts(desk),
            *(gr.update(choices=choices, value="") for _ in heads),
        )

    first = desks[0]
    gr.Markdown(_ABOUT_SENTENCES)
    corpus = gr.Dropdown(
        list(by_name), value=first.name, label="Trained on", visible=len(desks) > 1
    )
    with gr.Row():
        text = gr.Textbox(
            first.examples[0] if first.examples else "",
            label="Source sentence",
            info=f"at most {admission.max_characters} characters",
            lines=2,
            elem_id="source",
        )
        second = gr.Textbox(
            "",
            label="Another one, to compare",
            info="empty for none",
            lines=2,
            elem_id="second",
        )
    examples = gr.Dataset(
        components=[text],
        samples=[[each] for each in first.examples],
        label="Examples, from the test set",
        elem_id="examples",
    )
    with gr.Row():
        at = zip(sliders, starts(first), strict=True)
        options = [_option(slider, start, slider.option) for slider, start in at]
        symbols = in_words([slider.symbol for slider in sliders])
        trained = gr.Checkbox(True, label=f"{symbols} as trained")
    heads = []
    if any(desk.heads for desk in desks):
        choices = head_choices(first.heads)
        heads = [gr.Dropdown(choices, value="", label="Attention of a head", elem_id="head")]
    button = gr.Button(task_facts(first.task).action, variant="primary", elem_id="translate")
    shown = gr.HTML(elem_id="attention")

    unchanged = [gr.skip()] * len(sliders)
    together: dict[str, Any] = {
        "concurrency_limit": 1,
        "concurrency_id": "models",
        # While a slider moves, only its last position is computed.
        "trigger_mode": "always_last",
    }
    chosen = examples.click(
        lambda sample: sample[0], examples, text, api_visibility="private", queue=False
    )
    asked_for = [text, corpus, trained, *options, *heads, second]
    inputs = [button.click, text.submit, second.submit, trained.input]
    translated = gr.on(
        [*inputs, *(head.input for head in heads)],
        translate,
        asked_for,
        shown,
        api_name="translate",
        **together,
    )
    example_translated = chosen.success(
        translate, asked_for, shown, api_visibility="private", **together
    )
    changed = gr.on(
        [option.input for option in options],
        change,
        [text, corpus, *options, *heads, second],
        shown,
        api_visibility="private",
        **together,
    )
    # Not with the answer, which may come after the reader has checked the box again.
    gr.on(
        [option.input for option in options],
        None,
        None,
        trained,
        js="() => false",
        api_visibility="private",
    )
    _clear_after_failure(shown, translated, example_translated, changed)
    trained.input(
        lambda corpus, trained: starts(by_name.get(corpus, first)) if trained else unchanged,
        [corpus, trained],
        options,
        api_visibility="private",
        queue=False,
    )
    corpus.input(
        choose,
        corpus,
        [text, button, examples, *options, *heads],
        api_visibility="private",
        queue=False,
    )


def _scores() -> None:
    sliders = option_sliders(NORMALIZERS, length=len(_START_SCORES))

    def show(*values: float) -> str:
        scores, options = values[: len(_START_SCORES)], values[len(_START_SCORES) :]
        try:
            named = zip(sliders, _numbers(options), strict=True)
            return scores_html(
                _numbers(scores), **{slider.option: value for slider, value in named}
            )
        except ValueError as error:
            raise _shown(error) from error

    gr.Markdown(_ABOUT_SCORES)
    with gr.Row():
        scores = [
            gr.Slider(-3, 3, value, step=0.01, label=f"x{position}", elem_id=f"x{position}")
            for position, value in enumerate(_START_SCORES, start=1)
        ]
    with gr.Row():
        options = [_option(slider, slider.start, f"score-{slider.option}") for slider in sliders]
    inputs = [*scores, *options]
    start = {slider.option: slider.start for slider in sliders}
    shown = gr.HTML(scores_html(_START_SCORES, **start), elem_id="weights")
    moved = gr.on(
        [slider.input for slider in inputs],
        show,
        inputs,
        shown,
        api_name="scores",
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_limit=1,
        concurrency_id="scores",
    )
    _clear_after_failure(shown, moved)


def _option(slider: OptionSlider, start: float, name: str) -> Any:
    """A control for an option; its value is a number."""
    if not slider.stops:
        return gr.Slider(
            slider.low, slider.high, start, step=slider.step, label=slider.label, elem_id=name
        )
    return gr.HTML(
        start,
        label=slider.label,
        html_template=_templates.joinpath("log_slider.html").read_text(encoding="utf-8"),
        js_on_load=_templates.joinpath("log_slider.js").read_text(encoding="utf-8"),
        stops=slider.stops,
        elem_id=name,
        container=True,
        min_width=200,
    )


def _clear_after_failure(shown: gr.HTML, *events: Any) -> None:
    """Have an answer go when the next request fails: it is none to that request."""
    for event in events:
        event.failure(None, None, shown, js="() => ''", api_visibility="private")


def _numbers(values: Sequence[Any]) -> list[float]:
    if any(not isinstance(value, int | float) or abs(value) > 1e6 for value in values):
        raise _shown(RefusedError("Scores and options must be numbers."))
    return list(values)


def _shown(error: ValueError) -> gr.Error:
    """An error that the page shows until the reader closes it."""
    return gr.Error(str(error), duration=None, print_exception=False)


def _address(request: gr.Request | None) -> str:
    client = getattr(request, "client", None)
    return client.host if client is not None else "unknown"
