"""The audit's lists: the conversations whose audit somebody may read, and the organization's own trail. Both by pages and filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from shop.access import may, principal, require, signed_in
from shop.admin import timeline, verifying
from shop.admin.filters import Filters, read_filters
from shop.admin.showing import COUNTED, EVENTS_ON_A_PAGE, many, named_in, names_of, record_view, sequence_of
from shop.admin.verifying import Shown
from shop.agents.entries import names_of_clients
from shop.audit import queries
from shop.audit.denial_windows import close_windows
from shop.audit.queries import Page, Wanted
from shop.audit.verification import verify_shown
from shop.authorization.conditions import Resource
from shop.authorization.permissions import Permission
from shop.conversations import listing
from shop.conversations.listing import Mark, Sought
from shop.conversations.models import Conversation
from shop.principal import Principal
from shop.services import services

_LIST = 50
"""Conversations on a page."""
_TRAIL = "/audit/organization"
_NO_SUCH_PAGE = "This address leads to no page. Begin with the latest one."


def add_routes(pages: Blueprint) -> None:
    """Add these routes to the audit's blueprint, under its access rule."""

    @pages.get("/")
    def conversations() -> ResponseReturnValue:
        """The conversations whose audit this person may read: an auditor's whole organization, else one's own."""
        me, person = principal(), signed_in()
        mark = request.args.get("before", "")
        with services().database.read() as db:
            is_auditor = may(me, Permission.AUDIT_READ)
            filters = read_filters(db, me, request.args, is_auditor=is_auditor)
            before = _mark(filters, mark)
            found, older = ([], None) if filters.errors else _listed(db, me, filters, before, is_auditor=is_auditor)
            names = names_of(db, {conversation.subject for conversation in found})
            ids = [conversation.id for conversation in found]
            counts = queries.tallies(db, ids, COUNTED, hides_not_found=not is_auditor)
        page = render_template(
            "admin/conversations.html",
            conversations=[_row(c, names, counts[c.id]) for c in found],
            organization_name=person.organization_name if person and is_auditor else None,
            trail_href="/audit/organization" if is_auditor else None,
            filters=filters.view(asks_person=is_auditor),
            older=filters.href("/audit/", before=older) if older else None,
            newer=filters.href("/audit/") if mark else None,
        )
        return page, 400 if filters.errors else 200

    @pages.get("/organization")
    def organization() -> ResponseReturnValue:
        """What happened in the organization outside conversations: sign-ins, roles, suspensions, views of the audit."""
        _view_of_trail()
        return _trail_page(None)

    @pages.post("/organization/verify")
    def verify_organization() -> ResponseReturnValue:
        """Recompute the whole chain of the organization's trail, now."""
        _view_of_trail()
        verdict = verifying.whole_chain(principal().organization)
        if request.headers.get("HX-Request"):
            return render_template("admin/_chain.html", chain=verdict, verify_href=f"{_TRAIL}/verify"), verdict.status
        html, status = _trail_page(verdict)
        return html, max(status, verdict.status)


def _view_of_trail() -> None:
    """Record that the organization's trail is about to be shown. Raises `AccessDenied`."""
    me = principal()
    close_windows(services().database, organization=me.organization)
    with services().database.write() as db:
        resource = Resource(kind="organization", id=me.organization, organization=me.organization)
        record_view(db, require(db, Permission.AUDIT_READ, resource), ("organization", me.organization))


def _trail_page(verdict: Shown | None) -> tuple[str, int]:
    me, person = principal(), signed_in()
    mark = request.args.get("before", "")
    with services().database.read() as db:
        filters = read_filters(db, me, request.args, is_auditor=True)
        if mark and sequence_of(mark) is None:
            filters.errors["before"] = _NO_SUCH_PAGE
        page = Page([], [], None)
        if not filters.errors:
            wanted = Wanted(
                names=filters.names,
                subjects=filters.subjects,
                client=filters.client,
                since=filters.since,
                until=filters.until,
            )
            page = queries.page_of_chain(
                db, me.organization, wanted, before=sequence_of(mark), limit=EVENTS_ON_A_PAGE, is_trail=True
            )
        names = names_of(db, named_in(page.events)) | names_of_clients(db, me.organization)
        shown = verify_shown(db, me.organization, page.stored)
    html = render_template(
        "admin/organization.html",
        organization={"name": person.organization_name if person else ""},
        chain=verdict or verifying.shown(shown),
        verify_href=f"{_TRAIL}/verify",
        entries=timeline.entries_of(page.events, names, is_auditor=True),
        filters=filters.view(asks_person=True),
        older=filters.href(_TRAIL, before=page.older) if page.older else None,
        newer=filters.href(_TRAIL) if mark else None,
    )
    return html, 400 if filters.errors else 200


def _listed(
    db: Session, reader: Principal, filters: Filters, before: Mark | None, *, is_auditor: bool
) -> tuple[list[Conversation], Mark | None]:
    sought = Sought(
        subjects=filters.subjects if is_auditor else [reader.subject],
        client=filters.client,
        names=filters.names,
        hides_not_found=not is_auditor,
        since=filters.since,
        until=filters.until,
    )
    return listing.page_of(db, reader.organization, sought, before=before, limit=_LIST)


def _mark(filters: Filters, text: str) -> Mark | None:
    """Where the list begins; what is no mark of a page is said so."""
    try:
        return Mark.of(text) if text else None
    except ValueError:
        filters.errors["before"] = _NO_SUCH_PAGE
        return None


def _row(conversation: Conversation, names: dict[str, str], counts: Mapping[str, int]) -> dict[str, Any]:
    chips = []
    if conversation.client_id:
        chips.append({"kind": "off", "text": conversation.source})
    if counts["ordered"]:
        chips.append({"kind": "allow", "text": "ordered"})
    if counts["approved"]:
        chips.append({"kind": "allow", "text": f"{many(counts['approved'])} approved"})
    return {
        "href": f"/audit/conversations/{conversation.id}",
        "title": conversation.title,
        "person": names.get(conversation.subject, "somebody"),
        "started_text": f"{conversation.started_at:%-d %B, %H:%M} UTC",
        "calls": many(counts["calls"]),
        "refused": many(counts["refused"]) if counts["refused"] else None,
        "chips": chips,
    }
