"""The fixed sentences of an explanation, in both languages: what a code means and what to do about it.

Owns: the words for everything that no pack says: reasons of the ledger, errors of the engine, the frame around them.
What a pack says stands in its `pack.json`. English next steps are those of docs/errors.md (a test compares).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from placet.evidence.reasons import Reason
from placet.evidence.words import Language
from placet.permission.policy.cedar import ErrorCode


class Said(NamedTuple):
    """One sentence in both languages."""

    en: str
    zh_cn: str

    def in_(self, language: Language) -> str:
        """Return it in one of them."""
        return self.zh_cn if language is Language.ZH_CN else self.en


_NEW_CONSENT: Final = Said("Ask for a new consent.", "请重新征得同意。")
NEXT: Final[Mapping[Reason, Said]] = {
    Reason.BASIS_MISSING: Said(
        "Ask the person for consent, or offer the alternative.", "征得本人同意，或提供替代方式。"
    ),
    Reason.BASIS_UNKNOWN: Said(
        "Check the ordinal; it is one of this controller's.", "请核对依据序号；它应属于本个人信息处理者。"
    ),
    Reason.BASIS_FORM: Said("Name the minor's consent.", "请指明未成年人的同意。"),
    Reason.BASIS_WITHDRAWN: Said("Stop; only a new consent helps.", "停止处理；只有新的同意才有效。"),
    Reason.BASIS_NOT_YET_VALID: Said("Wait, or correct the device's clock.", "等待依据生效，或校正设备时钟。"),
    Reason.BASIS_EXPIRED: _NEW_CONSENT,
    Reason.PURPOSE_NOT_COVERED: Said(
        "Ask for consent to this purpose; one consent covers one purpose.",
        "请就该目的单独征得同意；一次同意只涵盖一个目的。",
    ),
    Reason.OPERATION_NOT_COVERED: Said("Ask for consent that names it.", "请征得载明该操作的同意。"),
    Reason.SITE_NOT_COVERED: Said(
        "Process it at a site that is covered, or ask anew.", "请在依据涵盖的地点处理，或重新征得同意。"
    ),
    Reason.EGRESS_NOT_COVERED: Said(
        "Keep it on the device, or ask for consent with egress.", "将数据保留在设备内，或征得允许外传的同意。"
    ),
    Reason.OPERATION_NEEDS_PERMISSION: Said("Obtain one, under four eyes.", "请经双人审批取得法定许可。"),
    Reason.GUARDIAN_WITHDRAWN: Said("Ask a guardian again.", "请重新征得监护人同意。"),
    Reason.GUARDIAN_EXPIRED: Said(
        "Confirm a new one; a person of age consents alone.", "请重新确认监护关系；达到年龄者由本人同意。"
    ),
    Reason.CLOCK_OUT_OF_RANGE: Said(
        "Correct the device's clock; mark offline events.", "请校正设备时钟；离线事件须加标记。"
    ),
    Reason.EVENTS_EXHAUSTED: Said("Obtain a new basis.", "请取得新的依据。"),
    Reason.POLICY: Said(
        "Read the articles under docs/law; each says what to do.", "请阅读下列条款；每条均说明应如何处理。"
    ),
    Reason.POLICY_ERROR: Said(
        "Have the operator look at the permission service's log.", "请运维人员查看许可服务的日志。"
    ),
    Reason.DECISION_MISMATCH: Said(
        "Report it: the permission service must not do this.", "请上报：许可服务不应出现这种情况。"
    ),
    Reason.SEEN_IN_FUTURE: Said(
        "Compare checkpoints: the log may have been rolled back.", "请比对检查点：日志可能被回滚。"
    ),
}
# What happened, and what to do.
ERRORS: Final[Mapping[str, tuple[Said, Said]]] = {
    ErrorCode.NO_PACK_IN_FORCE: (
        Said(
            "No policy pack is in force at this moment, so there is no law to permit by.",
            "此刻没有生效的策略包，因此没有可据以允许的法律。",
        ),
        Said(
            "Configure one (`PLACET_PACKS`), or mend its dates.", "请配置策略包（`PLACET_PACKS`），或修正其生效日期。"
        ),
    ),
    ErrorCode.EVALUATION_ERROR: (
        Said(
            "A policy failed while it was evaluated; Cedar would have skipped it.",
            "某条规则求值时出错；Cedar 本会跳过它。",
        ),
        Said(
            "Mend the pack; the permission service's log names the policy.",
            "请修正策略包；许可服务的日志载明是哪条规则。",
        ),
    ),
    ErrorCode.NO_DECISION: (
        Said(
            "Cedar refused the request: the context does not fit the pack's schema.",
            "Cedar 拒绝了请求：事实与策略包的模式不符。",
        ),
        Said("Mend the pack's schema.", "请修正策略包的模式。"),
    ),
    ErrorCode.EVALUATOR_FAILED: (
        Said(
            "The evaluator itself failed. It is not remembered: the next event asks again.",
            "求值器本身出错。该结果不会被记住：下一事件会重新求值。",
        ),
        Said("Look at the permission service's log.", "请查看许可服务的日志。"),
    ),
    ErrorCode.PACK_SILENT: (
        Said("A pack neither permits nor forbids: it has a gap.", "策略包既未允许也未禁止：存在空缺。"),
        Said("Add the missing rule to the pack.", "请在策略包中补充缺失的规则。"),
    ),
}

ALLOWED: Final = Said("Allowed.", "已允许。")
DENIED: Final = Said("Denied.", "已拒绝。")
DECIDED_UNDER: Final = Said("Decided under {packs}.", "依据策略包{packs}作出决定。")
VERSION: Final = Said("{pack} (version {version})", "{pack}（版本 {version}）")
VERSION_GONE: Final = Said(
    "{pack} in a version that is not at hand here (hash {hash})", "{pack}的某一版本（哈希 {hash}，此处没有该版本）"
)
REASON: Final = Said("Reason: {reason}", "理由：{reason}")
ERROR: Final = Said("Error {code}: {what}", "错误 {code}：{what}")
FORBIDDEN_BY: Final = Said("Forbidden by {article}", "禁止条款 {article}")
PERMITTED_BY: Final = Said("Permitted by {article}", "准许条款 {article}")
RULE: Final = Said("Rule: {text}", "规则：{text}")
SOURCE: Final = Said("Source: {source}, {address}", "出处：{source}，{address}")
CITED: Final = Said("{title}, article {number}", "{title}第{number}条")
CITED_OTHERWISE: Final = Said("{title}, {number}", "{title} {number}")
CONFIDENCE: Final = Said("Confidence: {confidence}", "核对程度：{confidence}")
READ: Final = Said("read (the text was read in a source)", "已读（在来源中读到条文）")
UNVERIFIED: Final = Said(
    "UNVERIFIED (the text of the article was not read; have somebody confirm it who has it)",
    "未核实（未读到条文原文，须由持有原文者确认）",
)
FACTS: Final = Said("Facts: {facts}", "事实：{facts}")
DO: Final = Said("What to do: {text}", "应如何处理：{text}")
OTHER_VERSION: Final = Said(
    "The version that decided is not shipped any more; this is the text of version {version}, which may differ.",
    "作出决定的版本已不再随附；以下为版本 {version} 的文字，可能有所不同。",
)
NO_TEXT: Final = Said(
    "No text of this article is at hand: its pack, or this version of it, is not shipped (`--pack` takes a folder).",
    "此处没有该条款的文字：该策略包或该版本未随附（可用 --pack 给出其目录）。",
)
NO_ADVICE: Final = Said("This is not legal advice.", "以上不构成法律意见。")
YES: Final = Said("yes", "是")
NO: Final = Said("no", "否")
NOT_LOGGED: Final = Said("not in the log", "日志中没有")
