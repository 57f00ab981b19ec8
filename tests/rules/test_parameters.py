"""Binding: flat strings become the request struct, and the fault named does not depend on the order of the input."""

import json
from itertools import permutations
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystead.faults import InvalidParameter, MissingParameter
from keystead.gate.parameters import LIST_ITEMS_MAX, MAP_CHARS_MAX, Part, Request, Response, bind, plan_of


class Module(Part):
    """A struct in a list, as CreateInstance has them."""

    code: str
    value: str = ""
    amount: int | None = None


class Order(Request):
    """One field of each kind, in a chosen order; `KMProvider` does not follow PascalCase."""

    product_code: str
    period: Annotated[int, msgspec.Meta(ge=1, le=60)]
    modules: tuple[Module, ...] = msgspec.field(name="Parameter", default=())
    zones: tuple[str, ...] | None = msgspec.field(name="ZoneId", default=None)
    provider: str | None = msgspec.field(name="KMProvider", default=None)
    dry_run: bool | None = None
    kind: Literal["Subscription", "PayAsYouGo"] = "Subscription"
    context: dict[str, str] | None = msgspec.field(name="EncryptionContext", default=None)


class NeedsBoth(Request):
    """A map and a list that are required."""

    encryption_context: dict[str, str]
    tag: tuple[Module, ...]


PLAN = plan_of(Order)
GOOD = {"ProductCode": "kms", "Period": "12"}


def order(**more: str) -> Order:
    """Bind the good parameters and more (dots written as `__`)."""
    return bind(Order, PLAN, {**GOOD, **{name.replace("__", "."): value for name, value in more.items()}})


def refused(parameters: dict[str, str], request: type[Any] = Order) -> MissingParameter | InvalidParameter:
    """The fault of binding these."""
    with pytest.raises((MissingParameter, InvalidParameter)) as caught:
        bind(request, plan_of(request), parameters)
    assert isinstance(caught.value, MissingParameter | InvalidParameter)
    return caught.value


def test_the_smallest_request() -> None:
    """Defaults stand where nothing is given."""
    assert order() == Order(product_code="kms", period=12)


def test_every_kind_of_field() -> None:
    """Strings, numbers, lists, lists of structs, maps, booleans, and a name of its own on the wire."""
    bound = order(
        Parameter__1__Code="Spec", Parameter__1__Value="1000", Parameter__2__Code="KeyNum", Parameter__2__Amount="7",
        ZoneId__1="a", ZoneId__2="b", KMProvider="Aliyun", DryRun="true", Kind="PayAsYouGo", EncryptionContext='{"a":"b"}',
    )  # fmt: skip
    assert bound == Order(
        product_code="kms",
        period=12,
        modules=(Module(code="Spec", value="1000"), Module(code="KeyNum", amount=7)),
        zones=("a", "b"),
        provider="Aliyun",
        dry_run=True,
        kind="PayAsYouGo",
        context={"a": "b"},
    )


def test_names_nobody_asked_for_are_ignored() -> None:
    """Common parameters of the protocol, and what a newer client may send."""
    assert order(Action="CreateInstance", Signature="x", NewerOption="y") == order()


# ---------------------------------------------------------------- which fault is named


def test_missing_ones_are_named_in_declared_order() -> None:
    """Both missing: the first declared one, however the rest is ordered."""
    assert refused({}).name == "ProductCode"
    assert refused({"Period": "1"}).name == "ProductCode"
    assert refused({"ProductCode": "kms"}).name == "Period"


def test_missing_comes_before_malformed() -> None:
    """A malformed first field beside a missing last one: the missing one is told."""
    fault = refused({"Period": "1", "DryRun": "perhaps", "EncryptionContext": "{"})
    assert isinstance(fault, MissingParameter)
    assert fault.name == "ProductCode"


def test_the_fault_does_not_depend_on_the_order_of_the_input() -> None:
    """Three malformed values in any order: the first declared one is told."""
    wrong = {"EncryptionContext": "{", "DryRun": "perhaps", "Period": "soon", "ProductCode": "kms"}
    assert {refused(dict(order_)).name for order_ in permutations(wrong.items())} == {"Period"}


@pytest.mark.parametrize("name", ["ProductCode", "Period"])
def test_empty_is_absent(name: str) -> None:
    """An empty required parameter is a missing one."""
    fault = refused({**GOOD, name: ""})
    assert isinstance(fault, MissingParameter)
    assert str(fault) == f'The parameter "{name}" is needed but not provided.'


def test_empty_optional_ones_are_absent() -> None:
    """The object store's client sends `EncryptionContext=`; others send empty numbers and booleans."""
    assert order(EncryptionContext="", DryRun="", Kind="", ZoneId="", KMProvider="") == order()


def test_required_lists_and_maps_are_looked_for_in_all_their_forms() -> None:
    """`Tag.1.Code` is a Tag; an EncryptionContext in single parameters is one; a name that only begins alike is none."""
    bound = bind(NeedsBoth, plan_of(NeedsBoth), {"EncryptionContext.a": "b", "Tag.1.Code": "c"})
    assert bound == NeedsBoth(encryption_context={"a": "b"}, tag=(Module(code="c"),))
    assert refused({"EncryptionContexts.a": "b", "Tag.1.Code": "c"}, NeedsBoth).name == "EncryptionContext"
    assert refused({"EncryptionContext.a": "b", "Tags.1.Code": "c"}, NeedsBoth).name == "Tag"


def test_a_required_map_that_is_empty_is_missing() -> None:
    """`EncryptionContext={}` holds nothing: a refusal of the caller's, never a fault of ours."""
    assert refused({"EncryptionContext": "{}", "Tag.1.Code": "c"}, NeedsBoth).name == "EncryptionContext"


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "tRuE"])
def test_true_in_any_case(text: str) -> None:
    """Python clients send True, Node clients true."""
    assert order(DryRun=text).dry_run is True


@pytest.mark.parametrize("text", ["false", "False", "FALSE"])
def test_false_in_any_case(text: str) -> None:
    """As for true; and false is not absent."""
    assert order(DryRun=text).dry_run is False


@pytest.mark.parametrize("text", ["1", "0", "yes", "t", " true", "null", "\uff54rue"])
def test_nothing_else_is_a_boolean(text: str) -> None:
    """A guess here could run what was meant as a dry run."""
    assert str(refused({**GOOD, "DryRun": text})) == 'The specified parameter "DryRun" is not valid. It must be true or false.'


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("60", 60), ("12", 12)])
def test_numbers(text: str, number: int) -> None:
    """Decimal digits within the bounds of the field."""
    assert bind(Order, PLAN, {**GOOD, "Period": text}).period == number


@pytest.mark.parametrize("text", ["0", "61", "-1", "1.5", "1e1", "soon", "\u0661", "99999999999999999999999"])
def test_what_is_no_number_of_the_range(text: str) -> None:
    """Refused with the parameter's name, and a sentence beyond the name."""
    fault = refused({**GOOD, "Period": text})
    assert isinstance(fault, InvalidParameter)
    assert fault.name == "Period"
    assert fault.reason


def test_one_of_some_words() -> None:
    """A word that is none of them is refused."""
    assert refused({**GOOD, "Kind": "subscription"}).name == "Kind"


# ---------------------------------------------------------------- lists


def test_lists_are_ordered_by_number_not_by_arrival() -> None:
    """Clients sort parameters as text: 10 comes before 2."""
    words = [f"z{number}" for number in range(1, 13)]
    parameters = {f"ZoneId.{number}": word for number, word in enumerate(words, 1)}
    assert bind(Order, PLAN, {**GOOD, **dict(sorted(parameters.items()))}).zones == tuple(words)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ZoneId.2": "b"},
        {"ZoneId.0": "a", "ZoneId.1": "b"},
        {"ZoneId.1": "a", "ZoneId.3": "c"},
        {"ZoneId.1": "a", "ZoneId.01": "b"},
        {"ZoneId.x": "a"},
        {"ZoneId.-1": "a"},
        {"ZoneId.²": "a"},
        {"ZoneId.": "a"},
        {"ZoneId.1.Code": "a"},
        {"ZoneId.99999": "a"},
        {"Parameter.1": "a"},
        {"Parameter.1.Code": "a", "Parameter.3.Code": "c"},
    ],
    ids=str,
)
def test_gaps_and_strange_numbers_are_refused(wrong: dict[str, str]) -> None:
    """Numbered from 1 without gaps; what is meant by anything else would be a guess."""
    fault = refused({**GOOD, **wrong})
    assert isinstance(fault, InvalidParameter)
    assert fault.name in {"ZoneId", "Parameter", *wrong}


def test_a_list_given_as_one_text_is_told_its_form() -> None:
    """`ZoneId=a,b` is not the form of a list here."""
    assert "ZoneId.1, ZoneId.2" in refused({**GOOD, "ZoneId": "a,b"}).sentence


def test_a_list_has_a_bound() -> None:
    """100 items are accepted, 101 are not."""
    many = {f"ZoneId.{number}": "z" for number in range(1, LIST_ITEMS_MAX + 1)}
    assert len(bind(Order, PLAN, {**GOOD, **many}).zones or ()) == LIST_ITEMS_MAX
    assert refused({**GOOD, **many, "ZoneId.101": "z"}).name == "ZoneId"


def test_faults_within_an_item_are_named_in_full() -> None:
    """`Parameter.2.Code` is missing, `Parameter.1.Amount` is no number."""
    missing = refused({**GOOD, "Parameter.1.Code": "a", "Parameter.2.Value": "b"})
    assert (type(missing), missing.name) == (MissingParameter, "Parameter.2.Code")
    invalid = refused({**GOOD, "Parameter.1.Code": "a", "Parameter.1.Amount": "many"})
    assert (type(invalid), invalid.name) == (InvalidParameter, "Parameter.1.Amount")


# ---------------------------------------------------------------- maps


@pytest.mark.parametrize(
    "form",
    [{"EncryptionContext": '{"a":"1","b":"2"}'}, {"EncryptionContext": '{ "b": "2",\n "a": "1" }'},
     {"EncryptionContext.a": "1", "EncryptionContext.b": "2"}],
    ids=["compact", "spaced", "single parameters"],
)  # fmt: skip
def test_a_map_in_its_forms(form: dict[str, str]) -> None:
    """JSON text (Python, pop-core) and single parameters (@alicloud/kms20160120) are the same map; empty is the third form."""
    assert bind(Order, PLAN, {**GOOD, **form}).context == {"a": "1", "b": "2"}


def test_keys_of_single_parameters_may_have_dots() -> None:
    """What follows the first dot is the key."""
    assert order(EncryptionContext__a__b="1").context == {"a.b": "1"}


def test_an_empty_map_is_none() -> None:
    """`{}` and the empty text are no context."""
    assert order(EncryptionContext="{}").context is None
    assert order(EncryptionContext="").context is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '"a"', "null", "1", '{"a":1}', '{"a":null}', '{"a":{}}', "{'a':'b'}", '{"a":"\\ud800"}']
)
def test_what_is_no_map_of_strings(text: str) -> None:
    """Refused by name, never a server error."""
    assert refused({**GOOD, "EncryptionContext": text}).name == "EncryptionContext"


def test_a_key_twice_in_a_map_is_refused() -> None:
    """`{"a":"1","a":"2"}` would be two contexts to two readers (docs/adr/0008)."""
    assert refused({**GOOD, "EncryptionContext": '{"a":"1","a":"2"}'}).name == "EncryptionContext"


def test_a_map_in_two_forms_at_once_is_refused() -> None:
    """Which one counts would be a guess."""
    assert "both" in refused({**GOOD, "EncryptionContext": '{"a":"1"}', "EncryptionContext.b": "2"}).sentence


def test_a_map_has_a_bound() -> None:
    """8192 characters of JSON are accepted, one more is not."""
    filler = "x" * (MAP_CHARS_MAX - len('{"a":""}'))
    assert order(EncryptionContext=f'{{"a":"{filler}"}}').context == {"a": filler}
    assert refused({**GOOD, "EncryptionContext": f'{{"a":"{filler}x"}}'}).name == "EncryptionContext"


# ---------------------------------------------------------------- round trips

letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
words = st.text(letters, min_size=1, max_size=10)
texts = st.text(letters, max_size=5)
modules = st.builds(Module, code=words, value=texts, amount=st.none() | st.integers(-(2**63), 2**63 - 1))
orders = st.builds(
    Order,
    product_code=words,
    period=st.integers(1, 60),
    modules=st.lists(modules, max_size=12).map(tuple),
    zones=st.none() | st.lists(texts, min_size=1, max_size=12).map(tuple),
    provider=st.none() | words,
    dry_run=st.none() | st.booleans(),
    kind=st.sampled_from(["Subscription", "PayAsYouGo"]),
    context=st.none() | st.dictionaries(words, texts, min_size=1, max_size=5),
)


def flat(value: Any, name: str, *, as_json: bool) -> dict[str, str]:
    """A value as a client writes it."""
    if isinstance(value, dict):
        return {name: json.dumps(value)} if as_json else {f"{name}.{key}": text for key, text in value.items()}
    if isinstance(value, tuple):
        parts = [flat(item, f"{name}.{number}", as_json=as_json) for number, item in enumerate(value, 1)]
        return {key: text for part in parts for key, text in part.items()}
    if isinstance(value, msgspec.Struct):
        fields = {f.encode_name: getattr(value, f.name) for f in msgspec.structs.fields(value)}
        parts = [flat(inner, f"{name}.{key}" if name else key, as_json=as_json) for key, inner in fields.items()]
        return {key: text for part in parts for key, text in part.items()}
    return {} if value is None else {name: str(value)}


@given(orders, st.booleans(), st.randoms(use_true_random=False))
def test_what_a_client_writes_is_what_the_action_gets(sent: Order, as_json: bool, random: Any) -> None:  # noqa: FBT001 - hypothesis gives it by position
    """Any request survives the way over the wire, in either form of a map and any order of parameters."""
    pairs = list(flat(sent, "", as_json=as_json).items())
    random.shuffle(pairs)
    assert bind(Order, PLAN, dict(pairs)) == sent


NAMES = "ProductCode Period Parameter.1.Code Parameter ZoneId.1 ZoneId.1.x DryRun EncryptionContext EncryptionContext. Kind"
VALUES = st.text(max_size=6) | st.sampled_from(["1", "true", "{}", "[]", '{"a":"b"}'])


@given(st.dictionaries(st.sampled_from(NAMES.split()), VALUES))
def test_whatever_arrives_is_bound_or_refused(parameters: dict[str, str]) -> None:
    """No input makes anything but a request, MissingParameter or InvalidParameter."""
    try:
        assert isinstance(bind(Order, PLAN, parameters), Order)
    except (MissingParameter, InvalidParameter) as fault:
        assert fault.name  # noqa: PT017 - either outcome is fine


def test_answers_leave_out_what_is_none() -> None:
    """Optional fields that are None stay off the wire; names are PascalCase unless given."""

    class Answer(Response):
        key_id: str = ""
        provider: str | None = msgspec.field(name="KMProvider", default=None)

    assert json.loads(msgspec.json.encode(Answer(request_id="r", key_id="k"))) == {"RequestId": "r", "KeyId": "k"}
