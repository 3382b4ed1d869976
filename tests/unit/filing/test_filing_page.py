"""The page holds what Order 19 Art 15 names, says what is missing, escapes everything and loads nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from unit.filing.filing_world import LAW, RULES, day, filing, initial, on, stock

from placet.kit.errors import Invalid
from placet.permission.filing.calendar import WorkingDays
from placet.permission.filing.contents import NO_FACTS, Contents, elsewhere_undeclared
from placet.permission.filing.duties import duties
from placet.permission.filing.page import render
from placet.permission.filing.series import Persons, Stock
from placet.permission.model.filings import Filing, FilingFacts, FilingKind
from placet.permission.model.registers import Attestation, Purpose
from placet.permission.model.vocabulary import Inference, Operation, Storage

NOW = 1_760_000_000 * 1_000_000  # 2025-10-09
CALENDAR = WorkingDays()
FACTS = FilingFacts(
    name="示例银行股份有限公司",
    credit_code="91330000MA0000000X",
    address="杭州市示例路1号",
    legal_representative="李四",
    contact="张三 0571-00000000",
    method="一比一比对",
    protection="机房双人值守",
    rules="人脸信息处理规则",
    rules_sha256=b"\xab" * 32,
    procedures="操作规程",
    procedures_sha256=b"\xcd" * 32,
    stored_elsewhere=0,
    stored_elsewhere_since="",
    other=("承诺书",),
)
PURPOSE = Purpose(
    id="payment",
    name="柜面付款",
    necessity="防止冒用",
    operations=(Operation.ENROL, Operation.VERIFY),
    inferences=(Inference.NONE,),
    storage=Storage.VAULT,
    retention_days=365,
    assessment_sha256=b"\xef" * 32,
    assessment_valid_until=NOW + 1,
    reviewed_by="actor-1",
    reviewed_at=1,
    public_safety=False,
    alternative="银行卡和密码",
    permit_lifetime=0,
)
ATTESTED = Attestation(
    protection_valid_until=NOW + 1,
    filing_current=True,
    face_is_default=False,
    refusal_equal=True,
    choice_reset_by_update=False,
)
STOCK = stock(day("2025-09-15", 120_000, low=100_000))


def contents(*, filings: tuple[Filing, ...] = (), found: Stock = STOCK, **changes: Any) -> Contents:
    today = on("2025-10-09")
    duty = next(one for one in duties(found, filings, RULES, CALENDAR, today) if one.rule == LAW)
    whole: dict[str, Any] = {
        "controllers": ("bank",),
        "kind": FilingKind.INITIAL,
        "facts": FACTS,
        "purposes": (PURPOSE,),
        "attestation": ATTESTED,
        "stock": found,
        "duty": duty,
        "filings": filings,
        "rules": RULES,
        "calendar": CALENDAR.described,
        "today": today,
        "now": NOW,
    }
    return Contents(**{**whole, **changes})


class Page(HTMLParser):
    """Collects the tags, their nesting and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


SAID = {
    "zh-CN": [
        "一、个人信息处理者的基本情况",
        "二、",
        "三、",
        "四、",
        "五、",
        "六、其他材料",
        "应备案",
        "验证(1:1)",
        "令第19号",
    ],
    "en": [
        "1. Basic facts",
        "2. Purpose",
        "3. Stored",
        "4. Processing rules",
        "5. Impact",
        "6. Other",
        "verify (1:1)",
        "Order No. 19",
    ],
}


@pytest.mark.parametrize("language", SAID)
def test_everything_that_the_article_names_is_there(language: str) -> None:
    html = render(contents(), language)
    page = Page(html)
    facts = [FACTS.name, FACTS.credit_code, FACTS.legal_representative, FACTS.contact, "ab" * 32, "cd" * 32, "ef" * 32]
    others = ["防止冒用", "承诺书", "银行卡和密码", "2025-09-15", "2025-10-31", "100000", "120000", "365"]
    for text in [*SAID[language], *facts, *others]:
        assert text in page.text, text
    assert contents().missing == ()
    assert "gap" not in [attributes.get("class") for _, attributes in page.tags]
    assert ("html", {"lang": language}) in page.tags


def test_the_page_is_alone_and_made_for_paper() -> None:
    html = render(contents(), "zh-CN")
    tags = {tag for tag, _ in Page(html).tags}
    assert html.startswith("<!DOCTYPE html>")
    assert tags & {"script", "link", "img", "iframe", "object", "form"} == set()
    assert not re.search(r"""(src|href)\s*=|url\(|@import""", html)
    assert "default-src 'none'" in html
    assert "@page { size: A4" in html
    assert render(contents(), "zh-CN") == html


def test_what_people_wrote_is_text_and_nothing_else() -> None:
    evil = "<script>alert(1)</script>{{ 7 * 7 }}\"'&"
    html = render(
        contents(
            facts=replace(FACTS, name=evil, method=evil, other=(evil,)),
            purposes=(replace(PURPOSE, name=evil, necessity=evil, alternative=evil),),
            filings=(filing(FilingKind.CHANGE, "2025-10-01"),),
        ),
        "en",
    )
    page = Page(html)
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count(evil) == 7
    assert "49" not in html


def test_what_is_missing_is_said_and_not_made_up() -> None:
    bare = contents(facts=NO_FACTS, purposes=(), attestation=None)
    assert len(bare.missing) == 12
    for language, word in (("zh-CN", "待补"), ("en", "missing")):
        page = Page(render(bare, language))
        assert page.text.count(f"[{word}]") >= 10
    lapsed = contents(
        purposes=(
            replace(PURPOSE, assessment_valid_until=NOW, necessity="", retention_days=0, storage=Storage.DEVICE),
        ),
        attestation=replace(ATTESTED, protection_valid_until=NOW),
    )
    assert lapsed.missing == (
        "assessment.payment", "necessity.payment", "retention.payment", "protection", "facts.stored_elsewhere",
    )  # fmt: skip
    for code in ("facts.name", "assessment.payment"):
        assert code not in Page(render(lapsed, "en")).text  # codes are for programs


def test_faces_in_devices_must_be_declared_even_if_nobody_is() -> None:
    device = (replace(PURPOSE, storage=Storage.DEVICE),)
    assert elsewhere_undeclared(NO_FACTS, device)
    assert not elsewhere_undeclared(replace(NO_FACTS, stored_elsewhere_since="2025-06-01"), device)
    assert not elsewhere_undeclared(NO_FACTS, (PURPOSE,))


def test_changes_ends_groups_and_unknown_persons_are_told() -> None:
    summary = "新增门禁用途"
    change = replace(filing(FilingKind.CHANGE, "2025-10-01", ident="c1"), summary=summary)
    made = (initial("2025-09-15", "2025-10-08"), change)
    found = Stock(stored=Persons(low=100_000, high=120_000), days=STOCK.days, unlinked=7)
    page = Page(
        render(
            contents(kind=FilingKind.CHANGE, filings=made, found=found, controllers=("bank", "branch"),
                     facts=replace(FACTS, stored_elsewhere=500, stored_elsewhere_since="2025-07-01")),
            "zh-CN",
        )
    )  # fmt: skip
    for text in (
        summary,
        "变更",
        "100000 至 120000",
        "跨处理者",
        "7 条",
        "500",
        "2025-07-01",
        "bank, branch",
        "已备案",
    ):
        assert text in page.text, text
    end = Page(render(contents(kind=FilingKind.CANCELLATION), "zh-CN"))
    assert "注销" in end.text
    assert "[待补]" in end.text  # nobody said when the use ended


def test_an_unknown_deadline_is_printed_as_such() -> None:
    year = max(CALENDAR.known)
    late = stock(day(f"{year}-12-15", 100_000))
    duty = next(one for one in duties(late, (), RULES, CALENDAR, on(f"{year}-12-20")) if one.rule == LAW)
    page = Page(render(contents(duty=duty), "zh-CN"))
    assert "期限届满日未知" in page.text
    assert str(duty.not_before) in page.text
    assert "PLACET_FILING_CALENDAR" in page.text


def test_another_language_is_refused() -> None:
    with pytest.raises(Invalid):
        render(contents(), "fr")
