"""The words the offline model knows: one table for each kind of word, and nothing that decides.

`understand.py` reads a sentence in two passes: `PHRASES` first folds ordinary turns of speech into single words ("check
out" -> "checkout"), then each word is looked up in the tables below and gets a tag. What is in no table and is no
`FUNCTION_WORDS` is taken as part of a product's name.
"""

import re
from typing import Final

NUMBERS: Final[dict[str, int]] = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50,
    "hundred": 100, "couple": 2, "dozen": 12, "halfdozen": 6, "both": 2,
}  # fmt: skip

ORDINALS: Final[dict[str, int]] = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10,
}  # fmt: skip

COLOURS: Final[dict[str, str]] = {
    # The shop's palette, then the everyday names that fall on it.
    "black": "black", "ink": "ink", "bone": "bone", "rust": "rust", "moss": "moss", "navy": "navy", "plum": "plum",
    "sand": "sand", "white": "bone", "cream": "bone", "ivory": "bone", "green": "moss", "olive": "moss",
    "purple": "plum", "beige": "sand", "red": "rust", "orange": "rust", "blue": "navy",
}  # fmt: skip

SIZES: Final[dict[str, str]] = {
    "xs": "XS", "s": "S", "small": "S", "m": "M", "medium": "M", "l": "L", "large": "L", "xl": "XL", "xxl": "XXL",
}  # fmt: skip

CATEGORIES: Final[dict[str, str]] = {
    "tee": "tees", "tees": "tees", "shirt": "tees", "shirts": "tees",
    "hoodie": "hoodies", "hoodies": "hoodies", "hoody": "hoodies", "sweatshirt": "hoodies", "sweatshirts": "hoodies",
    "beanie": "beanies", "beanies": "beanies", "hat": "beanies", "hats": "beanies",
    "mug": "mugs", "mugs": "mugs", "cup": "mugs", "cups": "mugs",
    "sticker": "stickers", "stickers": "stickers",
    "notebook": "notebooks", "notebooks": "notebooks", "journal": "notebooks", "notepad": "notebooks",
    "poster": "posters", "posters": "posters",
    "tote": "totes", "totes": "totes", "bag": "totes", "bags": "totes",
    "sock": "socks", "socks": "socks",
}  # fmt: skip

VERBS: Final[dict[str, str]] = {
    "add": "ADD", "put": "ADD", "include": "ADD", "throw": "ADD",
    "want": "WANT", "need": "WANT", "take": "WANT", "grab": "WANT", "give": "WANT", "get": "WANT", "love": "WANT",
    "remove": "REMOVE", "delete": "REMOVE", "drop": "REMOVE",
    "empty": "CLEAR", "clear": "CLEAR",
    "make": "CHANGE", "change": "CHANGE", "set": "CHANGE", "update": "CHANGE", "switch": "CHANGE", "swap": "CHANGE",
    "cancel": "CANCEL",
    "buy": "BUY", "purchase": "BUY",
    "checkout": "CHECKOUT", "pay": "CHECKOUT",
    "ship": "SHIP", "send": "SHIP", "deliver": "SHIP",
    "show": "SHOW", "find": "SHOW", "search": "SHOW", "browse": "SHOW", "list": "SHOW", "recommend": "SHOW",
    "suggest": "SHOW", "any": "SHOW", "anything": "SHOW", "something": "SHOW", "sell": "SHOW",
    "tell": "TELL", "describe": "TELL", "details": "TELL", "detail": "TELL", "info": "TELL",
    "why": "WHY",
}  # fmt: skip

NOUNS: Final[dict[str, str]] = {
    "cart": "CART", "basket": "CART", "trolley": "CART",
    "order": "ORDER", "parcel": "ORDER", "package": "ORDER", "orders": "ORDERS", "ordered": "ORDERS",
    "last": "LAST", "latest": "LAST", "recent": "LAST", "newest": "LAST",
    "allowed": "ALLOWED", "permitted": "ALLOWED", "permissions": "ALLOWED", "permission": "ALLOWED",
    "more": "MORE", "another": "MORE", "extra": "MORE",
    "everything": "ALL", "all": "ALL",
    "it": "IT", "that": "IT", "this": "IT", "them": "IT", "those": "IT", "these": "IT",
    "under": "UNDER", "below": "UNDER", "max": "UNDER", "maximum": "UNDER", "within": "UNDER",
    "over": "OVER", "above": "OVER",
    "price": "PRICE", "cost": "PRICE", "costs": "PRICE", "total": "TOTAL", "delivery": "TOTAL",
}  # fmt: skip

SOCIAL: Final[dict[str, str]] = {
    "hello": "HELLO", "hi": "HELLO", "hey": "HELLO", "hiya": "HELLO", "howdy": "HELLO",
    "thanks": "THANKS", "cheers": "THANKS", "thx": "THANKS",
    "bye": "BYE", "goodbye": "BYE",
    "yes": "YES", "yep": "YES", "yeah": "YES", "sure": "YES", "ok": "YES", "okay": "YES", "confirm": "YES",
    "no": "NO", "nope": "NO", "nah": "NO",
    "again": "AGAIN", "retry": "AGAIN",
    "help": "HELP",
}  # fmt: skip

_FUNCTION_WORDS: Final = """
    a about also am an and are at be but by can come comes could did do does else for from good great have here how i
    if in instead into is just know let like look looking maybe me my nice not now of off on only our out perfect please
    quantity really should sit size sizes so some stock available team than the their then there thing things time to
    too up us very was we what when where which while who will with would you your may never much many or see gift gifts
    present colour colours color colors ones kind something's product products item items euro euros cheap status track
    history happened try done go mine each per left today day cheapest less stuff
    pack packs
"""
FUNCTION_WORDS: Final = frozenset(_FUNCTION_WORDS.split())

PHRASES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(rf"(?<!\w){pattern}(?!\w)"), replacement)
    for pattern, replacement in (
        # Contractions, so that one rule fits "what's", "whats" and "what is".
        (r"(what|where|who|how|that|it|there)(?:'s|(?<=what)s)", r"\1 is"),
        (r"(i|you|we)'(?:ll)", r"\1 will"),
        (r"(i|you|we)'d", r"\1 would"),
        (r"i'm", "i am"),
        (r"(?:can't|cannot)", "can not"),
        (r"(do|did|does|is|was|were|could|would)n't", r"\1 not"),
        # Going to the till.
        (r"(?:check(?:ing)?[ -]out|check me out|cash out)", "checkout"),
        (r"(?:place|submit|complete|finish) (?:(?:the|my|an|this|that) )?(?:order|purchase)", "checkout"),
        # Into the cart and out of it.
        (r"i(?: woul)?d like", "i want"),
        (r"i will have", "i will take"),
        (r"send me", "give me"),
        (r"(?:take (?:out|off|away)|get rid of)", "remove"),
        (r"take ((?:it|that|them|the|my)\b[^,.;!?]*?) (?:out|off|away)", r"remove \1"),
        (r"(?:my|shopping) bag", "cart"),
        # Looking around.
        (r"(?:look(?:ing)? for|do you (?:have|sell|carry|stock))", "show"),
        (r"(?:have you got|(?:have )?got any|is there|are there)", "show"),
        (r"(?:tell me|(?:know|hear|learn)) (?:more )?about", "tell"),
        (r"more (?:about|on|details|info)(?: on| about)?", "tell"),
        (r"(?:what|how) about", "or"),
        # Prices and numbers.
        (r"(?:no more than|not more than|at most|up to|less than|cheaper than)", "under"),
        (r"more than", "over"),
        (r"half a dozen", "halfdozen"),
        (r"a (couple|dozen)(?: of)?", r"\1"),
        (r"pairs? of", ""),
        (r"(?:number|no\.?) (one|two|three|four|five|six|\d+)", r"#\1"),
        # Sizes and shirts.
        (r"(?:extra|x)[ -]?large", "xl"),
        (r"t[ -]?shirt(s?)", r"tee\1"),
        # Courtesies.
        (r"(?:how are you|how is it going|what is up)", "hello"),
        (r"good (?:morning|afternoon|evening|day)", "hello"),
        (r"thank you(?: (?:so|very) much)?", "thanks"),
        (r"see you(?: (?:later|soon|tomorrow))?", "bye"),
        (r"(?:never ?mind|not now|forget it)", "no"),
        (r"(?:go ahead|do it|go for it)", "yes"),
        (r"(?:once more|one more time)", "again"),
        (r"most recent", "latest"),
        (r"ask(?:ing)? for", "want"),
    )
)  # fmt: skip
