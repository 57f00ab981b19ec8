"""What arrives becomes the same plain values however it was written."""

from urllib.parse import quote, quote_plus, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.faults import InvalidParameter
from keystead.gate.arrival import Arrival, body_bytes_max, decoded_pairs, region_of

FORM = {"content-type": "application/x-www-form-urlencoded"}
text = st.text(max_size=12)
pairs = st.lists(st.tuples(st.text(min_size=1, max_size=8), text), max_size=6)


def arrival(query: str = "", body: bytes = b"", headers: dict[str, str] | None = None) -> Arrival:
    """A POST of these parts."""
    return Arrival("POST", ("/", query), headers or {}, body, "127.0.0.1")


@given(pairs)
def test_both_ways_of_encoding_are_read(given_pairs: list[tuple[str, str]]) -> None:
    """`%20` (the first Python SDK) and `+` (the current one) for a space; percent for the rest, UTF-8."""
    assert decoded_pairs(urlencode(given_pairs)) == given_pairs
    assert decoded_pairs("&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in given_pairs)) == given_pairs


@given(st.text(alphabet="aZ%+=09AFxé", max_size=20))
def test_broken_escapes_are_read_as_the_standard_library_reads_them(raw: str) -> None:
    """A stray `%` stays, `+` is a space, bytes that are no UTF-8 become U+FFFD; nothing raises."""
    name, _, value = raw.partition("=")
    assert decoded_pairs(raw) == ([(unquote_plus(name), unquote_plus(value))] if raw else [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", []),
        ("&&", []),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=b", [("", "b")]),
        ("a=b=c", [("a", "b=c")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("a=%E4%BD%A0", [("a", "你")]),
        ("a=%2B+%20", [("a", "+  ")]),
    ],
)
def test_pieces_of_a_query(raw: str, expected: list[tuple[str, str]]) -> None:
    """Empty pieces are dropped, a missing value is empty, the first `=` divides, order and repetition are kept."""
    assert decoded_pairs(raw) == expected


def test_query_and_form_are_one_set_of_parameters() -> None:
    """A client may put a parameter in either place (SecretData is in the form for one client and in the query for another)."""
    both = arrival("KeyId=k", b"SecretData=a+b", FORM)
    assert both.parameters() == {"KeyId": "k", "SecretData": "a b"}
    assert both.parameter("SecretData") == "a b"
    assert both.parameter("Nothing") == ""


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-Urlencoded"])
def test_a_form_is_known_by_its_type_in_any_spelling(kind: str) -> None:
    """A charset behind it and capitals change nothing."""
    assert arrival("", b"A=1", {"content-type": kind}).parameters() == {"A": "1"}


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", ""])
def test_another_body_is_no_form(kind: str) -> None:
    """What is not sent as a form gives no parameters."""
    assert arrival("", b"A=1", {"content-type": kind}).parameters() == {}


@pytest.mark.parametrize(("query", "body"), [("A=1&A=1", b""), ("A=1", b"A=2"), ("", b"A=1&B=2&A=1")])
def test_a_name_given_twice_is_refused_by_name(query: str, body: bytes) -> None:
    """Even with the same value: two readers could each take another one."""
    with pytest.raises(InvalidParameter, match=r'"A".*more than once'):
        arrival(query, body, FORM).parameters()


@pytest.mark.parametrize(
    ("query", "host", "region"),
    [
        ("RegionId=cn-hangzhou", "kms.eu-central-1.example.com", "cn-hangzhou"),
        ("", "kms.eu-central-1.example.com", "eu-central-1"),
        ("", "kms-vpc.eu-central-1.example.com:8080", "eu-central-1"),
        ("", "business.ap-southeast-1.example.com", "ap-southeast-1"),
        ("", "127.0.0.1:8080", "here-1"),
        ("", "http://127.0.0.1:8080", "here-1"),
        ("", "kms.example.com", "here-1"),
        ("", "kms-intl.aliyuncs.com", "here-1"),
        ("", "", "here-1"),
        ("RegionId=", "127.0.0.1", "here-1"),
    ],
)
def test_the_region_of_a_request(query: str, host: str, region: str) -> None:
    """RegionId, else the host name, else the deployment's own."""
    assert region_of(arrival(query, headers={"host": host}), "here-1") == region


@given(st.text(max_size=20))
def test_a_region_given_is_taken_as_given(region: str) -> None:
    """No guessing beside a named region."""
    found = region_of(arrival(f"RegionId={quote_plus(region)}", headers={"host": "kms.eu-central-1.example.com"}), "here-1")
    assert found == (region or "eu-central-1")


@pytest.mark.parametrize("wrong", [{"ProductCode": "a\0b"}, {"ZoneId.1": "\0"}, {"Unknown": "\0"}, {"Unk\0nown": "a"}], ids=repr)
@pytest.mark.parametrize("place", ["query", "form"])
def test_no_text_holds_a_nul(wrong: dict[str, str], place: str) -> None:
    """PostgreSQL keeps none: refused here, by a name without it, rather than by the database."""
    raw = urlencode(wrong)
    form = {"content-type": "application/x-www-form-urlencoded"}
    in_query = Arrival("POST", ("/", raw), {}, b"", "127.0.0.1")
    in_form = Arrival("POST", ("/", ""), form, raw.encode(), "127.0.0.1")
    with pytest.raises(InvalidParameter) as refused:
        (in_query if place == "query" else in_form).parameters()
    assert "\0" not in str(refused.value)


@pytest.mark.parametrize(
    ("headers", "dedicated"),
    [
        ({"x-kms-apiname": "Encrypt", "content-type": "application/x-protobuf"}, True),
        ({"x-kms-apiname": "Encrypt", "content-type": "application/json"}, True),  # and then refused as one
        ({"x-kms-apiversion": "dkms-gcs-0.2", "content-type": "application/x-protobuf"}, True),
        ({"x-kms-apiname": "GetSecretValue", "x-acs-bearer-token": "x"}, False),  # a JSON client of Go
        ({"x-kms-apiname": "GetSecretValue", "x-acs-action": "GetSecretValue"}, False),
        ({"x-log-apiversion": "0.6.0", "content-type": "application/x-protobuf"}, False),  # logs
        ({"x-acs-action": "Encrypt"}, False),
        ({}, False),
    ],
)
def test_which_protocol_a_request_speaks(headers: dict[str, str], *, dedicated: bool) -> None:
    """The dedicated gateway's by its own headers; what others send that looks alike stays theirs."""
    assert Arrival("POST", ("/", ""), headers, b"", "::1").dedicated is dedicated
    assert body_bytes_max(headers) == (3_000_000 if dedicated else 4 * 1024 * 1024)
