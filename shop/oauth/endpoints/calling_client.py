"""The client behind a request to an endpoint that issues nothing, so that it has no other record of who was refused there."""

from __future__ import annotations

from collections.abc import Sequence

from authlib.oauth2 import OAuth2Error
from flask import request

from shop.audit.denials import Handle, record_refused_handle
from shop.oauth.client_authentication import authenticate_client
from shop.oauth.clients.client import Client
from shop.oauth.clients.metadata import EVERY_METHOD
from shop.oauth.parameters import EndpointRequest


def known_client(endpoint_request: EndpointRequest, methods: Sequence[str] = EVERY_METHOD) -> Client:
    """The client, as `authenticate_client` finds it. Raises `OAuth2Error`, which is counted: nobody is known then."""
    try:
        return authenticate_client(endpoint_request, methods)
    except OAuth2Error as error:
        why = str(error.error)
        record_refused_handle(endpoint_request.issuer.database, Handle.CLIENT_CREDENTIAL, where=request.path, why=why)
        raise
