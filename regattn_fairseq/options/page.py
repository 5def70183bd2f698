"""Writes the page of all choices and options, ``docs/options.md``.

``python -m regattn_fairseq.options.page > docs/options.md``
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict, read_write

from regattn_fairseq.options import config
from regattn_fairseq.options.choices import CONFIGS, groups, offered
from regattn_fairseq.options.comments import comments, with_those_below
from regattn_fairseq.options.generated import GROUPS
from regattn_fairseq.options.index import (
    Entry,
    describe_choice,
    describe_group,
    entries,
    entries_of_class,
)

_INTRO = """\
# All choices and options

Options are written `option=value`, and choices `group=choice`, such as
`regattn-run normalizer=fusedmax normalizer.lam=0.1`. `--help` of a command shows those to begin
with, `--help-all` all that it can use; this page has those of all commands. It is made from the
same texts, by `python -m regattn_fairseq.options.page`. fairseq's own options stand here under its
own names, with its own descriptions; [fairseq's options](fairseq_options.md) says which are
refused, and why.

| command | reads |
|---|---|
| `regattn-preprocess` | [`data`](#options-of-data), `cache_dir`, `preprocess_workers` |
| `regattn-train` | all but `evaluation` and `generation` |
| `regattn-evaluate` | the folders, [`evaluation`](#options-of-evaluation), \
[`generation`](#options-of-generation) and [`alignment`](#options-of-alignment); \
the others only say which run it is |
| `regattn-run` | all |
| `regattn-report` | [its own](#options-of-regattn-report) |
| `regattn-demo` | [its own](#options-of-regattn-demo) |
| `regattn-reproduce` | [its own](#options-of-regattn-reproduce) |

Where the default is *as* another option, it is that other one that you set.
"""

_ROOTS = ("report", "demo", "reproduce")
_TABLE = ["", "| option | type | default | what |", "|---|---|---|---|"]
_FEW = 4
# Groups whose choices set options of other nodes.
_NO_OPTIONS = ("experiment", "sweep", "engine", "tracking", "reproduce")


def page() -> str:
    """The content of ``docs/options.md``."""
    config.register()
    lines = [*_INTRO.splitlines(), "", "## Choices"]
    for group in groups():
        if group != "reproduce":
            lines += _choices(group)
    lines += ["", "## Options of preprocessing, training and evaluation"]
    for node, found in _by_node(_of_runs()):
        title = f"Options of {node}" if node else "Folders and seed"
        lines += ["", f"### {title}", *_TABLE, *map(_row, found)]
    for root in _ROOTS:
        lines += ["", f"## Options of regattn-{root}", *_TABLE]
        lines += [_row(each, above=f"{root}.") for each in _of_root(root) if each.description]
    return "\n".join(lines) + "\n"


def _choices(group: str) -> Iterator[str]:
    yield from ("", f"### {group}=…", "")
    yield f"{_capital(describe_group(group))}."
    yield from ("", "| choice | what |", "|---|---|")
    for choice in offered(group):
        yield f"| `{group}={choice}` | {_cell(describe_choice(group, choice))} |"


def _of_runs() -> list[Entry]:
    """The options of ``regattn-run``, and those that it has only with another choice."""
    cfg, choices = _composed("run")
    found = {each.name: each for each in entries("run", cfg, choices)}
    for group, classes in GROUPS.items():
        for choice, declared in classes.items():
            for each in entries_of_class(group, declared, cfg, choices):
                found.setdefault(each.name, _only_with(each, f"{group}={choice}"))
    for choice, file in comments().items():
        group = choice.partition("=")[0]
        commented = {name for name, comment in file.options.items() if comment}
        if group in groups() and group not in _NO_OPTIONS and commented - found.keys():
            experiment = ["experiment=entailment"] if "entailment" in choice else []
            for each in entries("run", *_composed("run", *experiment, choice)):
                if each.name.startswith(f"{group}."):
                    found.setdefault(each.name, _only_with(each, _having(each.name, group)))
    known = {name: each for name, each in found.items() if each.description}
    # One that follows another that cannot be set is not to be set either.
    return [each for each in known.values() if not each.follows or each.follows in known]


def _having(name: str, group: str) -> str:
    """The choices of a group that have an option."""
    known = offered(group)
    having = [each for each in known if name in _files(f"{group}={each}")]
    return f"{group}={','.join(having)}" if len(having) <= _FEW else f"{group}=…"


def _files(choice: str) -> set[str]:
    return {name for file in with_those_below((choice,)) for name in comments()[file].options}


def _only_with(each: Entry, choice: str) -> Entry:
    said = each.description and f"with `{choice}`: {each.description}"
    return replace(each, description=said)


def _of_root(root: str) -> Iterable[Entry]:
    found = {each.name: each for each in entries(root, *_composed(root))}
    if root == "reproduce":
        for each in entries(root, *_composed(root, "reproduce=figure2")):
            found.setdefault(each.name, _only_with(each, "figure=2"))
    return found.values()


def _by_node(found: Sequence[Entry]) -> Iterator[tuple[str, list[Entry]]]:
    def node(each: Entry) -> str:
        return each.name.partition(".")[0] if "." in each.name else ""

    order = list(dict.fromkeys(map(node, found)))
    ordered = sorted(found, key=lambda each: order.index(node(each)))
    for name, within in groupby(ordered, node):
        yield name, list(within)


def _row(each: Entry, above: str = "") -> str:
    follows = f"as [`{each.follows}`](#{each.follows}), " if each.follows else ""
    default = "–" if each.default in ("null", "…") else f"`{_cell(each.default)}`"
    shown = follows.rstrip(", ") if follows and default == "–" else follows + default
    name = f'<a id="{above}{each.name}"></a>`{each.name}`'
    return f"| {name} | {each.kind} | {shown} | {_cell(each.description)} |"


def _cell(text: str) -> str:
    text = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return re.sub(r"docs/(\w+)\.md", r"[\1](\1.md)", text)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _composed(root: str, *overrides: str) -> tuple[DictConfig, dict[str, str]]:
    """A command's configuration without Hydra's node, and its choices."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose(root, overrides=list(overrides), return_hydra_config=True)
    choices = {k: v for k, v in cfg.hydra.runtime.choices.items() if not k.startswith("hydra/")}
    with read_write(cfg), open_dict(cfg):
        del cfg["hydra"]
    return cfg, choices


if __name__ == "__main__":
    print(page(), end="")
