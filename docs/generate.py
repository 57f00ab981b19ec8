"""Write the generated pages: docs/actions.md, coverage.md, faults.md, settings.md, jobs.md and the table in README.md.

`python docs/generate.py` writes them; tests/test_map.py calls `pages()` and compares.
"""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path

import msgspec

from keystead.app import PRODUCTS_SHOWN
from keystead.gate.registry import Effect
from keystead.gate.render import GATEWAY_FAULTS, INTERNAL
from keystead.schedule.jobs import HANDLERS, SERVED_HANDLERS
from keystead.settings import Settings

ROOT = Path(__file__).parents[1]
NOTE = "<!-- written by docs/generate.py (make docs); do not edit -->\n"
BEGIN, END = "<!-- supported: begin -->", "<!-- supported: end -->"
EFFECTS = {
    Effect.READ: "reads",
    Effect.WRITE: "changes, in one commit with its record",
    Effect.COMPUTE: "computes",
}


def actions_page() -> str:
    """Every action served, where it is defined and what it does."""
    lines = [NOTE, "# Actions\n"]
    for product in PRODUCTS_SHOWN:
        lines.append(f"\n## {product.code} {product.version}\n")
        lines.append("| action | effect | parameters (`*` required) | promise | defined in |")
        lines.append("|---|---|---|---|---|")
        for action in sorted(product.actions.values(), key=lambda action: action.name):
            names = ", ".join(f"{field.wire}{'*' if field.required else ''}" for field in action.plan) or "none"
            promise = (inspect.getdoc(action.handler) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            module = action.where.rsplit(":", 1)[0]
            lines.append(f"| {action.name} | {EFFECTS[action.effect]} | {names} | {promise} | `{module}` |")
    return "\n".join(lines) + "\n"


def faults_page() -> str:
    """Every refusal: the gate's in order of precedence, then each product's own."""
    lines = [NOTE, "# Faults\n", "When several things are wrong with a request, the first row that applies is answered.\n"]
    tables = [("The gate, for every product", (*GATEWAY_FAULTS, INTERNAL))]
    tables += [(f"{product.code} {product.version}", product.faults) for product in PRODUCTS_SHOWN]
    for title, rows in tables:
        lines += [f"\n## {title}\n", "| code | status | message | means |", "|---|---|---|---|"]
        for row in rows:
            meaning = (inspect.getdoc(row.fault) or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            message = row.message or "says what exactly"
            lines.append(f"| {row.code} | {row.status} | {message} | {meaning} |")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """Every setting with its default and meaning, read from the struct's own source."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    meanings: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            meanings[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    lines = [
        NOTE,
        "# Settings\n",
        "In the TOML file given by `--config`, or as flags of `keystead serve`; a flag wins. An unknown key stops the start.\n",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for info in msgspec.structs.fields(Settings):
        lines.append(f"| `{info.name}` | `{json.dumps(info.default)}` | {meanings[info.name]} |")
    return "\n".join(lines) + "\n"


def jobs_page() -> str:
    """Every kind of job the scheduler does."""
    lines = [NOTE, "# Jobs\n", "Done once each, in order of their due time, also after an outage.\n"]
    lines += ["| kind | what is done |", "|---|---|"]
    for kind, handler in sorted({**HANDLERS, **SERVED_HANDLERS}.items()):
        promise = (inspect.getdoc(handler) or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"| {kind} | {promise} |")
    return "\n".join(lines) + "\n"


def coverage_page() -> str:
    """Every action of the official KMS SDK: whether it is served, and whether each generation of the SDK was seen to call it."""
    inventory = json.loads((ROOT / "tests" / "vectors" / "inventory.json").read_text())["products"]["kms"]
    seen = json.loads((ROOT / "tests" / "vectors" / "sdk-evidence.json").read_text())
    served = next(product.actions for product in PRODUCTS_SHOWN if product.code == "kms")
    lines = [
        NOTE,
        "# Coverage of KMS 2016-01-20\n",
        "The actions that alibabacloud-kms20160120 3.3.1 knows. V2 is that SDK, V1 is aliyun-python-sdk-kms: *yes* where a test",
        "calls the action through it, unmodified, and is served; a code where the call is refused by design; *n/a* where the SDK",
        "has no such action. tests/wire/test_every_key_action.py makes the calls and fails where they come to anything else than",
        "this page says. Docs: the action's parameters and promise are in [actions.md](actions.md).\n",
    ]
    rows = []
    for name in sorted(inventory):
        there = "yes" if name in served else "no"
        by = [{"served": "yes"}.get(seen[sdk].get(name, "no"), seen[sdk].get(name, "no")) for sdk in ("v2", "v1")]
        rows.append(f"| {name} | {there} | {by[0]} | {by[1]} | {there} |")
    done = sum(name in served for name in inventory)
    lines.append(f"{done} of {len(inventory)} are served.\n")
    lines += ["| action | implemented | V2 | V1 | docs |", "|---|---|---|---|---|", *rows]
    return "\n".join(lines) + "\n"


def supported_table() -> str:
    """The README's table: how much of each product is served, of what the official SDK knows."""
    vectors = ROOT / "tests" / "vectors"
    inventory = json.loads((vectors / "inventory.json").read_text())["products"]
    inventory["dkms"] = json.loads((vectors / "dkms-gcs.json").read_text())["operations"]
    lines = ["| product | version | actions served | of the SDK's | names |", "|---|---|---|---|---|"]
    for product in PRODUCTS_SHOWN:
        names = ", ".join(sorted(product.actions))
        known = len(inventory[product.code])
        lines.append(f"| {product.code} | {product.version} | {len(product.actions)} | {known} | {names} |")
    return "\n".join(lines)


def readme() -> str:
    """README.md with its table as it should be."""
    text = (ROOT / "README.md").read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n{supported_table()}\n{END}{tail}"


def pages() -> dict[str, str]:
    """Give each generated file's path from the root and the text it must have."""
    return {
        "docs/actions.md": actions_page(),
        "docs/faults.md": faults_page(),
        "docs/settings.md": settings_page(),
        "docs/jobs.md": jobs_page(),
        "docs/coverage.md": coverage_page(),
        "README.md": readme(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).write_text(text)
