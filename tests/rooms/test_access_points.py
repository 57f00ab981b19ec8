"""Access points, policies, network rules and client keys by their actions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select

from keystead.access_points import rows as access_point_rows
from keystead.clock import SystemClock, iso_z, parse_iso_z
from keystead.notices import commands as notices
from keystead.notices.model import NoticeKind
from keystead.store import metadata
from tests.access import KEY_USER, PASSWORD, application, opened, policy
from tests.world import Tenant, World


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A service."""
    made = World(database_url, tmp_path / "var")
    yield made
    made.close()


@pytest.fixture
def tenant(world: World) -> Tenant:
    """An account."""
    return world.tenant()


def test_an_access_point_from_first_to_last(tenant: Tenant) -> None:
    """Created, shown, listed, updated and deleted, with its policy and rule; ARNs and texts are as the API pages have them."""
    instance_id = tenant.instance()
    home = f"acs:kms:ap-southeast-1:{tenant.account_id}"
    rule = tenant.kms("CreateNetworkRule", Name="office", Type="Private", SourcePrivateIp='["10.0.0.0/8","192.0.2.7"]')
    assert rule.body["Arn"] == f"{home}:network/office"
    asked = {"Permissions": json.dumps([KEY_USER]), "Resources": '["key/*", "secret/db"]', "Description": "for the shop"}
    made = tenant.kms(
        "CreatePolicy", Name="shop-keys", KmsInstance=instance_id, AccessControlRules='{"NetworkRules": ["office"]}', **asked
    ).body
    assert made["Arn"] == f"{home}:policy/shop-keys"
    assert made["Resources"] == '["key/*","secret/db"]'  # one text, no blanks
    shown = tenant.kms("DescribePolicy", Name="shop-keys").body
    assert shown["Permissions"] == [KEY_USER]
    assert shown["Resources"] == ["key/*", "secret/db"]
    assert shown["AccessControlRules"] == '{"NetworkRules":["office"]}'
    assert shown["KmsInstance"] == instance_id
    point = tenant.kms("CreateApplicationAccessPoint", Name="shop", Policies='["shop-keys"]', AuthenticationMethod="ClientKey")
    assert point.body["Arn"] == f"{home}:applicationaccesspoint/shop"
    assert tenant.kms("DescribeApplicationAccessPoint", Name="shop").body["Policies"] == '["shop-keys"]'
    listed = tenant.kms("ListApplicationAccessPoints").body
    assert listed["ApplicationAccessPoints"] == {
        "ApplicationAccessPoint": [{"Name": "shop", "AuthenticationMethod": "ClientKey"}]
    }
    assert tenant.kms("ListPolicies").body["Policies"] == {"Policy": [{"Name": "shop-keys"}]}
    assert tenant.kms("ListNetworkRules").body["NetworkRules"] == {"NetworkRule": [{"Name": "office", "Type": "Private"}]}
    assert tenant.kms("UpdateApplicationAccessPoint", Name="shop", Description="the shop").status == 200
    assert tenant.kms("UpdateNetworkRule", Name="office", SourcePrivateIp="10.1.0.0/16, 192.0.2.8").status == 200
    assert tenant.kms("UpdatePolicy", Name="shop-keys", Resources='["key/*"]').status == 200
    after = tenant.kms("DescribeApplicationAccessPoint", Name="shop").body
    assert (after["Description"], after["Policies"]) == ("the shop", '["shop-keys"]')
    assert tenant.kms("DescribeNetworkRule", Name="office").body["SourcePrivateIp"] == "10.1.0.0/16, 192.0.2.8"
    assert tenant.kms("DescribePolicy", Name="shop-keys").body["Description"] == "for the shop"
    for action, name in (("DeletePolicy", "shop-keys"), ("DeleteNetworkRule", "office")):
        refused = tenant.kms(action, Name=name)
        assert (refused.status, refused.code) == (400, "Rejected.UnsupportedOperation")
    for action, name in (("ApplicationAccessPoint", "shop"), ("Policy", "shop-keys"), ("NetworkRule", "office")):
        assert tenant.kms(f"Delete{action}", Name=name).status == 200
        gone = tenant.kms(f"Describe{action}", Name=name)
        assert (gone.status, gone.code) == (404, "Forbidden.ResourceNotFound")


def test_a_client_key_is_handed_out_once(tenant: Tenant, tmp_path: Path) -> None:
    """PKCS#12 under the password, five years by default, its certificate kept; its private half is in no row and no file."""
    policy(tenant, "p", tenant.instance(), ["key/*"])
    tenant.kms("CreateApplicationAccessPoint", Name="shop", Policies='["p"]')
    made = tenant.kms("CreateClientKey", AapName="shop", Password=PASSWORD).body
    assert made["ClientKeyId"].startswith("KAAP.")
    assert made["KeyAlgorithm"] == "RSA_2048"
    begin, end = parse_iso_z(made["NotBefore"]), parse_iso_z(made["NotAfter"])
    assert (end.year, end.month, end.hour) == (begin.year + 5, begin.month, begin.hour)
    key = opened(made)
    with pytest.raises(ValueError, match="password"):
        opened(made, "Client-Key-2")
    shown = tenant.kms("GetClientKey", ClientKeyId=made["ClientKeyId"]).body
    certificate = x509.load_pem_x509_certificate(shown["PublicKeyData"].encode())
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert certificate.public_key().public_bytes(*spki) == key.private_key.public_key().public_bytes(*spki)
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (begin, end)
    assert (shown["AapName"], shown["KeyOrigin"], shown["NotAfter"]) == ("shop", "KMS_PROVIDED", made["NotAfter"])
    listed = tenant.kms("ListClientKeys", AapName="shop").body["ClientKeys"]
    assert [{**row, "RequestId": shown["RequestId"]} for row in listed] == [shown]
    numbers = key.private_key.private_numbers()
    pkcs8 = key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    pieces = [numbers.d.to_bytes(256, "big")[16:80], numbers.p.to_bytes(128, "big"), base64.b64decode(made["PrivateKeyData"])]
    assert pieces[1] in pkcs8
    store = tenant.world.service.store
    with store.read() as tx:
        rows = b"".join(
            value if isinstance(value, bytes) else str(value).encode()
            for name in metadata.tables
            if name != "rate_bucket"
            for row in tx.execute(select(metadata.tables[name]))
            for value in row
        )
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for where in (rows, files):
        assert made["ClientKeyId"].encode() in rows
        for piece in (*pieces, PASSWORD.encode(), made["PrivateKeyData"].encode()):
            assert piece not in where


def test_validity_is_the_callers_to_choose(tenant: Tenant) -> None:
    """Both instants or neither, the end after the beginning and ahead of now."""
    policy(tenant, "p", tenant.instance(), ["key/*"])
    tenant.kms("CreateApplicationAccessPoint", Name="shop", Policies='["p"]')
    chosen = {"NotBefore": "2025-01-01T00:00:00Z", "NotAfter": "2099-01-01T00:00:00Z"}
    made = tenant.kms("CreateClientKey", AapName="shop", Password=PASSWORD, **chosen).body
    assert {name: made[name] for name in chosen} == chosen
    for bad, named in (
        ({"NotBefore": "2025-01-01T00:00:00Z"}, "NotAfter"),
        ({"NotAfter": "2099-01-01T00:00:00Z"}, "NotBefore"),
        ({**chosen, "NotAfter": "2024-01-01T00:00:00Z"}, "NotAfter"),
        ({**chosen, "NotAfter": "2026-01-01T00:00:00Z"}, "NotAfter"),  # over, by wall time
        ({**chosen, "NotBefore": "1969-01-01T00:00:00Z"}, "NotBefore"),
        ({**chosen, "NotAfter": "tomorrow"}, "NotAfter"),
    ):
        refused = tenant.kms("CreateClientKey", AapName="shop", Password=PASSWORD, **bad)
        assert (refused.status, refused.code) == (400, "InvalidParameter")
        assert named in refused.body["Message"]


@pytest.mark.parametrize("password", ["Short-1", "onlyletters", "12345678", "~!*&^?-_", "with blank 1", "x1" * 33, "päßwort-1"])
def test_weak_passwords_are_refused(tenant: Tenant, password: str) -> None:
    """8 to 64 characters of two of the three classes, and no others."""
    refused = tenant.kms("CreateClientKey", AapName="shop", Password=password)
    assert (refused.status, refused.code) == (400, "InvalidParameter")
    assert "Password" in refused.body["Message"]
    assert password not in refused.body["Message"]


def test_names_are_taken_once_and_must_be_there(tenant: Tenant) -> None:
    """A second one of a name is 409; what is named and is not there is 404; four policies are too many."""
    instance_id = tenant.instance()
    policy(tenant, "p", instance_id, ["key/*"])
    asked = {"Permissions": json.dumps([KEY_USER]), "Resources": '["key/*"]'}
    again = tenant.kms("CreatePolicy", Name="p", KmsInstance=instance_id, **asked)
    assert (again.status, again.code) == (409, "Rejected.ResourceExist")
    absent = tenant.kms("CreatePolicy", Name="q", KmsInstance=instance_id, AccessControlRules='{"NetworkRules":["no"]}', **asked)
    assert (absent.status, absent.code) == (404, "Forbidden.ResourceNotFound")
    absent = tenant.kms("CreateApplicationAccessPoint", Name="a", Policies='["p","no"]')
    assert (absent.status, absent.code) == (404, "Forbidden.ResourceNotFound")
    absent = tenant.kms("CreatePolicy", Name="q", KmsInstance="kst-soz00000000aaaaaaaaaa", **asked)
    assert (absent.status, absent.code) == (404, "Forbidden.DKMSInstanceNotFound")
    many = tenant.kms("CreateApplicationAccessPoint", Name="a", Policies='["a","b","c","d"]')
    assert (many.status, many.code) == (400, "InvalidParameter")
    elsewhere = tenant.kms("CreatePolicy", Name="r", RegionId="moon-1", **asked)
    assert (elsewhere.status, elsewhere.code) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("parameter", "document", "place"),
    [
        ("Permissions", "", "Permissions"),
        ("Permissions", "[]", "lists nothing"),
        ("Permissions", f'["{KEY_USER}","{KEY_USER}"]', "$[1]"),
        ("Permissions", f'["{KEY_USER}","RbacPermission/Template/Root"]', "$[1]"),
        ("Permissions", f'["{KEY_USER.lower()}"]', "$[0]"),
        ("Permissions", f'["{KEY_USER}",1]', "$[1]"),
        ("Permissions", KEY_USER, "byte 0"),
        ("Resources", "[]", "1 to 100"),
        ("Resources", json.dumps([f"key/k{number}" for number in range(101)]), "1 to 100"),
        ("Resources", '["key/*","key/a","key/*"]', "$[2]"),
        ("Resources", '["key/*","bucket/x"]', "$[1]"),
        ("Resources", '["*"]', "$[0]"),
        ("Resources", '["key/a","key/"]', "$[1]"),
        ("Resources", '["key/a b"]', "$[0]"),
        ("Resources", '["key/a\\u0000"]', "$[0]"),
        ("Resources", '["acs:kms:r:1:key/a"]', "$[0]"),
        ("Resources", json.dumps(["key/" + "a" * 256]), "$[0]"),
        ("Resources", '["key/a",null]', "$[1]"),
        ("Resources", '["key/a",]', "byte 9"),
        ("Resources", '["key/a"] more', "trailing characters"),
        ("Resources", '["key/a"', "truncated"),
        ("Resources", '{"key/a":1}', "got `object`"),
        ("Resources", "[" * 5000, "Resources"),
        ("AccessControlRules", '["office"]', "got `array`"),
        ("AccessControlRules", '{"Networkrules":["office"]}', "`Networkrules`"),
        ("AccessControlRules", '{"NetworkRules":"office"}', "$.NetworkRules"),
        ("AccessControlRules", '{"NetworkRules":["office",7]}', "$.NetworkRules[1]"),
        ("AccessControlRules", '{"NetworkRules":["office","office"]}', "$.NetworkRules[1]"),
        ("AccessControlRules", '{"NetworkRules":["office","of fice"]}', "$.NetworkRules[1]"),
        ("AccessControlRules", json.dumps({"NetworkRules": [f"r{number}" for number in range(101)]}), "100 rules"),
        ("AccessControlRules", json.dumps({"x" * 5000: 1}), "unknown field"),
        ("Name", "", "Name"),
        ("Name", "a b", "Name"),
        ("Name", "n" * 65, "Name"),
        ("Description", "d" * 8193, "8192"),
    ],
)
def test_a_wrong_policy_is_refused_with_the_place(policy_maker: Tenant, parameter: str, document: str, place: str) -> None:
    """CreatePolicy says which parameter is wrong and where in it; nothing is kept. UpdatePolicy says the same."""
    good = {"Name": "new", "KmsInstance": "shared", "Permissions": f'["{KEY_USER}"]', "Resources": '["key/*"]'}
    refused = policy_maker.kms("CreatePolicy", **good | {parameter: document})
    assert (refused.status, refused.code) == (400, "InvalidParameter" if document else "MissingParameter")
    assert parameter in refused.body["Message"]
    assert place in refused.body["Message"]
    assert len(refused.body["Message"]) < 400
    assert policy_maker.kms("DescribePolicy", Name="new").status == 404
    if parameter != "Name" and document:
        kept = policy_maker.kms("DescribePolicy", Name="kept").body
        changed = policy_maker.kms("UpdatePolicy", Name="kept", **{parameter: document})
        assert (changed.status, changed.body["Message"]) == (400, refused.body["Message"])
        after = policy_maker.kms("DescribePolicy", Name="kept").body
        assert after == {**kept, "RequestId": after["RequestId"]}


@pytest.fixture(scope="module")
def policy_maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """An account with the policy `kept`; documents are judged before any database is asked, so one will do."""
    folder = tmp_path_factory.mktemp("policies")
    made = World(f"sqlite:///{folder / 'keystead.db'}", folder / "var")
    tenant = made.tenant()
    policy(tenant, "kept", "shared", ["key/*"])
    yield tenant
    made.close()


@pytest.mark.parametrize(
    ("addresses", "place"),
    [
        ('["10.0.0.1","10.0.0.0/33"]', "$[1]"),
        ("10.0.0.1,host.example", "$[1]"),
        ('["10.0.0.1","10.0.0.1"]', "$[1]"),
        ('["10.0.0.1",1]', "$[1]"),
        ('["10.0.0.1"', "truncated"),
    ],
)
def test_a_wrong_network_rule_is_refused_with_the_place(policy_maker: Tenant, addresses: str, place: str) -> None:
    """The entry that is no address, given twice, or no text."""
    refused = policy_maker.kms("CreateNetworkRule", Name="new", Type="Private", SourcePrivateIp=addresses)
    assert (refused.status, refused.code) == (400, "InvalidParameter")
    assert "SourcePrivateIp" in refused.body["Message"]
    assert place in refused.body["Message"]
    assert policy_maker.kms("DescribeNetworkRule", Name="new").status == 404


@pytest.mark.parametrize(
    ("policies", "place"),
    [("[]", "1 to 3"), ('["kept","kept"]', "$[1]"), ('["kept","a b"]', "$[1]"), ('["kept",0]', "$[1]"), ("kept", "byte 0")],
)
def test_wrong_policies_of_an_access_point_are_refused_with_the_place(policy_maker: Tenant, policies: str, place: str) -> None:
    """The entry that is no name, given twice, or no text."""
    refused = policy_maker.kms("CreateApplicationAccessPoint", Name="new", Policies=policies)
    assert (refused.status, refused.code) == (400, "InvalidParameter")
    assert "Policies" in refused.body["Message"]
    assert place in refused.body["Message"]


def test_an_access_point_takes_its_client_keys_along(tenant: Tenant) -> None:
    """Deleted with it: they are neither shown nor listed any more."""
    policy(tenant, "p", tenant.instance(), ["key/*"])
    key = application(tenant, "shop", "p")
    assert tenant.kms("DeleteApplicationAccessPoint", Name="shop").status == 200
    assert tenant.kms("GetClientKey", ClientKeyId=key.client_key_id).status == 404
    assert tenant.kms("ListClientKeys").body["ClientKeys"] == []


def test_the_end_of_a_client_key_is_told_of_four_times(world: World, tenant: Tenant) -> None:
    """180, 90, 30 and 7 days before, once each; after a renewal of the key by another one, none of a deleted key's."""
    policy(tenant, "p", tenant.instance(), ["key/*"])
    end = datetime(SystemClock().read().wall.year + 1, 1, 1, tzinfo=UTC)  # a client key's end lies ahead of wall time
    until = {"NotBefore": "2026-01-01T00:00:00Z", "NotAfter": iso_z(end)}
    key = application(tenant, "shop", "p", **until)
    short = application(tenant, "till", "p", **until)
    told = world.advance_to(iso_z(end - timedelta(days=90)))
    mine = [each for each in told if each.kind == "client_key_expiring" and each.subject == key.client_key_id]
    assert [(end - each.at, each.detail["days"]) for each in mine] == [
        (timedelta(days=180), "180"),
        (timedelta(days=90), "90"),
    ]
    assert tenant.kms("DeleteClientKey", ClientKeyId=short.client_key_id).status == 200
    told = world.advance_to(iso_z(end + timedelta(days=31)))
    assert [each.detail["days"] for each in told if each.kind == "client_key_expiring"] == ["30", "7"]
    with world.service.store.read() as tx:
        messages = [
            each
            for each in notices.messages(tx, tenant.account_id, limit=1000)
            if each.telling.kind is NoticeKind.CLIENT_KEY_EXPIRING
        ]
    assert len(messages) == 6  # four of the one, two of the deleted one
    assert all(key.client_key_id in each.words.text or short.client_key_id in each.words.text for each in messages)
    assert messages[0].created_at - end == timedelta(days=-7)


def test_a_region_has_its_own(tenant: Tenant) -> None:
    """What is made in one region is not there in another, and its name is free."""
    asked = {"Name": "r", "Type": "Private", "SourcePrivateIp": "10.0.0.1"}
    assert tenant.kms("CreateNetworkRule", **asked).status == 200
    assert tenant.kms("DescribeNetworkRule", Name="r", RegionId="eu-central-1").status == 404
    assert tenant.kms("CreateNetworkRule", RegionId="eu-central-1", **asked).status == 200
    assert tenant.kms("ListNetworkRules").body["TotalCount"] == 1


def test_pages(tenant: Tenant) -> None:
    """By name, with the number of all."""
    for name in "abc":
        tenant.kms("CreateNetworkRule", Name=name, Type="Private", SourcePrivateIp="10.0.0.1")
    body = tenant.kms("ListNetworkRules", PageNumber=2, PageSize=2).body
    assert [row["Name"] for row in body["NetworkRules"]["NetworkRule"]] == ["c"]
    assert (body["TotalCount"], body["PageNumber"], body["PageSize"]) == (3, 2, 2)


def test_every_table_has_rows_of_its_holder_only() -> None:
    """Every statement on the named tables is scoped: they have account and region in their keys."""
    for table in (access_point_rows.access_point, access_point_rows.permission_policy, access_point_rows.network_rule):
        assert [column.name for column in table.primary_key] == ["account_id", "region", "name"]
