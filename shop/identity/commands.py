"""`flask sso …`: what an operator asks about how organizations sign in."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from shop.identity.check import UnknownOrganization
from shop.identity.sign_in import SignIn


def sso_commands(sign_in: SignIn) -> AppGroup:
    """The commands, for one shop's sign-in."""
    sso = AppGroup("sso", help="How organizations sign in.")

    @sso.command("check")
    @click.argument("organization")
    def check(organization: str) -> None:
        """Try the sign-in of ORGANIZATION without a person: metadata, clock, keys, algorithms, scopes, secret.

        Says in words what works and what does not. The exit status is 1 when something does not.
        """
        try:
            issuer, findings = sign_in.check(organization)
        except UnknownOrganization as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"{organization} signs in at {issuer}")
        for finding in findings:
            click.echo(f"  {'works' if finding.works else 'WRONG':<6} {finding.about}: {finding.text}")
        if not all(finding.works for finding in findings):
            raise click.ClickException("This sign-in does not work as it is configured (see WRONG above).")
        click.echo("A person can try now. When a sign-in fails, the shop's log says why.")

    return sso
