"""The chat in a terminal: `chat.py` reads what a person types, `output.py` writes what is stored."""
