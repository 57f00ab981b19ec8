"""Answers: one error body that every client understands, XML only for who asks, and nothing of an unknown failure."""

import json
from xml.etree import ElementTree as ET

import msgspec
import pytest

from keystead.faults import CallerFault, Fault, InvalidParameter, MissingParameter
from keystead.gate.arrival import Arrival
from keystead.gate.parameters import Response
from keystead.gate.registry import PRODUCTS, FaultRow, Product
from keystead.gate.render import GATEWAY_FAULTS, INTERNAL, Answer, render, render_fault, row_of, unavailable
from keystead.gate.throttle import Rate, Throttled

REQUEST_ID = "B9ABA65A-6DF9-478B-B8A2-1A6B9D4B32CD"


class Odd(InvalidParameter):
    """A fault of a product that is a kind of a gateway's one."""


def asked(query: str = "") -> Arrival:
    """A request that a fault is answered to."""
    return Arrival("POST", ("/", query), {"host": "kms.example:8080"}, b"", "127.0.0.1")


def answered(fault: BaseException, query: str = "", product: Product | None = None) -> Answer:
    """The answer to a fault."""
    return render_fault(row_of(product, fault), fault, product, asked(query), REQUEST_ID)


def test_an_error_satisfies_every_client() -> None:
    """Fields as each client reads them (wire facts, "Errors", read 2026-11-22).

    Status for V1, V2 and Node; Code and Message capitalised for V1 (and V2, pop-core); RequestId in the body and as
    x-acs-request-id; HostId and Recommend as the cloud sends them; a JSON object, never empty.
    """
    answer = answered(MissingParameter("KeyId"))
    assert answer.status == 400
    assert dict(answer.headers) == {"content-type": "application/json;charset=utf-8", "x-acs-request-id": REQUEST_ID}
    assert json.loads(answer.body) == {
        "RequestId": REQUEST_ID,
        "HostId": "kms.example:8080",
        "Code": "MissingParameter",
        "Message": 'The parameter "KeyId" is needed but not provided.',
        "Recommend": "docs/faults.md#MissingParameter",
    }


@pytest.mark.parametrize("row", GATEWAY_FAULTS, ids=lambda row: row.code)
def test_every_row_of_the_gate_is_a_client_error_with_a_text(row: FaultRow) -> None:
    """4xx, but for what may be tried again; a Message also for a fault without a sentence: clients do not stand an empty one."""
    assert 400 <= row.status < 500 or row.status == 503
    body = json.loads(render_fault(row, Fault(), None, asked(), REQUEST_ID).body)
    assert body["Code"] == row.code
    assert body["Message"]


def test_codes_are_told_apart() -> None:
    """No fault class stands in the table twice: a row behind it could never be answered."""
    classes = [row.fault for row in GATEWAY_FAULTS]
    assert len(classes) == len(set(classes))


def test_throttling_says_when_to_come_back() -> None:
    """429 with x-acs-retry-after in milliseconds: the current SDK raises its ThrottlingException by that header."""
    answer = answered(Throttled(Rate("kst-1", 1000)))
    assert answer.status == 429
    assert json.loads(answer.body)["Code"] == "Rejected.Throttling"
    assert dict(answer.headers)["x-acs-retry-after"] == "50"
    assert dict(answer.headers)["retry-after"] == "1"
    assert "x-acs-retry-after" not in dict(answered(MissingParameter("A")).headers)


@pytest.mark.parametrize("fault", [ZeroDivisionError("secret detail"), KeyError("secret detail"), Fault("secret detail")])
def test_a_fault_no_table_knows_is_bare(fault: BaseException) -> None:
    """InternalFailure, 500, and no word of what happened: what it says is for the log."""
    assert row_of(None, fault) is INTERNAL
    answer = answered(fault)
    assert answer.status == 500
    assert json.loads(answer.body)["Code"] == "InternalFailure"
    assert json.loads(answer.body)["Message"] == "Internal Failure."
    assert b"secret detail" not in answer.body


def test_a_products_rows_come_before_the_gates() -> None:
    """A product may word a gateway's fault its own way; a fault's own row comes before its ancestor's, wherever it stands."""
    product = Product("test", "test_render", (FaultRow(InvalidParameter, "Theirs", 400), FaultRow(CallerFault, "Base", 400)), {})
    PRODUCTS.pop("test_render")
    assert row_of(product, InvalidParameter("A")).code == "Theirs"
    assert row_of(product, Odd("A")).code == "Theirs"
    assert row_of(product, MissingParameter("A")).code == "MissingParameter"
    assert row_of(product, CallerFault("x")).code == "Base"
    assert row_of(None, Odd("A")).code == "InvalidParameter"


def test_a_business_product_says_success_false() -> None:
    """Terraform reads Success, pop-core reads Code."""
    product = Product("test", "test_render", (), {}, business_status=200)
    PRODUCTS.pop("test_render")
    assert json.loads(answered(MissingParameter("A"), product=product).body)["Success"] is False
    assert "Success" not in json.loads(answered(MissingParameter("A")).body)


def test_no_answer_without_a_record() -> None:
    """503 with the documented (misspelt) code, in the common form."""
    answer = unavailable(asked(), REQUEST_ID, "The access log cannot be written.")
    body = json.loads(answer.body)
    assert (answer.status, body["Code"]) == (503, "SerivceUnavailableTemporary")
    assert body["Message"] == "Service Unavailable Temporary. The access log cannot be written."


# ---------------------------------------------------------------- formats


class Listing(Response):
    """An answer with everything XML has to write."""

    keys: dict[str, list[dict[str, str]]]
    total_count: int
    enabled: bool
    text: str
    absent: str | None = None


LISTING = Listing(request_id=REQUEST_ID, keys={"Key": [{"KeyId": "a"}, {"KeyId": "b"}]}, total_count=2, enabled=True, text="<&>")


@pytest.mark.parametrize("query", ["", "Format=JSON", "Format=json", "Format=", "Format=yaml", "format=XML", "Format=JSON&x=XML"])
def test_json_unless_xml_is_asked_for(query: str) -> None:
    """Every current client sends Format=JSON or json, some nothing; the historic default is not ours."""
    answer = render(LISTING, asked(query), "ListKeys")
    assert answer.status == 200
    assert dict(answer.headers)["content-type"] == "application/json;charset=utf-8"
    assert json.loads(answer.body) == msgspec.to_builtins(LISTING)
    assert "Absent" not in json.loads(answer.body)
    assert json.loads(answered(MissingParameter("A"), query).body)["Code"] == "MissingParameter"


@pytest.mark.parametrize("query", ["Format=XML", "Format=xml"])
def test_xml_for_who_asks(query: str) -> None:
    """The action's name and Response around it, a list as repeated elements, true and numbers as text, the rest escaped."""
    answer = render(LISTING, asked(query), "ListKeys")
    root = ET.fromstring(answer.body)  # noqa: S314 - our own bytes
    assert root.tag == "ListKeysResponse"
    assert [key.findtext("KeyId") for key in root.iterfind("Keys/Key")] == ["a", "b"]
    assert (root.findtext("TotalCount"), root.findtext("Enabled"), root.findtext("Text")) == ("2", "true", "<&>")
    assert root.findtext("RequestId") == REQUEST_ID
    assert dict(answer.headers)["content-type"] == "text/xml;charset=utf-8"  # the exact type the current SDK looks for


def test_an_error_in_xml() -> None:
    """The same fields below `Error`."""
    answer = answered(InvalidParameter("A<b>"), "Format=XML")
    root = ET.fromstring(answer.body)  # noqa: S314 - our own bytes
    assert root.tag == "Error"
    assert root.findtext("Code") == "InvalidParameter"
    assert root.findtext("Message") == 'The specified parameter "A<b>" is not valid.'
    assert dict(answer.headers)["x-acs-request-id"] == REQUEST_ID


@pytest.mark.parametrize("text", ["\x00", "a\x0bb", "\ufffe", "a]]>b", "tab\tand\nline"])
def test_xml_stays_well_formed_whatever_is_in_it(text: str) -> None:
    """Characters that XML cannot hold are replaced: a parameter echoed in a message must not break the answer."""
    answer = answered(InvalidParameter(text), "Format=XML")
    ET.fromstring(answer.body)  # noqa: S314 - our own bytes
