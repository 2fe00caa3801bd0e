"""The organization's people, for its administrators: see them, suspend one, restore one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template
from flask.typing import ResponseReturnValue

from shop.access import not_there, on_denied, principal, require, signed_in
from shop.authorization.conditions import Resource
from shop.authorization.decisions import Code, Decision
from shop.authorization.permissions import Permission
from shop.credentials.sessions import sessions_of
from shop.identity.members import members
from shop.revocation import cascade
from shop.services import services

pages = Blueprint("people", __name__, url_prefix="/admin/people")


@pages.get("/")
def people() -> ResponseReturnValue:
    """All members, with their roles and how many sessions they have open."""
    me, person = principal(), signed_in()
    with services().database.read() as db:
        require(db, Permission.MEMBERS_READ, Resource(kind="members", organization=me.organization))
        rows = [
            {
                "id": member.membership.id,
                "name": member.person.name,
                "email": member.person.email,
                "roles": member.authority.roles or [],
                "state": "suspended" if member.authority.suspended_at else "active",
                "sessions": len(sessions_of(db, member.membership.id)),
                "is_self": member.membership.id == me.membership,
            }
            for member in members(db, me.organization)
        ]
    return render_template(
        "admin/people.html", organization={"name": person.organization_name if person else ""}, people=rows
    )


@pages.post("/<membership_id>/suspend")
def suspend(membership_id: str) -> ResponseReturnValue:
    with services().database.write() as db:
        cascade.suspend(db, services().policy, principal(), membership_id)
    flash("Suspended. Everything below that membership has ended.", "allow")
    return redirect("/admin/people/", 303)


@pages.post("/<membership_id>/restore")
def restore(membership_id: str) -> ResponseReturnValue:
    with services().database.write() as db:
        cascade.restore(db, services().policy, principal(), membership_id)
    flash("Restored. They can sign in again.", "allow")
    return redirect("/admin/people/", 303)


def _refused(decision: Decision) -> ResponseReturnValue:
    if decision.code is Code.NOT_FOUND:
        text = "Nobody in your organization has that id."
        return not_there("There is no such member", text, href="/admin/people/", label="All people")
    page = render_template(
        "storefront/refused.html",
        title="This page is for administrators",
        reason="Your role does not allow looking after people.",
        next_step="An administrator of your organization can.",
        back={"href": "/", "label": "To the shop"},
    )
    return page, 403


on_denied(pages, _refused)
