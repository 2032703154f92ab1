"""Model cards: what a model is for and how it was made, with named gaps for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sknemg.pages import RESEARCH_ONLY

GAP = "**Not stated.**"


def minimal_card(config: Mapping[str, Any]) -> str:
    """Write the card of a model of which nothing is known but the model itself.

    Parameters
    ----------
    config : mapping
        What ``config.json`` holds.

    Returns
    -------
    str
        Markdown with the front matter of the Hugging Face hub.
    """
    takes = config["input"]
    lines = [
        "---",
        "library_name: sknemg",
        "tags: [electromyography, needle-emg, sknemg]",
        "---",
        "",
        "# Model of needle EMG",
        "",
        RESEARCH_ONLY,
        "",
        f"It takes recordings in {takes['unit']}"
        + ("" if takes["sfreq"] is None else f", brought to {takes['sfreq']:g} Hz")
        + f", and answers one of {as_text(takes['classes'])}.",
        "",
        f"Cohort, protocol, scores and licence: {GAP}",
        "",
    ]
    return "\n".join(lines)


def as_text(value: Any) -> str:
    """Write a value for Markdown: on one line, as code, so that nothing in it is markup."""
    text = json.dumps(value, ensure_ascii=False, default=str).replace("`", "'")
    return f"`{text}`"
