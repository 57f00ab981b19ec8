"""The dedicated gateway: an application with a client key and nothing else uses the keys it may, until its key is taken away."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import certifi
from alibabacloud_kms20160120 import models

from demo.cast import Customer, Server, Story

PYTHON = Path(__file__).parents[1] / ".venv-clients" / "dkms" / "bin" / "python"
PROGRAM = Path(__file__).with_name("application.py")
PASSWORD = "Demo-Client-Key-1"  # noqa: S105 - of the story
KEY_USER = "RbacPermission/Template/CryptoServiceKeyUser"


def live(story: Story, server: Server, folder: Path) -> None:
    """The whole of it: handed out, used, narrowed, deleted."""
    customer = Customer(server, "demo-application", "500.00")
    instance_id = str(customer.buy(uuid.uuid4().hex).data.instance_id)
    customer.connect(instance_id)
    mine, other = customer.create_key(instance_id), customer.create_key(instance_id)
    client_key_id, handed_out = _hand_out(story, server, customer, instance_id, mine, folder)
    told = _run(handed_out, mine)
    figures = f"{told.get('bytes')} bytes by {told.get('algorithm')}, by a client key and a password alone"
    story.tell("the application encrypts and decrypts at the dedicated gateway, over TLS", told.get("opened"), figures)
    code = _run(handed_out, other).get("refused", "")
    story.tell("a key that its policy does not name is refused", code == "Forbidden.NoPermission", code)
    why = _run({**handed_out, "password": "Another-Password-1"}, mine).get("why", "")
    story.tell("with another password the client key does not open", "mac verify failure" in why, "mac verify failure")
    why = _run({**handed_out, "chain": certifi.where()}, mine).get("why", "")
    held = "certificate verify failed" in why.lower().replace("_", " ")
    story.tell("trusting the public authorities only, it does not talk to the server", held, "certificate verify failed")
    customer.kms.delete_client_key(models.DeleteClientKeyRequest(client_key_id=client_key_id))
    code = _run(handed_out, mine).get("refused", "")
    story.tell("the client key is deleted: the application is refused at once", code == "Unauthorized", code)


def _hand_out(
    story: Story, server: Server, customer: Customer, instance_id: str, key_id: str, folder: Path
) -> tuple[str, dict[str, str]]:
    """Make an access point that may use one key, and a client key; gives its id and all that the application is to know."""
    granted = {"permissions": json.dumps([KEY_USER]), "resources": json.dumps([f"key/{key_id}"])}
    customer.kms.create_policy(models.CreatePolicyRequest(name="orders", kms_instance=instance_id, **granted))
    point = models.CreateApplicationAccessPointRequest(name="shop", policies='["orders"]')
    customer.kms.create_application_access_point(point)
    made = customer.kms.create_client_key(models.CreateClientKeyRequest(aap_name="shop", password=PASSWORD)).body
    key_file, chain = folder / "clientKey.json", folder / "PrivateKmsCA.pem"
    key_file.write_text(json.dumps({"KeyId": made.client_key_id, "PrivateKeyData": made.private_key_data}))
    chain.write_text(customer.instance(instance_id).ca_certificate_chain_pem)
    story.tell("a client key was handed out, for one key of one instance", made.client_key_id, f"good until {made.not_after}")
    known = {"client_key_file": str(key_file), "password": PASSWORD, "chain": str(chain)}
    return str(made.client_key_id), {**known, "endpoint": f"127.0.0.1:{server.ports[1]}"}


def _run(known: dict[str, str], key_id: str) -> dict[str, Any]:
    """Run the application; gives what it tells."""
    asked = json.dumps({**known, "key_id": key_id})
    done = subprocess.run([str(PYTHON), str(PROGRAM)], input=asked, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(f"the application failed: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
