"""Turns of speech, each folded into a word of the lexicon, so that one rule fits many ways to say a thing.

The pairs are applied in order to lower-case text. A replacement is a word (or two) that `lexicon.py` knows.
"""

import re
from typing import Final

_THING: Final = r"(?:it|that|this|them|those|these|the|my|one)\b[^,.;!?]*?"

PHRASES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), replacement)
    for pattern, replacement in (
        # Contractions, with their mark or without, so that one rule fits "what's", "whats" and "what is".
        (r"(what|where|who|how|that|it|there|here|why|when)(?:'s|(?<=[teroynw])s)", r"\1 is"),
        (r"(i|you|we|they)'?(?:'ll|(?<=')ll)", r"\1 will"),
        (r"(i|you|we|they)'d", r"\1 would"),
        (r"(i|you|we|they)'?ve", r"\1 have"),
        (r"(you|we|they)'re", r"\1 are"),
        (r"i'?m", "i am"),
        (r"let'?s", "let us"),
        (r"(?:can'?t|cannot)", "can not"),
        (r"won'?t", "will not"),
        (r"(do|did|does|is|was|were|could|would|should|have|has|are)n'?t", r"\1 not"),
        (r"(?:wanna|wan na)", "want to"),
        (r"gonna", "going to"),
        (r"(gim|lem)me", r"\1 me"),
        (r"gim me", "give me"),
        (r"lem me", "let me"),
        (r"ill(?= (?:take|have|get|go|need|want|buy))", "i will"),
        (r"(?:pls|plz|pleas)", "please"),
        (r"ad", "add"),
        (r"u", "you"),
        (r"ur", "your"),
        (r"(?:would|is|might|could|will) it (?:be )?(?:possible|okay?|alright|fine) (?:to|if (?:i|you|we))|would you mind|i (?:was|am) "
         r"(?:wondering|hoping) (?:if|whether|to)|be (?:so|very) (?:kind|good) (?:as to|and)|(?:be )?so kind as to", ""),
        (r"i (?:would|will|'d) (?:be (?:very |so |really |most )?(?:grateful|obliged|happy|glad|thankful)|appreciate it|love it) if you"
         r"(?: could| would| can)?", ""),
        (r"(?:which |that )?fits?(?= *[?.!]*$)", ""),
        (r"(\d+|one|two|three) ((?!or )(?:\w+ ){1,3})less", r"remove \1 \2"),
        (r"(?:i am|we are) (?:buying|taking|getting)", "i take"),
        (r"(?:and )?while you are at it", "and"),
        (r"(?:other|rather) than|(?:apart|aside) from|except for|besides", "except"),
        (r"(?:my |our |the )?budget(?: is| of|:)?", "under"),
        (r"(?:the )?following(?: \w+)?:", ""),
        (r"(?!(?:today|yesterday|company|team|shop)'s)[^\W\d_]+'s(?= (?:\w+ )?(?:orders?|cart|basket|address|account))", "somebodyelse"),
        # Requests that sound like questions, and wishes that sound like dreams.
        (r"(?:would|could|can|will) you(?: please| kindly| maybe| perhaps| just)*(?= (?:add|put|include|throw|toss|pop|chuck|"
         r"stick|show|find|tell|compare|remove|take|delete|drop|empty|clear|make|change|give|get|list|search|undo|"
         r"reorder|check|describe|explain|swap|place) )", ""),
        (r"i(?: woul)?d? (?:(?:quite|really|rather) )*(?:like|love)(?: to)? (?:have|get|buy|order|purchase)", "i want"),
        (r"i (?:woul)?d (?:quite |really |rather )*(?:like|love|prefer|fancy)", "i want"),
        (r"(?:want|wish|need|have|like|going)s? to (?:buy|have|get|purchase|order)(?= (?:a|an|some|one|two|three|\d+) )", "want"),
        (r"(?:want|wish|like|love|rather)s? (?:to )?(?:see|look at|browse|view)", "show"),
        (r"(?:can|could|may|might) (?:i|we) (?:please )?(?:have|get|take)", "i want"),
        (r"(?:i|we) (?:will|would) (?:have|go (?:for|with))", "i take"),
        (r"i go (?:for|with)|let (?:me|us) have", "i take"),
        (r"(?:have|get) (it|that|this|them|everything) (?:sent|shipped|delivered)", r"ship \1"),
        (r"(?:let us|going to) (?:go with|go for|take|have|say)", "i take"),
        (r"it is(?= *(?:$|[,.!]|then|please))", "i take"),
        (r"go (?:with|for)(?= (?:the|a|an|one|two) )", "take"),
        (r"send me", "give me"),
        (r"ask(?:ing)? for", "want"),
        (r"i (?:will|would) stick with", "i take"),
        # The same as before; and back to what was.
        (r"(?:the )?(?:same|usual)(?: (?:order|thing|stuff|ones?))?(?: again)? (?:as|like) (?:the )?(?:last|previous)(?: (?:time|order|one))?", "reorder"),
        (r"(?:the )?same(?: (?:order|thing|stuff|ones?))? (?:again|as (?:before|usual|always|ever))", "reorder"),
        (r"(?:re-order|order (?:it|that|this|them|the same(?: thing)?|(?:my|the) (?:last|previous) (?:order|one)) (?:again|once more)|repeat (?:my|the|that|this)(?: last| latest| previous)?(?: order)?|(?:my|the) usual)", "reorder"),
        (r"(?:buy|order|get) (?:everything |all )?(?:from|in) (?:my|the) (?:last|previous) order(?: again)?", "reorder"),
        (r"(?:take|put) (?:it|that|this|them) back|bring (?:it|that|this|them) back", "putback"),
        (r"(?:undo|revert|reverse|roll back|rollback|go back on)(?: (?:it|that|this|my last change|the last (?:change|step|one|thing)))?", "undo"),
        (r"go back|by (?:mistake|accident)", "undo"),
        (r"(?:as it was|how it was|back to (?:what|how) it was|what i (?:just )?did)", "undo"),
        # Going to the till.
        (r"(?:check(?:ing)?[ -]?outs?|check me out|cash out|ring (?:me|it|this|that|them) up|to (?:the )?(?:till|check ?out|checkout)|proceed to (?:payment|checkout))", "checkout"),
        (r"(?:place|submit|complete|finish|finali[sz]e|make|confirm|put through) (?:the|my|an|this|that|our) (?:order|purchase)", "checkout"),
        (r"(?:place|submit|complete|finish|finali[sz]e|put through) (?:order|purchase|it)", "checkout"),
        # Into the cart and out of it.
        (r"drop(?= [^,.;!?]* (?:in|into|to) (?:my|the) (?:cart|basket|trolley))", "add"),
        (r"(?:take|throw|toss|kick|chuck|leave|put|get) (?:out|off|away)", "remove"),
        (rf"(?:take|throw|toss|kick|chuck|leave|put|get) ({_THING}) (?:out|off|away)(?! (?:of )?the (?:list|shelf))", r"remove \1"),
        (r"(?:take|throw|toss|kick|chuck|get) (everything|all(?: of (?:it|them))?) (?:out|off|away)", r"remove \1"),
        (r"(?:get rid of|no longer (?:want|need)|take off)", "remove"),
        (r"start (?:over|again|afresh|from scratch)", "empty"),
        (r"(?:(?:my|the) shopping (?:bag|cart|basket)|my bag|(?:in|from|to|into) (?:my|the) card)", "cart"),
        # Looking around.
        (r"(?:look(?:ing)?|search(?:ing)?|hunt(?:ing)?) (?:for|4)|do (?:you|u)(?: guys)? (?:maybe |perhaps |also |happen to )?(?:have|sell|carry|stock|offer)", "show"),
        (r"(?:i|we) search", "show"),
        (r"(?:what else|more results|next (?:page|ones)|any more(?: of (?:them|those|these))?|(?:any|show(?: me)?) others)(?= *(?:$|[.!?])| (?:please|is there|do you))", "nextpage"),
        (r"(?:have you got|you got|have you|(?:have )?got any|is there|are there|you (?:might )?have(?! (?:been|to|done)))", "show"),
        (r"got(?= (?:something|anything|some|a|an) )", "show"),
        (r"what (?:else )?(?:(?:do|have) you (?:have|got|sell|carry)|is there|have you)", "show what"),
        (r"(?:tell me|(?:know|hear|learn)) (?:smth |something |some |a bit |a little )?(?:more )?(?:about|on|of)", "tell"),
        (r"more (?:about|on|details|info)(?: on| about)?", "tell"),
        (r"(?:what|how) about", "or"),
        (r"surprise me", "show me something"),
        (r"(?:is |are |it is |that is |they are )?(?:a (?:bit|little) )?too (?:expensive|pricey|dear|costly)", "cheaper ones"),
        (r"side by side|next to each other", "compare"),
        (r"(?:which|what) (?:one )?is (?:the )?better|which (?:one )?(?:should|would|do)", "compare which"),
        (r"what is new|(?:latest|most recent) (?:things|stuff|additions|products|arrivals|items|goods)|new (?:in|arrivals|stuff|things|products)|just (?:in|arrived)|newly (?:in|arrived)", "newest"),
        (r"(?:show|see|list|give)(?: me)?(?: some| any)? more(?= *(?:$|[.!?,])| (?:please|results|of (?:them|those|these)))", "nextpage"),
        (r"more like (?:this|that|it|these|those)(?: one)?|(?:some|any)thing like (?:this|that|it)", "similar"),
        # Prices and numbers.
        (r"(?:come|add|amount)s? to(?= *(?:$|[.?!,]))|(?:come|add|amount)s? up to(?= *(?:$|[.?!,]))", "total"),
        (r"(\d+) ?(?:-|–|to) ?(\d+)(?= ?(?:€|eur|euros?|quid|bucks))", r"between \1 and \2"),
        (r"no more(?! than)", "not want"),
        (r"nothing (?:over|above|more than)", "under"),
        (r"(?:no|not) more than|at most|up to|less than|cheaper than|not (?:over|above)|(?:i|we) have(?: got)?(?= €? ?\d+ ?(?:€|eur|quid|bucks|euro))", "under"),
        (r"more than|at least|not (?:under|below)|starting (?:at|from)", "over"),
        (r"or (?:less|cheaper|under|below)", "under"),
        (r"or more", "over"),
        (r"from(?= €? ?\d+ ?(?:€|eur|euros?|quid|bucks)? ?(?:to|-|and) ?€? ?\d)", "between"),
        (r"(?:most|more) (?:expensive|costly)|highest(?: priced?)?|high(?:est)? to low(?:est)?|top of the range", "priciest"),
        (r"by price,? (?:desc(?:ending)?|downwards?)", "priciest"),
        (r"least (?:expensive|costly)|less (?:expensive|costly)|lowest(?: priced?)?|low(?:est)? to high(?:est)?|most affordable|by price|not (?:so|too|that) expensive|inexpensive", "cheapest"),
        (r"sort(?:ed)?(?= )", ""),
        (r"by (?:name|alphabet)|alphabetically", "alphabetical"),
        (r"half (?:a )?(lit(?:re|er))", r"0.5 \1"),
        (r"half (?:a )?dozen", "halfdozen"),
        (r"an? (couple|dozen|few)(?: of)?", r"\1"),
        (r"(?:a )?pairs? of", ""),
        (r"double (?:it|that|them)", "make it two"),
        (r"no\.(?= ?\d)", "#"),
        (r"(?:the )?number (one|two|three|four|five|six|seven|eight|nine|ten|\d+)", r"#\1"),
        (r"(?:make|add) (\d+|one|two|three|four|five|six) less", r"remove \1"),
        (r"(\d+|one|two|three|four|five|six) (?:less|fewer)", r"remove \1"),
        # Places.
        (r"(?:on|to|at) the left(?: (?:side|hand side))?|left(?:-hand)? one|left-hand", "leftmost one"),
        (r"(?:on|to|at) the right(?: (?:side|hand side))?|right(?:-hand)? one|right-hand", "rightmost one"),
        (r"(?:in|at) the (?:middle|centre|center)|(?:middle|central) one", "middle one"),
        (r"top(?:most)? one|(?:at|on) the top", "leftmost one"),
        (r"bottom(?:most)? one|(?:at|on) the bottom", "rightmost one"),
        (r"(?:all|each) (?:of (?:them|these|those)|three|four|five|six|the (?:ones|things) (?:above|shown))|every one(?: of (?:them|these|those))?|each one", "each"),
        (r"both(?: of (?:them|these|those))?|the two of them|these two|those two|the two(?= *(?:$|[.,?!]| (?:of|in|for|and|please)))", "both"),
        (r"an? (?:second|third) one", "another one"),
        (r"as well", "also"),
        (r"none of (?:these|those|them)", "no"),
        (r"stop(?= (?:the|my|that|this) order)", "cancel"),
        (r"\+ ?(\d+)(?= *$)", r"\1 more"),
        (r"- ?(\d+)(?= *$)", r"remove \1"),
        (r"(?:hold|hang) on|(?:wait |just )?a second(?: please)?|second thoughts?|on the other hand|for a (?:second|moment)|one (?:second|moment)", "wait"),
        (r"not (?:only|sure|exactly|really|bad|quite|too bad)", "well"),
        (r"(?:at|right) (?:first|now|away)|all right|alright|right away|no problem|fair enough|sounds good", "ok"),
        (r"of course|for sure|absolutely|definitely|exactly", "yes"),
        # Sizes, colours, kinds.
        (r"(?:extra|x|very)[ -]?large", "xl"),
        (r"(?:extra|x|very)[ -]?small", "xs"),
        (r"(?:double|xx)[ -]?(?:xl|large)|xx-?l", "xxl"),
        (r"(?:one|a) size (?:up|bigger|larger)|size up|next size up", "bigger"),
        (r"(?:one|a) size (?:down|smaller)|size down", "smaller"),
        (r"(?:light|pale|baby|bright|sky)[ -]blue", "lightblue"),
        (r"(?:dark|deep|navy)[ -]blue", "darkblue"),
        (r"(?:light|pale|dark|deep|moss|forest|olive)[ -]green", "green"),
        (r"(?:dark|deep|rust|brick)[ -](?:red|orange)", "red"),
        (r"(?:off|snow|bone)[ -]white", "white"),
        (r"(?:pale|bright|sunny?)[ -]yellow", "yellow"),
        (r"blk", "black"),
        (r"t[ -]?shirt(s?)", r"tee\1"),
        (r"(?:baseball|trucker) (cap|hat)s?", "caps"),
        (r"(?:woolly|wool|bobble|winter|knitted|woollen) hats?", "beanie"),
        (r"(?:mouse|desk|gaming)[ -]?(?:mat|pad)(s?)", r"mat\1"),
        (r"(?:water|drinking) bottles?", "bottles"),
        (r"(?:tote|shopping|cotton|canvas) bags?", "totes"),
        # Courtesies.
        (r"(?:how are you(?: doing)?(?: today)?|how is it going|how do you do|what is up|nice to meet you|lovely day[^.!?]*)", "hello"),
        (r"(?:good )?(?:morning|afternoon|evening)(?: to you)?|good day(?: to you)?", "hello"),
        (r"thank(?:s| you)(?: (?:so|very|ever so) much| a (?:lot|bunch|million)| again| for [^.!?,]*)?|much appreciated", "thanks"),
        (r"see you(?: (?:later|soon|tomorrow|around))?|(?:take care|good night|have a (?:nice|good|great) (?:day|one|evening|weekend))", "bye"),
        (r"(?:never ?mind|not now|forget (?:it|about it|that)|leave it(?: as it is)?|changed my mind|no need|that will do|that is (?:all|it|everything)|just looking|nothing|not yet|yeah,? right)", "no"),
        (r"(?:go ahead|do (?:it|that)|go for it|please do|make it so|why not(?= *[.!]))", "yes"),
        (r"(?:once more|one more time|once again|try again|try that again)", "again"),
        (r"most recent", "latest"),
        (r"what (?:has )?(?:happened|went wrong|is wrong)|how come", "why"),
        # Who listens, what it is, what it may.
        (r"(?:hate|dislike|can not stand)", "not like"),
        (r"what (?:can|could|may|do|will)(?: not)? you (?:do|offer|know|help)(?: for (?:me|us))?|what you (?:can|could|may)(?: do)?|what (?:are you (?:able|allowed|good)|is possible|else can you do)(?: to do| for)?", "help"),
        (r"how (?:can|could|do) you help|what do you do|how does this work|what can i (?:do|ask|say)(?: here| you)?", "help"),
        (r"on (?:its|the) way", "arriving"),
    )
)  # fmt: skip


def fold(text: str) -> str:
    """Lower-case `text` with its turns of speech folded."""
    for pattern, replacement in PHRASES:
        text = pattern.sub(replacement, text)
    return text
