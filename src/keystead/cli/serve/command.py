"""`keystead serve`."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from keystead.settings import load_settings

if TYPE_CHECKING:
    from keystead.cli.serve.orders import Listeners
    from keystead.cli.serve.preparation import DemoAccount


@Parameter(name="*")
@dataclass(frozen=True)
class Flags:
    """What the command line lays over the settings file; None leaves a setting as it is."""

    data: Annotated[
        str | None, Parameter(help="Folder of root key, journal, certificates and, without --database, the store.")
    ] = None
    listen: Annotated[str | None, Parameter(help="HOST:PORT of the API, plain HTTP; port 0 picks a free one.")] = None
    tls_listen: Annotated[str | None, Parameter(help="HOST:PORT of the API, HTTPS.")] = None
    console_listen: Annotated[str | None, Parameter(help="HOST:PORT of the console and /metrics.")] = None
    database: Annotated[str | None, Parameter(help="PostgreSQL URL; without it, SQLite in the data folder.")] = None
    workers: Annotated[int | None, Parameter(help="How many API processes share the listeners.")] = None
    shared_quota_factor: Annotated[int | None, Parameter(help="The shared gateway's quotas times this; 0 for none.")] = None
    clock: Annotated[str | None, Parameter(help="system, or manual:2026-01-01T00:00:00Z.")] = None


_NONE = Flags()
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client, imported with it set, keeps a process's figures."""


def serve(
    *,
    config: Annotated[Path | None, Parameter(help="Settings file (TOML).")] = None,
    flags: Flags = _NONE,
    demo_account: Annotated[bool, Parameter(negative=(), help="Have an account to try with, and show its key.")] = False,
) -> int:
    """Serve until SIGTERM: the API on two listeners, the scheduler, the console. Says `ready` when all of it answers."""
    settings = load_settings(config, asdict(flags))

    from keystead.cli.serve import places
    from keystead.cli.serve.logs import log_as
    from keystead.cli.serve.orders import Orders, Role, process_name
    from keystead.cli.serve.supervisor import Child, Plan, Supervisor

    log_as("supervisor")
    lock = places.take_folder(settings.data_path)
    reserved = places.reserve(settings)
    metrics = str(settings.data_path / "metrics")
    wanted = [(Role.API, number) for number in range(1, settings.workers + 1)] + [(Role.SCHEDULER, 1), (Role.CONSOLE, 1)]
    children = [Child(process_name(*one), {FOLDER_VARIABLE: metrics} if one[0] is Role.API else {}) for one in wanted]
    supervisor = Supervisor(children, lock)

    from keystead.cli.serve import preparation  # takes as long as the processes need to load
    from keystead.console.metrics import worker_died

    preparation.ready_proxies(settings)
    preparation.ready_region(settings)
    preparation.ready_store(settings)
    preparation.ready_mail(settings)
    preparation.ready_payments(settings)
    files = preparation.ready_files(settings, reserved.hosts)
    preparation.empty_folder(Path(metrics))
    demo = preparation.demo_account(settings) if demo_account else None

    orders = {
        process_name(*one): Orders(*one, settings, reserved.listeners, str(files.certificate), str(files.key), metrics)
        for one in wanted
    }
    plan = Plan(
        orders=orders,
        listeners=reserved.listeners,
        ca=files.ca,
        drain_seconds=settings.drain_seconds,
        on_ready=lambda: _announce(reserved.listeners, files.ca, demo),
        on_death=lambda process_id: worker_died(metrics, process_id),
    )
    return supervisor.run(plan)


def _announce(listeners: Listeners, ca: Path, demo: DemoAccount | None) -> None:
    endpoints = listeners.endpoints
    if demo is not None:
        facts = {
            **endpoints,
            "CA to trust": str(ca),
            "account": f"demo ({demo.account_id})",
            "access key id": demo.access_key_id,
            "access key secret": demo.access_key_secret,
        }
        for name, value in facts.items():
            print(f"  {name:<18} {value}")
        print("\nTry this:")
        for line in _try_this(listeners, demo):
            print(f"  {line}")
        print()
    print("ready", *endpoints.values())
    sys.stdout.flush()


def _try_this(listeners: Listeners, demo: DemoAccount) -> tuple[str, str, str]:
    """Three lines for a shell: an official client, who calls, and a call."""
    call = "; ".join(
        (
            "from os import environ as e",
            "from alibabacloud_kms20160120 import client, models",
            "from alibabacloud_tea_openapi.models import Config",
            f"c = Config(e['KEY_ID'], e['KEY_SECRET'], endpoint='{listeners.plain.callable}', protocol='http')",
            "print(client.Client(c).list_kms_instances(models.ListKmsInstancesRequest(page_number=1, page_size=10)).body)",
        )
    )
    return (
        "python3 -m venv try && try/bin/pip install -q alibabacloud_kms20160120",
        f"export KEY_ID={demo.access_key_id} KEY_SECRET={demo.access_key_secret}",
        f'try/bin/python -c "{call}"',
    )
