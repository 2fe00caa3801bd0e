"""What a running shop is made of, built once by `create_app` and handed to whoever serves a request."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from shop.authorization.policy import Policy
from shop.database import Database
from shop.identity.sign_in import SignIn
from shop.settings import Settings
from shop.tools.gateway import Gateway


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts of one shop."""

    settings: Settings
    database: Database
    policy: Policy
    gateway: Gateway
    sign_in: SignIn


def services() -> Services:
    """The parts of the shop that serves the present request."""
    found: Services = current_app.extensions["shop"]
    return found
