"""One turn: from a person's message, or their decision, to the assistant's final reply.

message_input.py              a message that a person sent: its bounds
opening.py, start.py          what begins a turn, in one transaction
decisions.py                  a person's consent, confirmation or refusal, and the turn that goes on after it
pool.py → loop.py → channel.py    a turn runs in a thread of its own; its steps go to whoever shows them
context.py                    what of the conversation goes to the model
pace.py, stream_slots.py      how often a growing text is passed on, and how many streams may be open
"""
