"""A foreign catalogue of any size: the same number gives the same goods."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

CATEGORIES = ("lamps", "chairs", "desks", "plants", "clocks", "hoodies", "mugs", "rugs", "bags", "pens")
COLOURS = ("black", "white", "red", "blue", "green", "plum", "sand", "silver")
_SYLLABLES = ("lo", "ma", "ti", "re", "ka", "zu", "vo", "pe", "ni", "sa")
_ENDINGS = ("ren", "tor", "mal", "vex", "sin", "dor", "qua", "lim", "bus", "kat")
WORDS = [first + last for first, last in product(_SYLLABLES, _ENDINGS)]


def generated_goods(number: int, seed: int = 1) -> dict[str, Any]:
    """So many products as the import's JSON, with six variants on average."""
    chance = random.Random(seed)
    return {"currency": "EUR", "products": [_product(chance, index) for index in range(number)]}


def _product(chance: random.Random, index: int) -> dict[str, Any]:
    name, category = " ".join(chance.sample(WORDS, 2)).title(), chance.choice(CATEGORIES)
    slug = f"{name.lower().replace(' ', '-')}-{index}"
    price = chance.randrange(500, 9000, 50)
    sizes = chance.choice((("S", "M", "L"), ("one size",), ("small", "large")))
    return {
        "slug": slug,
        "name": name,
        "category": category,
        "tagline": f"One of our {category}.",
        "description": " ".join(chance.choices(WORDS, k=30)) + ".",
        "variants": [
            {
                "sku": f"{slug}-{colour}-{size}".replace(" ", "-"),
                "options": {"colour": colour, "size": size},
                "price": price,
                "availability": chance.choice(("in_stock", "out_of_stock", 3, 12)),
            }
            for colour in chance.sample(COLOURS, 3)
            for size in sizes
        ],
    }
