"""The report of a door's check: one HTML file that needs nothing else, in both languages, to be signed."""

from dataclasses import dataclass
from html import escape

from altgate.consent.form import STYLE
from altgate.provision.access import Access
from altgate.provision.check import FAILED, About, Result
from altgate.texts import LANGUAGES, check_texts

MORE_STYLE = """
body { font-size: 11pt; } h1 { font-size: 20pt; } h2 { font-size: 14pt; }
table { border-collapse: collapse; width: 100%; } .rows td, .rows th { border-bottom: 1pt solid #888;
  text-align: left; vertical-align: top; padding: .2em .6em .2em 0; font-weight: normal; }
.rows td.failed { font-weight: bold; } .rows .tick { width: 2em; } .rows td:nth-child(2) { width: 7em; }
.rows .duty, .rows th { white-space: nowrap; } .rows .what { width: auto; }
.tick span { display: inline-block; width: 1em; height: 1em; border: 1pt solid #000; }
""".strip()


@dataclass(frozen=True)
class Report:
    """What a check found. ``fingerprint``: of the board's key; ``time``: as text."""

    access: Access
    about: About
    fingerprint: str
    time: str
    results: list[Result]


def html(report: Report) -> str:
    """The page. Whoever signs ticks what no board can know."""
    about, access = report.about, report.access
    facts = (
        ("building", access.building),
        ("door", f"{access.door_name} ({access.door_id})"),
        ("board", f"{about.board}, {about.hardware_id}"),
        ("key", report.fingerprint),
        ("firmware", f"{about.firmware} ({about.build})"),
        ("time", report.time),
    )
    head = "\n".join(
        f"<tr><th>{_both('word', name)}</th><td>{escape(value)}</td></tr>" for name, value in facts
    )
    parts = "\n".join(_row(result) for result in report.results)
    ticks = "\n".join(
        f'<tr><td class="tick"><span></span></td><td class="what">{_both("duty", duty)}</td>'
        f'<td class="duty">{_duty(duty)}</td></tr>'
        for duty in check_texts()["duty"]
    )
    lines = "\n".join(
        f"<tr><th>{_both('word', name)}</th><td></td></tr>" for name in ("name", "date", "signature")
    )
    title = _both("word", "title")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(access.door_name)}</title>
<style>
{STYLE}
{MORE_STYLE}
</style>
</head>
<body>
<h1>{title}</h1>
<table class="rows">
{head}
</table>
<h2>{_both("word", "parts")}</h2>
<table class="rows">
{parts}
</table>
<h2>{_both("word", "checklist")}</h2>
<table class="rows">
{ticks}
</table>
<table class="sign">
{lines}
</table>
</body>
</html>
"""


def _row(result: Result) -> str:
    remedy = f"<br>{_both('remedy', result.part)}" if result.state == FAILED else ""
    state = f'<td class="{result.state}">{_both("word", result.state)}</td>'
    return f"<tr><td>{_both('part', result.part)}</td>{state}<td>{escape(result.note)}{remedy}</td></tr>"


def _both(table: str, name: str) -> str:
    """A text in every language, one after the other."""
    texts = check_texts()[table][name]
    return " ".join(f'<span lang="{one}">{escape(texts[one])}</span>' for one in LANGUAGES)


def _duty(name: str) -> str:
    """The id under which the facts of law have it; what has none is plain safety."""
    return escape(name) if name.isupper() or any(letter.isdigit() for letter in name) else ""
