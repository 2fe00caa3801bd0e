import re, pytest
from tests.browser import walks
from tests.browser.devices import DEVICES
from tests.support.people import SOFIA, GIL, ADA, INES, TARIQ
WHO=dict(sofia=SOFIA,gil=GIL,ada=ADA,ines=INES,tariq=TARIQ)
@pytest.mark.parametrize("screen", DEVICES, ids=lambda d: d.name)
@pytest.mark.parametrize("walk", ["shop_window","signing_in","buying_by_hand","talking","talking_to_a_model_that_hesitates","reading_the_record"])
def test_shots(visitor, watch, request, walk, screen):
    for s in (403,404,413,500): watch.expect_answer(s)
    args=()
    if "hesitates" in walk:
        shop=request.getfixturevalue("gated_shop"); args=(request.getfixturevalue("model"),)
    else: shop=request.getfixturevalue("live_shop")
    meet=lambda n: visitor(WHO[n], shop, screen, reduced_motion="reduce")
    i=0
    for name, p in getattr(walks, walk)(meet, *args):
        i+=1
        for theme in ("light","dark"):
            p.page.emulate_media(color_scheme=theme)
            slug=re.sub(r"\W+","-",name)
            w = p.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            if w[0]>w[1]: print("OVERFLOW", walk, name, screen.name, w)
            p.page.screenshot(path=f"/tmp/shots/{walk}-{i:02}-{slug}-{screen.name}-{theme}.png", full_page=True)
