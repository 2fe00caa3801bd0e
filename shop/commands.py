"""`flask chat`: signs a person in, puts the chat into this terminal, and signs them out."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click
from flask import current_app
from flask.cli import with_appcontext

from shop.access import SignedInPerson, person_behind, why_signed_out
from shop.assistant.terminal.chat import SignedOut, Terminal, scripted, typed
from shop.assistant.terminal.output import JsonLines, Transcript
from shop.assistant.turn.in_app_assistant import InAppAssistant
from shop.credentials.ledger import NotAlive
from shop.demo import companions, personas
from shop.identity.members import connection_for_email
from shop.principal import CONSENTABLE, Workflow
from shop.revocation import cascade
from shop.services import services
from shop.untrusted import terminal_text

_SCRIPT = click.File(encoding="utf-8-sig", errors="replace")
_INTERRUPTED = 130


def chat(in_app: InAppAssistant) -> click.Command:
    """The command, for one shop's assistant."""

    @click.command("chat")
    @click.option("--as", "name", required=True, metavar="PERSONA", help="Who chats: an e-mail or a given name.")
    @click.option("--script", type=_SCRIPT, metavar="FILE", help="Play the lines of a file; - is standard input.")
    @click.option("--json", "as_json", is_flag=True, help="Of a script: print each turn as a line of JSON.")
    @click.option(
        "--allow",
        multiple=True,
        type=click.Choice(sorted(workflow.value for workflow in CONSENTABLE)),
        help="Allow this to the assistant from the beginning.",
    )
    @click.option("--confirm", is_flag=True, help="Confirm each receipt that appears.")
    @with_appcontext
    def command(name: str, script: TextIO | None, as_json: bool, allow: tuple[str, ...], confirm: bool) -> None:
        """Chat with the shop's assistant in this terminal, as one of the demonstration's people.

        Works beside a running shop (with the same settings) and alone. Lines that begin with / are the person's own
        decisions; /help lists them.
        """
        if as_json and script is None:
            raise click.UsageError(
                "--json prints the turns of a script: say --script FILE, or --script - to pipe it in."
            )
        with _signed_in(name) as person:
            terminal = Terminal(
                in_app=in_app,
                person=person,
                output=JsonLines() if as_json else Transcript(echo=script is not None),
                complain=_complain,
                ask=click.confirm if script is None else None,
                allows=[Workflow(workflow) for workflow in allow],
                confirms=confirm,
            )
            if script is None:
                click.echo(_welcome(person()))
            try:
                is_well = terminal.play(typed() if script is None else scripted(script))
            except SignedOut as error:
                raise click.ClickException(str(error)) from error
            except KeyboardInterrupt:
                sys.exit(_INTERRUPTED)
        sys.exit(0 if is_well else 1)

    return command


@contextmanager
def _signed_in(name: str) -> Iterator[Callable[[], SignedInPerson]]:
    """Sign a person in; in the end, sign them out. What is given asks for their session as it is at that moment."""
    shop, seed = services(), current_app.extensions["seed"]
    try:
        persona = personas.find(seed, name)
    except personas.UnknownPersona as error:
        raise click.BadParameter(str(error), param_hint="--as") from error
    with _provider_of(persona):
        try:
            admitted = personas.sign_in(shop.sign_in, persona["email"], presenter_code=shop.settings.presenter_code)
        except personas.CannotSignIn as error:
            raise click.ClickException(str(error)) from error

        def person() -> SignedInPerson:
            found = person_behind(admitted.token)
            if found is None:
                raise SignedOut(f"{why_signed_out() or 'Your session has ended.'} Start again to sign in.")
            return found

        try:
            yield person
        finally:
            with suppress(SignedOut, NotAlive):
                leaving = person().principal
                with shop.database.write() as db:
                    cascade.sign_out(db, leaving)


@contextmanager
def _provider_of(persona: dict[str, str]) -> Iterator[None]:
    """The person's identity provider: the one that runs beside the shop, or else one for as long as this lasts."""
    shop = services()
    with shop.database.read() as db:
        connection = connection_for_email(db, persona["email"])
    if connection is None or companions.answers(connection.issuer):
        yield
        return
    provider = next(
        c for c in companions.companions(shop.settings) if c.organization["name"] == persona["organization"]
    )
    if not companions.is_free(shop.settings.host, provider.port):
        raise click.ClickException(
            f"Port {provider.port} is in use, but not by {persona['organization']}'s identity provider. Stop what uses it, "
            "or give the PORT and SHOP_DATA_DIR of the shop that runs."
        )
    end_when_told()  # its process must not be orphaned
    try:
        with companions.running(shop.settings, [provider]):
            yield
    except companions.CompanionFailed as failed:
        raise click.ClickException(f"{failed}, so nobody can sign in (see above).") from failed


def end_when_told() -> None:
    """Let SIGTERM and SIGHUP unwind this program, wherever they meet it: whatever it began is ended, and the status is 128 + N.

    In a finalizer the interpreter drops an exception, and so the exit: then it is asked for again a moment later.
    """

    def again(dropped: sys.UnraisableHookArgs) -> None:
        if not isinstance(leaving := dropped.exc_value, SystemExit):
            sys.__unraisablehook__(dropped)
            return
        signal.signal(signal.SIGALRM, lambda _number, _frame: sys.exit(leaving.code))
        signal.setitimer(signal.ITIMER_REAL, 0.01)

    sys.unraisablehook = again
    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, lambda number, _frame: sys.exit(128 + number))


def _welcome(person: SignedInPerson) -> str:
    return (
        f"Signed in as {person.name} · {person.organization_name} · {person.role_words}.\n"
        "Your assistant may look and see orders; it asks before it may do more. /help says what you can do, /quit leaves.\n"
    )


def _complain(sentence: str) -> None:
    click.echo(terminal_text(sentence), err=True)
