"""The reference of error reasons: one page made from `lse.reasons`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from lse.reasons import REASONS

__all__ = ["write_reasons"]

_OPENING = """# Error reasons

Every error of the services, the client and the library carries a canonical gRPC code, one sentence for people, and a
reason for programs, which is `ErrorInfo.reason` in the API and `LseError.reason` in Python. A reason names its subject
first and then what is wrong with it. It has one code and keeps its meaning from release to release; sentences may
change. The metadata may have the keys in the last column. The reasons of rejected images are among these.
"""


def write_reasons(page: Path) -> None:
    """Write the page."""
    lines = [_OPENING]
    for code, reasons in groupby(REASONS.values(), key=lambda reason: reason.code):
        lines.append(f"\n## {code}\n\n| reason | when | metadata |\n|---|---|---|")
        lines += [f"| `{r.name}` | {r.summary} | {', '.join(f'`{key}`' for key in r.metadata)} |" for r in reasons]
    page.write_text("\n".join(lines) + "\n")
