"""Why a sign-in did not succeed, as a code: what is recorded, and what decides about the answer."""

from __future__ import annotations

from enum import StrEnum


class SignInCode(StrEnum):
    """The spellings stand in audit events: they never change."""

    ACCESS_DENIED = "access_denied"
    """The provider says that the person, or a rule there, said no."""
    CLIENT_REFUSED = "client_refused"
    """The provider does not take the shop's credentials."""
    CODE_REFUSED = "code_refused"
    """The provider does not take its own authorization code back."""
    CONNECTION_MOVED = "connection_moved"
    """The connection was configured for another provider while this sign-in was under way."""
    EMAIL_UNVERIFIED = "email_unverified"
    """The provider did not check the e-mail address, and another member has it."""
    FOREIGN_EMAIL = "foreign_email"
    """The e-mail address is in no domain of the organization."""
    GROUPS_UNREADABLE = "groups_unreadable"
    """The groups are missing, or not in a form that the shop understands."""
    ID_TOKEN_REFUSED = "id_token_refused"  # noqa: S105 - a code, not a secret
    """The ID token does not stand up to its checks."""
    NO_CONNECTION = "no_connection"
    """No organization has a connection for this address or issuer."""
    NO_EMAIL = "no_email"
    """The provider gives no usable e-mail address."""
    PROVIDER_ERROR = "provider_error"
    """The provider answers with another error."""
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    """The provider does not answer as one does."""
    SET_UP_WRONG = "set_up_wrong"
    """Only somebody who configures shop or provider can mend it."""
    SIGNED_IN_ALREADY = "signed_in_already"
    """Somebody else is signed in in this browser."""
    STATE_REFUSED = "state_refused"
    """The attempt was used, took too long, or began in another browser."""
    SUSPENDED = "suspended"
    """The membership is suspended."""
    WRONG_ISSUER = "wrong_issuer"
    """An answer or the metadata names another issuer than the connection."""
