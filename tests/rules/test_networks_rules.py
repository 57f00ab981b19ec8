"""Where a call came from, what a VPC is, what counts as access."""

from __future__ import annotations

import pytest

from keystead.clock import from_ms
from keystead.networks import rules
from keystead.networks.faults import VpcMalformed
from keystead.networks.model import BoundVpc, Vpc, VSwitch
from keystead.networks.reach import Reach

TRUSTED = rules.networks_of(["10.0.0.0/8", "fd00::/8"])
ZONES = ("r-a", "r-b")


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["10.1.1.1"], "192.0.2.1"),  # nobody asked it
        ("10.0.0.1", [], "10.0.0.1"),  # the proxy itself
        ("10.0.0.1", ["192.0.2.9"], "192.0.2.9"),
        ("10.0.0.1", ["172.16.0.1, 192.0.2.9"], "192.0.2.9"),  # the caller forged what is left of its own address
        ("10.0.0.1", ["172.16.0.1, 192.0.2.9, 10.0.0.2"], "192.0.2.9"),  # through two proxies
        ("10.0.0.1", ["172.16.0.1", "192.0.2.9"], "192.0.2.9"),  # two headers are one list
        ("10.0.0.1", ["192.0.2.9", "10.0.0.2 ,10.0.0.3"], "192.0.2.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # none but proxies: the furthest
        ("10.0.0.1", ["192.0.2.9, unknown"], ""),
        ("10.0.0.1", [""], ""),
        ("fd00::1", ["2001:db8::9"], "2001:db8::9"),
        ("10.0.0.1", ["[::ffff:192.0.2.9]"], "192.0.2.9"),
        ("10.0.0.1", ["172.16.0.1, 192.0.2.9:5000, 10.0.0.2:80"], "192.0.2.9"),
        ("10.0.0.1", ["[2001:db8::9]:5000"], "2001:db8::9"),
        ("10.0.0.1", ["192.0.2.9:5000:1"], ""),
        ("2001:db8::1", ["192.0.2.9"], "2001:db8::1"),
        ("10.0.0.1", ["10.0.0.4," * 10_000 + "192.0.2.9"], "192.0.2.9"),
    ],
)
def test_the_rightmost_address_that_is_no_proxy_counts(peer: str, forwarded: list[str], source: str) -> None:
    """And of no peer but a trusted proxy is the header read at all."""
    assert rules.source_of(peer, forwarded, TRUSTED) == source


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("192.0.2.1:5000", "192.0.2.1"),
        ("[2001:db8::1]:5000", "2001:db8::1"),
        ("[::ffff:192.0.2.1]:5000", "192.0.2.1"),  # of a listener for both kinds
        ("", ""),
    ],
)
def test_an_endpoint_is_at_an_address(endpoint: str, host: str) -> None:
    """As conditions, networks and the log write it."""
    assert rules.host_of(endpoint) == host


def vpc(**changed: object) -> Vpc:
    """A VPC to register."""
    values: dict[str, object] = {"cidrs": ("10.1.0.0/16",), "vswitches": (VSwitch("vsw-1", "r-a"),), "vpc_id": "vpc-1"} | changed
    return Vpc(region="r", owner_id="1", created_at=from_ms(0), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"vpc_id": "net-1"},
        {"vpc_id": "vpc-" + "x" * 61},
        {"cidrs": ()},
        {"cidrs": ("10.1.0.1/16",)},  # bits beside the range
        {"cidrs": ("10.1.0.0/33",)},
        {"cidrs": ("x",)},
        {"cidrs": ("10.1.0.0/255.255.0.0",)},
        {"cidrs": ("::ffff:10.1.0.0/112",)},  # where no address is looked for
        {"cidrs": ("10.0.0.0/8",) * 51},
        {"vswitches": (VSwitch("sw-1", "r-a"),)},
        {"vswitches": (VSwitch("vsw-1", "r-c"),)},
        {"vswitches": (VSwitch("vsw-1", "r-a"), VSwitch("vsw-1", "r-b"))},
    ],
)
def test_what_is_no_vpc_is_not_registered(changed: dict[str, object]) -> None:
    """VpcMalformed says what is wrong."""
    assert rules.checked_vpc(vpc(), ZONES) == vpc()
    with pytest.raises(VpcMalformed):
        rules.checked_vpc(vpc(**changed), ZONES)


def test_access_counts_vpcs_once_and_accounts() -> None:
    """Three VPCs and two accounts need five (KMS billing page, read 2026-11-22); the VPC of enabling is one of the three."""
    bound = [BoundVpc(name, "vsw-1", "r", "1") for name in ("vpc-1", "vpc-2", "vpc-3")]
    assert rules.accesses("vpc-1", bound[1:], ["2", "3"]) == 5
    assert rules.accesses("vpc-1", bound, ["2", "3"]) == 5
    assert rules.accesses("vpc-1", [], []) == 1
    assert rules.accesses("", [], []) == 0


def test_inside_is_inside_any_of_its_vpcs() -> None:
    """By place: the same id of another account is another VPC. The edges of a range are inside."""
    reach = Reach({"1/r/vpc-1": rules.networks_of(["10.1.0.0/16"]), "2/r/vpc-1": rules.networks_of(["10.2.0.0/16"])})
    inside = ["10.1.0.0", "10.1.255.255", "::ffff:10.1.0.1"]
    outside = ["10.0.255.255", "10.2.0.0", "", "x", "::1"]
    for _ in range(2):
        assert [reach.admits(("1/r/vpc-1",), source) for source in inside + outside] == [True] * 3 + [False] * 5
    assert reach.admits(("1/r/vpc-1", "2/r/vpc-1"), "10.2.0.0")
    assert not reach.admits((), "10.1.0.0")
    assert Reach({}).admits((), "x")


def test_the_vpc_of_an_address_is_the_callers_own() -> None:
    """Others may use the same addresses; no address is nowhere."""
    ranges = {"1/r/vpc-b": ["10.1.0.0/16"], "1/r/vpc-a": ["10.1.2.0/24", "10.3.0.0/16"], "2/r/vpc-c": ["10.1.0.0/16"]}
    reach = Reach({place: rules.networks_of(texts) for place, texts in ranges.items()})
    assert [reach.vpc_of("1/r/", source) for source in ("10.1.2.3", "10.1.9.9", "10.3.0.1")] == ["vpc-a", "vpc-b", "vpc-a"]
    assert [reach.vpc_of("2/r/", source) for source in ("10.1.2.3", "10.3.0.1", "")] == ["vpc-c", "", ""]
    assert reach.vpc_of("1/s/", "10.1.2.3") == ""
