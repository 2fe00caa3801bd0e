"""What tests share: a clock, both database engines, the embedded identity providers, and people who sign in."""
