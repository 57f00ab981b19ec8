"""From where an instance is reached and who shares it: a second VPC and a partner's account, each refused until bought.

On a server of its own: once networks are registered, they count for all instances of a deployment.
"""

from __future__ import annotations

import json
import socket
import time
import uuid
from pathlib import Path
from typing import Any

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_tea_openapi.models import Config

from demo.cast import Customer, Server, Story, events, refusal

TEXT = "aGVsbG8gS2V5c3RlYWQ="
DOMAIN = "cryptoservice.kms.keystead.internal"
REGION = "ap-southeast-1"


def live(story: Story, folder: Path) -> None:
    """The whole of it. The story calls from 127.0.0.1, which is in the second VPC."""
    folder.mkdir()
    server = Server(folder)
    _name_server()
    try:
        customer = Customer(server, "demo-networks", "10000.00")
        for vpc, cidr in (("demo", "10.1.0.0/16"), ("second", "127.0.0.1/32")):
            place = ["--owner", "demo-networks", "--region", REGION, "--cidr", cidr, "--vswitch", f"vsw-{vpc}:{REGION}a"]
            server.operator("admin", "vpc", "create", f"vpc-{vpc}", *place)
        instance_id = str(customer.buy(uuid.uuid4().hex).data.instance_id)
        status = customer.connect(instance_id)
        used = _access(customer, instance_id)
        story.tell("two VPCs are registered; an instance is enabled in the first", status == "Connected", used)
        key_id = customer.create_key(instance_id)
        _second_vpc(story, server, customer, instance_id, key_id)
        _partner(story, server, customer, instance_id)
        events(server, "1s")
        subjects = _told(server)
        held = any("VPCs and accounts" in subject for subject in subjects)
        story.tell("the owner is told that nearly all of it is in use", held, subjects[0])
    finally:
        server.stop()


def _told(server: Server) -> list[str]:
    """The owner's messages on usage, once they are composed."""
    for _ in range(50):
        told = [str(message["subject"]) for message in server.operator("admin", "messages", "demo-networks")]
        found = [subject for subject in told if "is in use" in subject]
        if found:
            return found
        time.sleep(0.2)
    return ["no message"]


def _second_vpc(story: Story, server: Server, customer: Customer, instance_id: str, key_id: str) -> None:
    own = _at(customer, f"{instance_id}.{DOMAIN}:{server.ports[0]}")
    code = refusal(own, key_id)
    story.tell("from the second VPC the instance's own address refuses", code == "403 Forbidden.NoPermission", code)
    code = refusal(_bind, customer, instance_id)
    figures = f"{code}; {_access(customer, instance_id)}"
    story.tell("the second VPC cannot be bound: one is purchased", code == "400 Rejected.LimitExceeded", figures)
    paid, made = customer.upgrade(instance_id, "VpcNum", "2")
    story.tell("bought: access for two", made.success, f"{paid:.2f} USD for the rest of the month")
    code = refusal(own, key_id)
    story.tell("bought is not bound: still refused", code.startswith("403"), code)
    _bind(customer, instance_id)
    shown = [vpc.vpc_id for vpc in customer.instance(instance_id).bind_vpcs.bind_vpc]
    held = shown == ["vpc-second"] and own(key_id)
    story.tell("bound: it encrypts from there", held, f"{', '.join(shown)}; {_access(customer, instance_id)}")


def _partner(story: Story, server: Server, customer: Customer, instance_id: str) -> None:
    partner = Customer(server, "demo-partner", "0.01")
    code = refusal(partner.create_key, instance_id)
    story.tell("to another account the instance is not there", code == "404 Forbidden.DKMSInstanceNotFound", code)
    try:
        server.operator("admin", "instance", "share", instance_id, "demo-partner", "--ownership", "independent")
        refused = ""
    except SystemExit as failed:
        refused = str(failed)
    story.tell("it cannot be shared: both are in use", "2 are purchased" in refused, _access(customer, instance_id))
    paid, made = customer.upgrade(instance_id, "VpcNum", "3")
    server.operator("admin", "instance", "share", instance_id, "demo-partner", "--ownership", "independent")
    used = _access(customer, instance_id)
    held = made.success and used == "3 of 3 in use"
    story.tell("a third is bought, the instance shared, and that counts", held, f"{paid:.2f} USD; {used}")
    key_id = partner.create_key(instance_id)
    held = partner.decrypt(partner.encrypt(key_id, TEXT)) == TEXT
    story.tell("the partner's key works, and takes of the owner's quota", held, customer.key_quota(instance_id))
    code = refusal(customer.encrypt, key_id, TEXT)
    story.tell("in independent ownership the owner does not see it", code == "404 Forbidden.KeyNotFound", code)


def _bind(customer: Customer, instance_id: str) -> None:
    bound = [{"VpcId": "vpc-second", "VSwitchId": "vsw-second", "RegionId": REGION, "VpcOwnerId": customer.account_id}]
    request = models.UpdateKmsInstanceBindVpcRequest(kms_instance_id=instance_id, bind_vpcs=json.dumps(bound))
    customer.kms.update_kms_instance_bind_vpc(request)


def _access(customer: Customer, instance_id: str) -> str:
    request = models.GetKmsInstanceQuotaInfosRequest(kms_instance_id=instance_id, resource_type="vpc")
    info = customer.kms.get_kms_instance_quota_infos(request).body.kms_instance_quota_infos[0]
    return f"{info.used_quantity} of {info.resource_quota} in use"


def _at(customer: Customer, endpoint: str) -> Any:
    """Give what encrypts by the official client at another address, with the customer's key."""
    key = {"access_key_id": customer.credentials[0], "access_key_secret": customer.credentials[1]}
    client = KmsClient(Config(endpoint=endpoint, protocol="http", **key))

    def encrypt(key_id: str) -> str:
        return str(client.encrypt(models.EncryptRequest(key_id=key_id, plaintext=TEXT)).body.ciphertext_blob)

    return encrypt


def _name_server() -> None:
    """Lead the names of instances here, as a deployment's name server does."""
    ask = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **named: Any) -> Any:
        ours = isinstance(host, str) and host.endswith(DOMAIN)
        return ask("127.0.0.1" if ours else host, *rest, **named)

    socket.getaddrinfo = answer
