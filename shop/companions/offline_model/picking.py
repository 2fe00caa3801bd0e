"""Which of the things before one's eyes are meant: "the second one", "the first two", "the cheaper one", "the other one"."""

from collections.abc import Sequence

from shop.companions.offline_model.clauses import Pick
from shop.companions.offline_model.conversation import Json
from shop.companions.offline_model.memory import amount_of


def picked(pick: Pick, things: Sequence[Json], focus: Json | None = None) -> list[Json]:
    """The things that are meant, in their order; none if they are not there. `focus` is what was spoken of last."""
    if pick.other:
        others = [thing for thing in things if thing is not focus]
        return others if focus is not None and len(others) == 1 else []
    if pick.every:
        return list(things)
    if pick.first:
        several = list(things[: pick.first] if pick.first > 0 else things[pick.first :])
        return several if len(several) == abs(pick.first) else []
    if pick.by_price:
        cheapest_first = sorted(things, key=amount_of)
        return cheapest_first[:1] if pick.by_price == "lowest" else cheapest_first[-1:]
    found = [_at(place, things) for place in pick.places]
    return [thing for thing in found if thing is not None] if all(found) else []


def _at(place: int, things: Sequence[Json]) -> Json | None:
    if place == 0:
        return things[len(things) // 2] if len(things) % 2 else None
    index = place - 1 if place > 0 else len(things) + place
    return things[index] if 0 <= index < len(things) else None
