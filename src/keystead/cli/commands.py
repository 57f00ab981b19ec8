"""The tree of commands, and the one place where failures become a line on stderr and an exit status."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError

from keystead import __version__
from keystead.cli import actions, doctor
from keystead.cli.access import access
from keystead.cli.admin import accounts, clock, coupons, instances, mail, networks, orders, services, top_ups
from keystead.cli.bill import command as bill
from keystead.cli.key import command as key
from keystead.cli.plan import command as plan
from keystead.cli.serve import command as serve
from keystead.faults import CallerFault, Fault
from keystead.settings import SettingsError

BAD_USAGE = 2
REFUSED = 1

app = App(
    name="keystead",
    help="A key management service that anyone can run.",
    version=__version__,
    help_format="plaintext",
)
admin = App(name="admin", help="The operator's tools.", help_format="plaintext")
admin.command(accounts.account)
admin.command(accounts.access_key)
admin.command(services.service)
admin.command(coupons.coupon)
admin.command(orders.order)
admin.command(top_ups.top_up)
admin.command(instances.instance)
admin.command(networks.vpc)
admin.command(clock.clock)
admin.command(clock.jobs, name="jobs")
admin.command(mail.messages, name="messages")
admin.command(mail.outbox, name="outbox")
app.command(admin)
app.command(access)
app.command(serve.serve, name="serve")
app.command(bill.bill)
app.command(plan.plan)
app.command(key.key)
app.command(doctor.doctor, name="doctor")
app.command(actions.actions, name="actions")


def run(arguments: list[str]) -> int:
    """Parse and run; an expected failure is one line on stderr."""
    try:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _refuse(" ".join(str(error).split()), BAD_USAGE)
    except (SettingsError, Fault) as error:
        return _refuse(str(error), BAD_USAGE if isinstance(error, SettingsError | CallerFault) else REFUSED)
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error), REFUSED)
    except KeyboardInterrupt:
        return 130
    return status if isinstance(status, int) else 0


def _refuse(sentence: str, status: int) -> int:
    print(f"keystead: {sentence}", file=sys.stderr)
    return status
