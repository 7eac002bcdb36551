"""The notice on paper: one HTML file that needs nothing else, in large type, to be read, signed and kept."""

from html import escape

from altgate.clock import to_text
from altgate.consent import notices
from altgate.registry.models import Notice
from altgate.texts import LANGUAGES

STYLE = """
@page { size: A4; margin: 18mm; }
body { font: 16pt/1.5 "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  color: #000; background: #fff; max-width: 44em; margin: 1em auto; padding: 0 1em; }
h1 { font-size: 26pt; line-height: 1.25; } h2 { font-size: 20pt; } h3 { font-size: 16pt; margin: 1em 0 0; }
h1, h2, h3 { break-after: avoid; } p, li, tr { break-inside: avoid; } p { margin: .3em 0; }
section + section { break-before: page; }
.code { font-size: 64pt; line-height: 1.2; letter-spacing: .15em; font-variant-numeric: tabular-nums; }
.hash { font-family: monospace; font-size: 12pt; overflow-wrap: anywhere; }
.box { border: 2pt solid #000; padding: .5em 1em; margin: 1em 0; break-inside: avoid; }
.sign { width: 100%; margin-top: 1em; } .sign th { text-align: left; font-weight: normal; width: 9em; }
.sign td { border-bottom: 1pt solid #000; height: 3em; }
@media print { body { margin: 0; max-width: none; padding: 0; } }
""".strip()


def html(building: str, notice: Notice) -> str:
    """The page for one building's notice, a part for each language."""
    parts = "\n".join(_part(building, notice, language) for language in LANGUAGES)
    title = f"{escape(building)} {notice.version}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n{parts}\n</body>\n</html>\n"
    )


def _part(building: str, notice: Notice, language: str) -> str:
    texts = {name: escape(text[language]) for name, text in notices.texts()["form"].items()}
    model = notices.model(notice)
    told = "\n".join(
        f"<h3>{escape(title)}</h3>\n<p>{escape(text)}</p>"
        for _, title, text in notices.sections(notice, language)
    )
    steps = "\n".join(f"<li>{escape(step)}</li>" for step in notices.steps(language))
    lines = "\n".join(f"<tr><th>{texts[name]}</th><td></td></tr>" for name in ("name", "signature", "date"))
    published = (to_text(notice.published_at) or "")[:10]
    return f"""<section lang="{language}">
<h1>{texts["title"]}</h1>
<p>{escape(building)} · {texts["version"]} {notice.version} · {texts["published"]} {published}</p>
<p class="box">{texts["choice"]}</p>
{told}
<h3>{texts["model"]}</h3>
<p>{escape(model["id"])} {escape(model["version"])}</p>
<h2>{texts["yes"]}</h2>
<ol>
{steps}
</ol>
<div class="box">
<p>{texts["code"]}</p>
<p class="code">{notices.code(notice)}</p>
<p>{texts["code_use"]}</p>
</div>
<h2>{texts["no"]}</h2>
<p>{texts["no_always"]}</p>
<p>{texts["hash"]}</p>
<p class="hash">{notice.sha256.hex()}</p>
<p>{texts["paper"]}</p>
<table class="sign">
{lines}
</table>
</section>"""
