"""A contact sheet: every product in every colour, on the light and on the dark page, in one file to open in a browser.

`uv run python -m tests.pictures_sheet [FILE]` writes it and prints where. No test reads it; people do.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from shop.storefront.pictures import PARCEL, load_motifs
from shop.storefront.studio import Studio

SEED = Path(__file__).parents[1] / "seed_data"
# The two backgrounds are those that the shop's pages put behind a picture (`--stage` in `shop/static/app.css`).
STYLE = """
body { margin: 0; font: 13px/1.4 system-ui, sans-serif }
section { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 4px; padding: 4px }
figure { margin: 0; padding: 8px } figcaption { text-align: center } svg { display: block; width: 100% }
.light { background: #f2ede4; color: #1d1a16 } .dark { background: #39342b; color: #f3eee6 }
"""


def contact_sheet() -> str:
    """The whole sheet as one HTML document."""
    studio = Studio(SEED)
    drawn = [
        (f"{product.name}, {colour}", studio.render_picture(product.motif, colour, title=f"{slug}, {colour}"))
        for slug, product in load_motifs(SEED).items()
        for colour in product.colours
    ]
    drawn.append(("Parcel", studio.render_picture(PARCEL, "sand", title="A parcel")))
    sections = "".join(
        f'<section class="{stage}">'
        + "".join(f"<figure>{picture}<figcaption>{caption}</figcaption></figure>" for caption, picture in drawn)
        + "</section>"
        for stage in ("light", "dark")
    )
    return f'<!doctype html><meta charset="utf-8"><title>Contact sheet</title><style>{STYLE}</style>{sections}'


if __name__ == "__main__":
    file = Path(sys.argv[1]) if sys.argv[1:] else Path(tempfile.gettempdir()) / "pictures.html"
    file.write_text(contact_sheet(), "utf-8")
    print(file)
