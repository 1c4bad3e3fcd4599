"""`bot staff`: accounts of the staff console, for whoever sets Wren up or mends a lock-out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bot.commands.common import say, started

ROLE_HELP = "editor, translator, clinical_lead, approver, practitioner, manager, administrator or commissioner; may be given several times."

staff_app = typer.Typer(no_args_is_help=True, help="Accounts of the staff console.")
factor_app = typer.Typer(no_args_is_help=True, help="Second factors of staff.")
staff_app.add_typer(factor_app, name="second-factor")


@staff_app.command("add")
def staff_add(
    username: str,
    first_name: Annotated[str, typer.Option(prompt=True, help="Shown to parents.")],
    job_title: Annotated[str, typer.Option(prompt=True, help="Shown to parents.")],
    area: Annotated[str | None, typer.Option(help="The area whose cases they see; without it all.")] = None,
    email: Annotated[str | None, typer.Option(help="Where alarms reach them.")] = None,
    role: Annotated[list[str], typer.Option(help=ROLE_HELP)] = ["practitioner"],  # noqa: B006 - typer copies it
) -> None:
    """Make an account for the staff console; prints a password to pass on by a safe way."""
    _staff(
        lambda accounts, session, password: accounts.add_staff(
            session,
            username=username,
            first_name=first_name,
            job_title=job_title,
            password=password,
            area_id=area,
            email=email,
            roles=role,
        )
    )


@staff_app.command("change")
def staff_change(
    username: str,
    role: Annotated[list[str] | None, typer.Option(help=f"Instead of the roles they have. {ROLE_HELP}")] = None,
    area: Annotated[str | None, typer.Option(help="The area whose cases they see.")] = None,
    email: Annotated[str | None, typer.Option(help="Where alarms reach them.")] = None,
    disable: Annotated[bool, typer.Option("--disable", help="Close the account.")] = False,
) -> None:
    """Change an account's roles, area or address, or close it; what is not given stays."""
    _staff(
        lambda accounts, session, _: accounts.change_staff(
            session, username=username, roles=role or (), email=email, area_id=area, disabled=disable
        ),
        show_password=False,
    )


@staff_app.command("reset")
def staff_reset(username: str) -> None:
    """Give an account a new password and end its sessions."""
    _staff(lambda accounts, session, password: accounts.reset_password(session, username=username, password=password))


@staff_app.command("list")
def staff_list(
    off: Annotated[bool, typer.Option("--off", help="Those that are switched off, not those that are open.")] = False,
) -> None:
    """Write the accounts as CSV: user name, names, roles, area (empty for all), last sign-in in UTC, second factor."""
    import csv

    from bot.console.accounts import as_lines

    found: list[list[str]] = []
    _staff(lambda accounts, session, _: found.extend(as_lines(session, off=off)), show_password=False)
    csv.writer(sys.stdout).writerows(found)


@staff_app.command("roles")
def staff_roles(
    username: str,
    role: Annotated[list[str] | None, typer.Argument(help=f"Instead of the roles they have. {ROLE_HELP}")] = None,
) -> None:
    """Write an account's roles, one a line; given roles, set them first."""
    found: list[str] = []

    def act(accounts: Any, session: Any, _: str) -> None:
        if role:
            accounts.change_staff(session, username=username, roles=role)
        found.extend(accounts.find_staff(session, username).roles)

    _staff(act, show_password=False)
    for one in found:
        print(one)


@staff_app.command("off")
def staff_off(username: str) -> None:
    """Switch an account off and end its sign-ins; the last administrator stays."""
    _staff(
        lambda accounts, session, _: accounts.switch_off(session, accounts.find_staff(session, username)),
        show_password=False,
    )


@factor_app.command("reset")
def staff_second_factor_reset(username: str) -> None:
    """Take somebody's second factor away, for a lost phone, and end their sign-ins. It is recorded."""
    had: list[bool] = []
    _staff(
        lambda accounts, session, _: had.append(accounts.reset_factor(session, accounts.find_staff(session, username))),
        show_password=False,
    )
    say("The second factor is gone." if had[0] else "There was no second factor; sign-ins have ended.")


def _staff(act: Callable[..., object], *, show_password: bool = True) -> None:
    import secrets

    from bot.console import accounts
    from bot.storage.engine import Database
    from bot.wiring import ready_database

    chosen = started()
    database = Database(chosen.database)
    ready_database(chosen, database)
    password = secrets.token_urlsafe(12)
    try:
        with database.write() as session:
            act(accounts, session, password)
    except (KeyError, ValueError) as error:
        say(str(error.args[0] if error.args else error))
        raise typer.Exit(1) from error
    if show_password:
        print(password)
