"""TagResource, UntagResource, ListResourceTags, TagResources, UntagResources, ListTagResources (KMS API pages, 2026-11-22)."""

from __future__ import annotations

import msgspec

from keystead.api.kms._product import KMS
from keystead.api.kms._reach import KeyRequest, NothingResponse, key_for, selection_of
from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.call import Call
from keystead.gate.dispatch import permit_item
from keystead.gate.parameters import Part, Request, Response
from keystead.gate.registry import Effect
from keystead.instances import commands as instances
from keystead.keyring import commands as keyring
from keystead.keyring import lifecycle
from keystead.keyring.faults import NotOffered
from keystead.keyring.model import Key, Operation
from keystead.labels import commands as labels
from keystead.labels import rules
from keystead.labels.faults import ResourceNotFound
from keystead.labels.model import Home, Kind, Resource, Wanted

RESOURCES_MAX = 50
LISTED_MAX = 200


class TagPart(Part):
    """A tag of a request."""

    key: str
    value: str = ""


class TagResourceRequest(Request):
    """Exactly one of the three resources; `tags` is JSON: `[{"TagKey":…,"TagValue":…}]`."""

    tags: str
    key_id: str = ""
    secret_name: str = ""
    certificate_id: str = ""


class UntagResourceRequest(Request):
    """Exactly one of the three resources; `tag_keys` is a comma list or a JSON list."""

    tag_keys: str
    key_id: str = ""
    secret_name: str = ""
    certificate_id: str = ""


class ResourceTag(msgspec.Struct, kw_only=True, rename="pascal"):
    """A tag of a key."""

    key_id: str
    tag_key: str
    tag_value: str


class ResourceTags(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    tag: list[ResourceTag]


class ListResourceTagsResponse(Response):
    """The key's tags, by their keys."""

    tags: ResourceTags


class TagResourcesRequest(Request):
    """1 to 50 resources of a kind, and 1 to 20 tags for each."""

    region_id: str
    resource_type: str
    resource_ids: tuple[str, ...] = msgspec.field(name="ResourceId")
    tags: tuple[TagPart, ...] = msgspec.field(name="Tag")


class UntagResourcesRequest(Request):
    """1 to 50 resources of a kind; which tags to take off, or with `all` and no key named, all of them."""

    region_id: str
    resource_type: str
    resource_ids: tuple[str, ...] = msgspec.field(name="ResourceId")
    tag_keys: tuple[str, ...] | None = msgspec.field(name="TagKey", default=None)
    all: bool | None = None


class ListTagResourcesRequest(Request):
    """Of which resources, or of those that bear all these tags; without either, of all that bear any."""

    region_id: str
    resource_type: str
    resource_ids: tuple[str, ...] | None = msgspec.field(name="ResourceId", default=None)
    tags: tuple[TagPart, ...] | None = msgspec.field(name="Tag", default=None)
    next_token: str = ""
    """Where the page before ended: `<resource id>/<tag key>`."""


class TagOfResource(msgspec.Struct, kw_only=True, rename="pascal"):
    """A tag of a resource."""

    resource_id: str
    resource_type: str
    tag_key: str
    tag_value: str


class TagsOfResources(msgspec.Struct, kw_only=True, rename="pascal"):
    """The wrapper the cloud puts around the list."""

    tag_resource: list[TagOfResource]


class ListTagResourcesResponse(Response):
    """Up to 200 tags; `next_token` is empty on the last page."""

    tag_resources: TagsOfResources
    next_token: str


@KMS.action("TagResource", Effect.WRITE)
def tag_resource(call: Call, request: TagResourceRequest) -> NothingResponse:
    """Put tags on a key; a tag that is there gets the new value."""
    tags = rules.tags_of_json(request.tags)
    if not tags:
        raise InvalidParameter("Tags", "It names no tag.")
    key = _one_key(call, request)
    labels.put_tags(call.tx, lifecycle.resource_of(key), tags)
    return NothingResponse()


@KMS.action("UntagResource", Effect.WRITE)
def untag_resource(call: Call, request: UntagResourceRequest) -> NothingResponse:
    """Take tags off a key; one it does not have is no fault."""
    keys = rules.tag_keys_of(request.tag_keys)
    key = _one_key(call, request)
    labels.take_tags(call.tx, lifecycle.resource_of(key), keys)
    return NothingResponse()


@KMS.action("ListResourceTags", Effect.READ)
def list_resource_tags(call: Call, request: KeyRequest) -> ListResourceTagsResponse:
    """List a key's tags."""
    key = key_for(call, request.key_id, Operation.DESCRIBE)
    tags = labels.tags_of(call.tx, lifecycle.resource_of(key))
    shown = [ResourceTag(key_id=key.key_id, tag_key=name, tag_value=value) for name, value in tags.items()]
    return ListResourceTagsResponse(tags=ResourceTags(tag=shown))


@KMS.action("TagResources", Effect.WRITE)
def tag_resources(call: Call, request: TagResourcesRequest) -> NothingResponse:
    """Put the same tags on several keys or instances: on all of them or, if one cannot have them, on none."""
    tags = rules.checked_tags("Tag", ((tag.key, tag.value) for tag in request.tags))
    for resource in _resources(call, request.resource_type, request.resource_ids):
        labels.put_tags(call.tx, resource, tags)
    return NothingResponse()


@KMS.action("UntagResources", Effect.WRITE)
def untag_resources(call: Call, request: UntagResourcesRequest) -> NothingResponse:
    """Take tags off several keys or instances, off all of them or none; `All` counts only where no tag's key is named."""
    if not request.tag_keys and not request.all:
        raise MissingParameter("TagKey")
    names = rules.checked_keys("TagKey", request.tag_keys) if request.tag_keys else None
    for resource in _resources(call, request.resource_type, request.resource_ids):
        labels.take_tags(call.tx, resource, names)
    return NothingResponse()


@KMS.action("ListTagResources", Effect.READ)
def list_tag_resources(call: Call, request: ListTagResourcesRequest) -> ListTagResourcesResponse:
    """List the tags of the account's keys or instances in the region, 200 a page; what is not there has none."""
    kind = _kind(request.resource_type)
    tags = rules.checked_tags("Tag", ((tag.key, tag.value) for tag in request.tags or ()))
    resource_ids = _few(request.resource_ids or ())
    after_id, slash, tag_key = request.next_token.partition("/")
    if (request.next_token and not slash) or "\x00" in request.next_token:
        raise InvalidParameter("NextToken", "It is not one that this action gave; leave it out to start anew.")
    found, wanted, after = [], Wanted(resource_ids, tags), (after_id, tag_key)
    if kind is Kind.KEY:
        found = keyring.tagged(call.tx, selection_of(call, {}), wanted, after, LISTED_MAX + 1)
    if kind is Kind.INSTANCE:
        found = instances.tagged(call.tx, Home(call.account_id, call.region), wanted, after, LISTED_MAX + 1)
    shown = [
        TagOfResource(resource_id=each.resource_id, resource_type=kind.value, tag_key=each.key, tag_value=each.value)
        for each in found[:LISTED_MAX]
    ]
    more = len(found) > LISTED_MAX
    return ListTagResourcesResponse(
        tag_resources=TagsOfResources(tag_resource=shown),
        next_token=f"{shown[-1].resource_id}/{shown[-1].tag_key}" if more else "",
    )


def _one_key(call: Call, request: TagResourceRequest | UntagResourceRequest) -> Key:
    named = [name for name in (request.key_id, request.secret_name, request.certificate_id) if name]
    if not named:
        raise MissingParameter("KeyId")
    if len(named) > 1:
        raise InvalidParameter("KeyId", "Give one of KeyId, SecretName and CertificateId.")
    if request.secret_name:
        raise ResourceNotFound(request.secret_name)
    if request.certificate_id:
        raise NotOffered("Certificates are not offered.")
    return key_for(call, request.key_id, Operation.EDIT)


def _resources(call: Call, resource_type: str, resource_ids: tuple[str, ...]) -> list[Resource]:
    kind = _kind(resource_type)
    wanted = _few(resource_ids)
    if kind is Kind.SECRET:
        raise ResourceNotFound(wanted[0])
    if kind is Kind.INSTANCE:
        home = Home(call.account_id, call.region)
        for instance_id in wanted:
            permit_item(call, f"instance/{instance_id}")
        return [instances.taggable(call.tx, call.now, home, instance_id) for instance_id in wanted]
    return [lifecycle.resource_of(key_for(call, resource_id, Operation.EDIT)) for resource_id in wanted]


def _kind(resource_type: str) -> Kind:
    try:
        return Kind(resource_type)
    except ValueError:
        raise InvalidParameter("ResourceType", f"It must be {' or '.join(Kind)}.") from None


def _few(resource_ids: tuple[str, ...]) -> list[str]:
    found = list(dict.fromkeys(resource_ids))
    if len(found) > RESOURCES_MAX or not all(found):
        raise InvalidParameter("ResourceId", f"There are {RESOURCES_MAX} at most, none empty.")
    return found
