"""The measured tables of docs/performance.md, between marks, and its plots."""

from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
PLOTS = DOCUMENT.parent / "plots"


def write_plot(name: str, text: str) -> None:
    """A file of docs/plots."""
    PLOTS.mkdir(exist_ok=True)
    (PLOTS / name).write_text(text, "utf-8")


def write(name: str, text: str) -> None:
    """Puts the text between the marks of that name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    document = DOCUMENT.read_text("utf-8")
    if document.count(begin) != 1 or document.count(end) != 1:
        raise SystemExit(f"{DOCUMENT.name} has no place for '{name}'")
    head, rest = document.split(begin)
    DOCUMENT.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}", "utf-8")
