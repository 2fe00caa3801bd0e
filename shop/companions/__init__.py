"""Companions: other people's programs, which the demo runs beside the shop.

A real deployment has none of these: its customers bring their own identity provider, its payment
service is somebody else's. Each companion here is a whole small program with its own process, port
and database file (design §5), started and health-checked together with the shop.

They import nothing from the rest of `shop`, and the rest of `shop` imports nothing from them: they
meet over a wire (OpenID Connect, HTTP, the model's API), as they would with the real thing. Companions
do not import each other either.

Next: `identity_provider`, the corporate sign-in of the demo organizations.
"""
