"""The sentences of a verification in Simplified Chinese. See `placet.evidence.words.sayings` for what each is."""

from collections.abc import Mapping
from typing import Final

from placet.evidence.reasons import Reason
from placet.evidence.terms import EndedBy, Form, Operation, Verdict
from placet.evidence.words.sayings import Saying, Words

_PROVEN: Final = {
    Saying.CHECKPOINT: "日志 {origin} 以 {signers} 签名的检查点承诺了 {size} 条记录。",
    Saying.WITNESSED: "该检查点由 {witnesses} 联署。",
    Saying.COSIGNATURE: "{witness}（{t}）",
    Saying.QUORUM_REACHED: (
        "信任策略的法定人数 {quorum} 已达到：其见证方所见即为这棵树。策略中未联署的见证方：{missing}。"
    ),
    Saying.QUORUM_NOT_REACHED: (
        "信任策略的法定人数 {quorum} 未达到（未联署：{missing}）；但日志自身的签名仍对其具有约束力。"
    ),
    Saying.QUORUM_NONE: "信任策略不要求见证方：仅有日志自身为这棵树作保。",
    Saying.EVENT: (
        "第 {index} 条记录未被改动，是人脸事件 {id}：{operation}，目的 {purpose}，地点 {site}，设备 {device}，"
        "按日志时钟记录于 {t}。"
    ),
    Saying.ALLOWED: "其裁定为允许；在此以已证明的记录重新运行规则 {rules}，结论相同。",
    Saying.DENIED: "其裁定为拒绝；在此重新运行规则 {rules}，得出相同理由：{reasons}。",
    Saying.NO_BASIS: "该事件没有任何处理依据。",
    Saying.BASIS_STOOD: (
        "其依据为第 {ordinal} 号依据（{form}），于第 {granted} 条记录依 {law} 设立：在第 {index} 条记录之前未被撤回，"
        "当时有效，且涵盖该目的、操作、地点和数据外传。"
    ),
    Saying.BASIS_DID_NOT_STAND: (
        "其指明第 {ordinal} 号依据（{form}），于第 {granted} 条记录依 {law} 设立，但不足以支持该事件。"
    ),
    Saying.BASIS_AMENDED: "第 {ordinal} 号依据在事件之前被缩小范围 {count} 次：以缩小后的范围为准。",
    Saying.BASIS_ENDED_LATER: "第 {ordinal} 号依据在事件之后于第 {ended} 条记录被撤回：裁定不变。",
    Saying.BASIS_IMPORTED: "第 {ordinal} 号依据系导入：并非经 Placet 采集。",
    Saying.GUARDIAN_STOOD: "其需要第 {ordinal} 号监护关系（设立于第 {granted} 条记录），当时有效。",
    Saying.GUARDIAN_DID_NOT_STAND: "其需要第 {ordinal} 号监护关系（设立于第 {granted} 条记录），当时无效。",
    Saying.APPROVED: "该法定许可在设立之前由 {count} 名批准人就同一草案签名，其人员、密钥与职责（{roles}）各不相同。",
    Saying.BREAK_GLASS: "注意，紧急启用：该法定许可只有一名批准人（{roles}）签名，有效期至多 15 分钟；事后必须复核。",
    Saying.DECISION: (
        "决定为第 {index} 条记录，依据策略包 {packs} 作出：{verdict}；准许条款："
        "{permit}；禁止条款：{forbid}；错误：{errors}。"
    ),
    Saying.NOTHING_LEFT_OUT: (
        "第 {state} 条记录中的状态树约束了这些依据在规模 {size} 以下的每次变更：本证据包未遗漏任何缩小或撤回。"
    ),
    Saying.BRACKET: (
        "调用方已见过 {seen} 条记录：就本日志所述，无论摄像设备的时钟如何，"
        "该依据在位置 {seen} 至 {index} 期间始终成立。"
    ),
    Saying.OFFLINE: "该事件来自曾离线的设备，按其进入日志的位置裁定。",
    Saying.PERMIT: "由此可签发许可证，可用 {max_uses} 次，有效至 {not_after}。",
    Saying.USE: "第 {n} 次使用（由 {service}）记于第 {index} 条记录：{verdict}；理由：{reasons}。",
    Saying.WITHDRAWN: (
        "第 {index} 条记录未被改动，撤回第 {ordinal} 号依据：由{by}撤回，原因 {reason}，按日志时钟记于 {t}。"
    ),
    Saying.WITHDRAWAL_BINDS: (
        "第 {index} 条记录之后，规则不会再允许该依据下的任何事件或使用；"
        "若以后的检查点另有说法，则与本回执一起构成对该日志的指证。"
    ),
    Saying.FRAUD_ENTRY: "在规模 {size} 时，该日志签名承认第 {ordinal} 号依据于第 {index} 条记录被撤回。",
    Saying.FRAUD_STANDS: "在延续前者的规模 {size} 时，该日志却签名称第 {ordinal} 号依据未被撤回。",
    Saying.FRAUD_OTHER_END: "在延续前者的规模 {size} 时，该日志却签名称第 {ordinal} 号依据终止于 {ended}。",
    Saying.FRAUD_GONE: "在延续前者的规模 {size} 时，该日志却签名称一共只有 {bases} 个依据。",
    Saying.FRAUD_CONVICTS: "两者不可能同时为真：{origin} 的密钥持有者签署了虚假内容。",
}
_UNPROVEN: Final = {
    Saying.UNPROVEN_CONSENT: "确曾取得同意，或同意出于自愿：依据的设立是运营者自己的记录",
    Saying.UNPROVEN_FACTS: "决定所据的情境事实、摄像设备声称的时间（occurred）以及日志自身的时钟（t）",
    Saying.UNPROVEN_SUBMITTED: "从未提交到日志的事件的任何情况",
    Saying.UNPROVEN_STATUS_ROOT: "状态根正确无误：这是运营者签名的主张；完整重放、重放见证人或撤回回执可以指证其虚假",
    Saying.UNPROVEN_EVENT_COUNT: "第 {ordinal} 号依据（至多 {most} 次）下已允许多少事件：须完整重放计数",
    Saying.UNPROVEN_USE_COUNT: "许可证总共使用了多少次：此处可能遗漏；须完整重放计数",
    Saying.UNPROVEN_APPROVERS: "批准人的密钥究竟属于谁：这是运营者的主张；可固定密钥加以核对",
    Saying.UNPROVEN_NAMED_BASIS: "调用方是没有指明依据，还是指明了不存在的依据",
    Saying.UNPROVEN_OBEYED: "处理确已停止，或模板确已销毁",
    Saying.UNPROVEN_WHY: "该日志为何签署虚假内容：过失还是故意",
}
_WRONG: Final = {
    Saying.WRONG_CHECKPOINT: "检查点并非由固定的密钥签名：{why}",
    Saying.WRONG_QUORUM: ("信任策略的法定人数 {quorum} 未达到。已联署：{cosigned}。未联署：{missing}。"),
    Saying.WRONG_INCLUSION: "第 {index} 条记录不在已签名的 {size} 条记录的树中：{why}",
    Saying.WRONG_ENTRY: "第 {index} 条记录的字节不是 Placet 日志的记录：{why}",
    Saying.WRONG_INDEX: "第 {index} 条记录自称是第 {claimed} 条。",
    Saying.WRONG_KIND: "第 {index} 条记录是 {kind}，而此处必须是 {wanted}。",
    Saying.WRONG_LAST_STATE: (
        "检查点的最后一条记录（第 {last} 条）必须是涵盖至其自身的 state，但此 state 是第 {index} 条，涵盖 {covers}："
        "这样的检查点绝不应被签名。"
    ),
    Saying.WRONG_RULES_VERSION: "该日志遵循规则 {rules}；本验证程序只认识 {known}。",
    Saying.WRONG_DECISION: "该事件依据第 {wanted} 条决定，而证据包中是第 {index} 条。",
    Saying.WRONG_BASES: "该事件依据（{wanted}），而证据包中是（{given}）。",
    Saying.WRONG_CHANGE: "第 {index} 条记录不是第 {ordinal} 号依据设立之后按序的变更。",
    Saying.WRONG_APPROVALS: "第 {index} 条设立记录指明批准（{wanted}），而证据包中是（{given}）。",
    Saying.WRONG_APPROVER_KEY: "第 {index} 条批准的签名密钥不在固定的批准人密钥之列。",
    Saying.WRONG_USE: "第 {index} 条记录不是事件 {event} 之后按序的使用。",
    Saying.WRONG_STATUS: (
        "第 {ordinal} 号依据的状态称 {field} 为 {claimed}，"
        "而证据包中的记录得出 {given}：有缩小或撤回被遗漏、添加或改动。"
    ),
    Saying.WRONG_STATUS_PROOF: (
        "由这些记录得出的第 {ordinal} 号依据的状态并非日志所签名者：有缩小或撤回被遗漏，或状态虚假（{why}）"
    ),
    Saying.WRONG_TIME: "从第 {before} 条记录到第 {index} 条记录时间倒退。",
    Saying.WRONG_CHAIN: "第 {index} 条记录没有指明第 {before} 条记录的叶哈希：哈希链断裂。",
    Saying.WRONG_ALLOW: "第 {index} 条记录写着允许，但规则拒绝它：{reasons}。",
    Saying.WRONG_REASONS: "第 {index} 条记录的理由为（{written}），但规则得出（{reasons}）。",
    Saying.WRONG_BY_RULES: "第 {index} 条记录不是规则在该位置所允许的：{why}",
    Saying.WRONG_LOG: "两个检查点属于不同的日志：{first} 与 {second}。",
    Saying.WRONG_ORDER: "规模 {second} 的检查点并不晚于回执的规模 {first}。",
    Saying.WRONG_CONSISTENCY: "未能证明较晚的树延续了回执的树：{why}",
    Saying.WRONG_STATUS_OF_ANOTHER: "状态属于第 {given} 号依据，而回执属于第 {ordinal} 号依据。",
    Saying.NO_FRAUD: (
        "未显示欺诈：在规模 {size} 时日志仍称第 {ordinal} 号依据终止于第 {index} 条记录，或者缺少能显示相反情况的状态。"
    ),
}
_TERMS: Final[Mapping[str, str]] = {
    Form.CONSENT: "同意",
    Form.GUARDIANSHIP: "监护关系",
    Form.LEGAL_PERMISSION: "法定许可",
    Operation.ENROL: "登记",
    Operation.VERIFY: "验证（1:1）",
    Operation.IDENTIFY: "辨识（1：N）",
    Operation.ANALYSE: "分析",
    Operation.EXPORT: "导出",
    Operation.DELETE: "删除",
    Verdict.ALLOW: "允许",
    Verdict.DENY: "拒绝",
    EndedBy.DATA_SUBJECT: "个人本人",
    EndedBy.GUARDIAN: "监护人",
    EndedBy.CONTROLLER: "处理者",
    EndedBy.AUTHORITY: "主管机关",
    EndedBy.SYSTEM: "系统",
    Reason.BASIS_MISSING: "BASIS_MISSING（未指明依据）",
    Reason.BASIS_UNKNOWN: "BASIS_UNKNOWN（指明的依据不存在）",
    Reason.BASIS_FORM: "BASIS_FORM（监护关系不能作为事件的依据）",
    Reason.BASIS_WITHDRAWN: "BASIS_WITHDRAWN（依据此前已被撤回）",
    Reason.BASIS_NOT_YET_VALID: "BASIS_NOT_YET_VALID（依据尚未生效）",
    Reason.BASIS_EXPIRED: "BASIS_EXPIRED（依据已到期）",
    Reason.PURPOSE_NOT_COVERED: "PURPOSE_NOT_COVERED（依据不涵盖该目的）",
    Reason.OPERATION_NOT_COVERED: "OPERATION_NOT_COVERED（依据不涵盖该操作）",
    Reason.SITE_NOT_COVERED: "SITE_NOT_COVERED（依据不涵盖该地点）",
    Reason.EGRESS_NOT_COVERED: "EGRESS_NOT_COVERED（依据不允许人脸数据离开设备）",
    Reason.OPERATION_NEEDS_PERMISSION: "OPERATION_NEEDS_PERMISSION（辨识须有法定许可）",
    Reason.GUARDIAN_WITHDRAWN: "GUARDIAN_WITHDRAWN（所需的监护关系此前已被撤回）",
    Reason.GUARDIAN_EXPIRED: "GUARDIAN_EXPIRED（所需的监护关系已到期）",
    Reason.CLOCK_OUT_OF_RANGE: "CLOCK_OUT_OF_RANGE（摄像设备时钟与日志时钟相差过大）",
    Reason.EVENTS_EXHAUSTED: "EVENTS_EXHAUSTED（依据所允许的事件次数已用尽）",
    Reason.POLICY: "POLICY（法律禁止：见决定中的条款）",
    Reason.POLICY_ERROR: "POLICY_ERROR（策略无法求值）",
    Reason.DECISION_MISMATCH: "DECISION_MISMATCH（决定针对的是另一种事件）",
    Reason.SEEN_IN_FUTURE: "SEEN_IN_FUTURE（调用方声称见过更大的日志）",
    Reason.PERMIT_UNKNOWN: "PERMIT_UNKNOWN（没有这样的许可证）",
    Reason.PERMIT_EXHAUSTED: "PERMIT_EXHAUSTED（许可证的使用次数已用尽）",
    Reason.PERMIT_EXPIRED: "PERMIT_EXPIRED（许可证已过期）",
}

CHINESE: Final = Words(
    sentences={**_PROVEN, **_UNPROVEN, **_WRONG},
    terms=_TERMS,
    comma="、",
    nothing="无",
    proven="已证明：",
    unproven="本文件未证明、亦不得据此主张的：",
)
