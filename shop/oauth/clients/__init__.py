"""What a client is, and the rules for what it says of itself.

client.py              a registered client, as it is stored
metadata.py            what it registers (RFC 7591 §2)
metadata_document.py   the document at its own address that registers it (Client ID Metadata Documents)
redirect_uris.py       where an answer may go
"""
