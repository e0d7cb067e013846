from __future__ import annotations

import io

import pytest

from segtool.errors import InputError
from segtool.sources.encodings import find_delimiter, find_encoding

CHINESE = "用户,城市,备注\n" + "".join(f"u{i},上海,喜欢新品和运动鞋\n" for i in range(20))
WESTERN = "id,name\n" + "".join(f"{i},Müller Zoë Ærø señor\n" for i in range(20))


def found(data: bytes, declared=None):
    return find_encoding(lambda: io.BytesIO(data), declared)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, e)
        for e in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk", "gb18030")
    ]
    + [(WESTERN, e) for e in ("utf-8", "cp1252", "latin-1", "utf-16")],
)
def test_the_encoding_found_reads_the_text_back(text, encoding):
    data = text.encode(encoding)
    assert data.decode(found(data).name).removeprefix("\ufeff") == text


@pytest.mark.parametrize("line", ["u1,男,20\n", "张三,上海\n", "商品,价格\n苹果,３元\n"])
def test_a_few_chinese_characters_are_enough(line):
    assert found(line.encode("gbk")).name == "gb18030"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ФИО,город\nИван Петров,Москва\nАнна,Санкт-Петербург\n" * 5, "cp1251"),
        ("姓名,城市\n王小明,臺北市信義區\n" * 5, "big5"),
    ],
)
def test_other_scripts_are_guessed(text, encoding):
    data = text.encode(encoding)
    assert data.decode(found(data).name) == text


def test_utf8_with_a_damaged_character_is_still_utf8():
    assert found(CHINESE.encode() + "截".encode()[:2] + b",x\n").name == "utf-8-sig"


def test_evidence_may_come_late_in_the_file():
    data = b"id,name\n" + b"1,abc\n" * 300_000 + "2,上海\n".encode("gbk") * 5
    assert found(data).name == "gb18030"


def test_a_declared_encoding_wins():
    assert found(b"abc", "GBK").name == "gb18030"
    assert found(b"abc", "latin1").how == "declared"


@pytest.mark.parametrize("name", ["utf-9", "base64", "", 5])
def test_an_encoding_that_is_none_is_refused(name):
    with pytest.raises(InputError, match=r"no encoding"):
        found(b"abc", name)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_despite_others_in_fields(delimiter):
    rows = [["id", "text", "price"], ["1", "a, b; c", "1,5"], ["2", "d | e", "2,5"]]
    quoted = [delimiter.join(f'"{c}"' if delimiter in c else c for c in row) + "\n" for row in rows]
    assert find_delimiter(quoted) == delimiter


def test_one_column_has_a_comma():
    assert find_delimiter(["user_id\n", "a\n"]) == ","
    assert find_delimiter([]) == ","
