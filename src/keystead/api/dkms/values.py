"""GenerateRandom and GetSecretValue of the instance API (its pages, read 2026-11-22)."""

from __future__ import annotations

import base64
from typing import ClassVar, Final

import msgspec

from keystead.access_points import rules
from keystead.access_points.faults import AccessObjectNotFound, NotGranted
from keystead.access_points.model import Permission
from keystead.api.dkms._product import DKMS
from keystead.faults import InvalidParameter
from keystead.gate.call import ANY_GATEWAY, Call
from keystead.gate.dedicated import hosts
from keystead.gate.dedicated.protobuf import Message, Reply
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.instances.faults import InstanceNotFound
from keystead.keyring.faults import KeyUnavailable
from keystead.quotas.model import Work

RANDOM_BYTES_MAX: Final = 1024


class GenerateRandomRequest(Message, kw_only=True):
    """How many bytes: 1 to 1,024."""

    length: int


class GenerateRandomResponse(Reply, kw_only=True):
    """The bytes."""

    REQUEST_ID: ClassVar[int] = 2
    random: bytes


class GetSecretValueRequest(Message, kw_only=True):
    """Which secret, and which of its versions."""

    secret_name: str
    version_stage: str = ""
    version_id: str = ""
    fetch_extended_config: bool = False


class GetSecretValueResponse(Reply, kw_only=True):
    """The secret's value and what belongs to it."""

    REQUEST_ID: ClassVar[int] = 8
    secret_name: str = ""
    secret_type: str = ""
    secret_data: str = ""
    secret_data_type: str = ""
    version_stages: list[str] = msgspec.field(default_factory=list)
    version_id: str = ""
    create_time: str = ""
    last_rotation_date: str = ""
    next_rotation_date: str = ""
    extended_config: str = ""
    automatic_rotation: str = ""
    rotation_interval: str = ""


@DKMS.action("GenerateRandom", Effect.COMPUTE, methods="POST")
def generate_random(call: Call, request: GenerateRandomRequest) -> GenerateRandomResponse:
    """Draw random bytes, as one request of the instance."""
    if not 1 <= request.length <= RANDOM_BYTES_MAX:
        raise InvalidParameter("Length", f"It must be from 1 to {RANDOM_BYTES_MAX}.")
    _admit(call, Permission.KEY_USER, "", Work.RANDOM)
    return GenerateRandomResponse(random=base64.b64decode(call.service.keystore.data_key_text(request.length)))


@DKMS.action("GetSecretValue", Effect.COMPUTE, methods="POST")
def get_secret_value(call: Call, request: GetSecretValueRequest) -> GetSecretValueResponse:
    """Refuse: no secret is there yet, whatever it is called."""
    _admit(call, Permission.SECRET_USER, f"secret/{request.secret_name}", Work.SECRET_VALUE)
    raise AccessObjectNotFound(request.secret_name)


def _admit(call: Call, permission: Permission, resource: str, work: Work) -> None:
    """Judge the caller and the instance, and take a request of its budget: the gateway's, else the first granted."""
    passport = call.principal.passport
    named = call.gateway
    instance_id = rules.first_instance(passport) if passport is not None and named == ANY_GATEWAY else named
    if not instance_id:
        raise NotGranted
    hosts.require(call, instance_id, permission, resource)
    call.record.instance_id = instance_id
    standing = instances.standing_of(call.warm, instance_id)
    if standing.released(call.now) or not standing.serves(call.account_id):
        raise InstanceNotFound(instance_id)
    if standing.expired(call.now):
        raise KeyUnavailable(instance_id)
    call.admit("", work, standing)
