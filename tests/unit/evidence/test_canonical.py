"""Canonical JSON: one text a value, every other text refused, and a path to what is wrong."""

from hashlib import sha256

import pytest

from placet.evidence.canonical import MAX_DEPTH, b64url, commitment, decode, encode, unb64url
from placet.evidence.errors import CanonicalError

GOOD = {
    b"null": None,
    b"true": True,
    b"0": 0,
    b"9007199254740991": 2**53 - 1,
    b'""': "",
    b"[]": [],
    b"{}": {},
    b'{"a":[1,{"b":null}],"z_9":"x"}': {"z_9": "x", "a": [1, {"b": None}]},
    '{"name":"人脸信息处理"}'.encode(): {"name": "人脸信息处理"},
    '"é/\u2028\x7f"'.encode(): "é/\u2028\x7f",
    rb'"\"\\\b\f\n\r\t\u0000\u001f"': '"\\\b\f\n\r\t\0\x1f',
}


@pytest.mark.parametrize(("data", "obj"), GOOD.items())
def test_a_value_has_this_text_and_the_text_this_value(data, obj):
    assert encode(obj) == data
    assert decode(data) == obj


def test_tuples_are_lists():
    assert encode({"a": (1, ("b",))}) == b'{"a":[1,["b"]]}'


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a": 1}',
        b' {"a":1}',
        b'{"a":1}\n',
        b'{"A":1}',
        b'{"a-b":1}',
        b'{"":1}',
        b'{"\\u0061":1}',
        b"1.0",
        b"1e3",
        b"-1",
        b"-0",
        b"01",
        b"9007199254740992",
        b"9" * 5_000,
        b"NaN",
        b"Infinity",
        b'"\\/"',
        b'"\\u001F"',
        b'"\\u000a"',
        b'"\\u0041"',
        b'"\\ud83d\\ude00"',
        b'"\\ud800"',
        b'"\n"',
        '"e\u0301"'.encode(),
        b'"\xff"',
        b"\xef\xbb\xbfnull",
        "null".encode("utf-16"),
        b"",
        b"nul",
        b"[1,]",
        b"null null",
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
    ids=lambda data: repr(data[:20]),
)
def test_every_other_text_is_refused(data):
    with pytest.raises(CanonicalError):
        decode(data)


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (1.5, "value"),
        ({"a": [0, {"b": -1}]}, "a[1].b"),
        ({"a": 2**53}, "a"),
        ({"a": {"B": 1}}, "a.'B'"),
        ({1: 1}, "1"),
        ({"a": b"x"}, "a"),
        ({"a": {"x"}}, "a"),
        ({"a": "e\u0301"}, "a"),
        ({"a": ["\ud800"]}, "a[0]"),
        ("e\u0301", "value"),
        ("\ud800", "value"),
        ({1}, "value"),
    ],
    ids=repr,
)
def test_what_has_no_text_is_named_by_its_path(obj, path):
    with pytest.raises(CanonicalError) as caught:
        encode(obj)
    assert caught.value.field == path
    assert path in caught.value.diagnostics()


def test_values_nest_so_deep_and_no_deeper():
    obj = "x"
    for _ in range(MAX_DEPTH):
        obj = [obj]
    assert decode(encode(obj)) == obj
    with pytest.raises(CanonicalError):
        encode([obj])


@pytest.mark.parametrize(("data", "text"), [(b"", ""), (b"\xff", "_w"), (b"\xfb\xef", "--8"), (b"abc", "YWJj")])
def test_byte_strings_are_base64url_without_padding(data, text):
    assert b64url(data) == text
    assert unb64url(text) == data


@pytest.mark.parametrize("text", ["_w==", "_w=", "/w", "+-8", "_x", "Y", "YW Jj", "YWJj\n", "YWJjé"])
def test_other_base64_is_refused(text):
    with pytest.raises(CanonicalError):
        unb64url(text)


def test_a_commitment_is_over_salt_and_canonical_record():
    salt = bytes(range(32))
    assert commitment(salt, {"b": 1, "a": "人"}) == sha256(salt + '{"a":"人","b":1}'.encode()).digest()
    assert commitment(salt, {"a": 1}) != commitment(bytes(32), {"a": 1})
    with pytest.raises(CanonicalError):
        commitment(salt[:31], {"a": 1})
