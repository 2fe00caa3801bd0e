"""One turn: from a person's message, or their decision, to the assistant's final reply.

in_app_assistant.py   the parts below, put together; it runs a turn that has begun, in a thread of its own
opening.py            what every turn begins with, in one transaction
messages.py           a person says something (and within which bounds), changes it, tries again, or presses Stop
decisions.py          a person allows a workflow or confirms a receipt, and the turn that goes on after it
loop.py → channel.py  one turn; its steps go to whoever shows them
context.py            what of the conversation goes to the model
pace.py, stream_slots.py   how often a growing text is passed on, and how many streams may be open
"""
