"""The posture in Chinese."""

from typing import Final

from placet.permission.posture.findings import Rule
from placet.permission.posture.sayings import Saying
from placet.permission.posture.words.texts import Texts

_TITLES: Final = {
    Rule.R1: "未经同意或无书面法律许可，不得处理",
    Rule.R2: "目的特定、必要性充分、影响评估有效",
    Rule.R3: "安全保护措施已证明",
    Rule.R4: "私密空间不得安装设备",
    Rule.R5: "公共场所：公共安全、采集区域、显著提示",
    Rule.R6: "不得推断民族、宗教信仰、健康",
    Rule.R7: "未成年人须监护人同意",
    Rule.R8: "向主管部门备案",
    Rule.R9: "人脸不得为唯一验证方式",
    Rule.R10: "每项法律许可均载明依据",
    Rule.R11: "优先使用国家身份认证渠道",
    Rule.R12: "不危害国家安全、公共利益、社会秩序",
    Rule.R13: "不误导、欺诈、胁迫个人使用人脸",
    Rule.R14: "国家另有规定的例外均可见",
    Rule.R15: "已告知，变更后重新告知",
    Rule.R16: "数据留存于设备，保存期限最短",
}
_SENTENCES: Final = {
    Saying.ENFORCED: ("逐次事件强制执行：违反本规则的事件由 {articles} 拒绝。", ""),
    Saying.NOT_ENFORCED: (
        "现行策略包均未强制执行本规则。",
        "启用执行本规则的策略包（PLACET_PACKS），或请法务确认本规则不适用。",
    ),
    Saying.RECORDED: ("每次事件均记录是否使用该渠道；不因此拒绝。", ""),
    Saying.NO_PURPOSE: ("没有登记仍在进行的处理目的。", "处理人脸之前先登记每个目的（put_purpose）。"),
    Saying.NECESSITY_MISSING: ("目的 {purpose} 未说明使用人脸的必要性。", "在目的中说明必要性；评估须涵盖该说明。"),
    Saying.ASSESSMENT_MISSING: (
        "目的 {purpose} 没有影响评估。",
        "按第19号令第九条进行评估并登记（put_assessment）。",
    ),
    Saying.ASSESSMENT_EXPIRED: ("目的 {purpose} 的影响评估已过期：其事件被拒绝。", "重新评估并登记新报告。"),
    Saying.ASSESSMENT_NOT_YET: ("目的 {purpose} 的影响评估完成日期在未来。", "更正日期，或待评估完成。"),
    Saying.ASSESSMENT_METHOD_CHANGED: (
        "目的 {purpose} 或其处理方式在评估之后发生变更：须重新评估。",
        "对现行做法重新评估并登记新报告；旧报告不能重新登记。",
    ),
    Saying.ASSESSMENT_INCIDENT: (
        "目的 {purpose} 评估之后记录了重大安全事件。",
        "结合该事件重新评估并登记新报告。",
    ),
    Saying.ASSESSMENT_EXPIRES: ("目的 {purpose} 的影响评估将在30日内到期。", "到期前重新评估。"),
    Saying.ASSESSMENT_BARE: (
        "目的 {purpose} 仅以哈希引用报告；第九条第（一）至（四）项内容未登记。",
        "登记包含四项内容的评估（put_assessment）。",
    ),
    Saying.ASSESSMENT_STANDS: ("目的 {purpose} 的影响评估有效。", ""),
    Saying.PROTECTION_MISSING: ("未证明任何安全保护措施。", "登记每个部署及其五项措施（put_deployment）。"),
    Saying.PROTECTION_BARE: (
        "仅有总体保护声明；没有登记部署的各项措施及其证据。",
        "登记每个部署及其五项措施（put_deployment）。",
    ),
    Saying.MEASURES_LACKING: (
        "部署 {deployment} 缺少有效证明的措施：{measures}。",
        "检查这些措施并登记证据，或停用该部署。",
    ),
    Saying.MEASURES_EXPIRE: ("部署 {deployment} 的一项措施将在30日内到期。", "到期前重新检查。"),
    Saying.MEASURES_STAND: ("部署 {deployment} 的五项措施均有效。", ""),
    Saying.PLACE_FORBIDDEN: ("设备 {device} 位于{place}：其所有事件被拒绝。", "拆除该设备并登记为停用。"),
    Saying.PLACES_CLEAR: ("{count} 台设备均不在私密空间。", ""),
    Saying.SIGN_MISSING: (
        "设备 {device} 位于公共场所，目前没有提示标识的证明。",
        "设置标识、拍照，并随设备登记。",
    ),
    Saying.AREA_MISSING: ("设备 {device} 位于公共场所，未划定采集区域。", "划定区域并随设备登记。"),
    Saying.NEED_MISSING: (
        "设备 {device} 位于公共场所，未说明公共安全的必要性。",
        "说明必要性，或拆除设备：公共场所不得用于其他目的。",
    ),
    Saying.SIGN_EXPIRES: ("设备 {device} 的标识检查将在30日内到期。", "重新查看标识并登记新照片。"),
    Saying.SIGN_BARE: (
        "设备 {device} 的标识已有证明，但未说明位置、语言或查看时间。",
        "补充位置、语言和检查日期。",
    ),
    Saying.SIGN_STANDS: ("设备 {device} 的标识已证明。", ""),
    Saying.NOT_PUBLIC: ("{count} 台设备均不在公共场所。", ""),
    Saying.INFERENCE_BANNED: (
        "目的 {purpose} 列有任何法律均不允许的推断：{inferences}。此类事件被拒绝。",
        "将其从目的中删除。",
    ),
    Saying.FILING_OVERDUE: (
        "存储 {stock} 人；{reached} 达到 {threshold} 人的标准，备案期限为 {deadline}，已逾期。",
        "立即备案并登记。",
    ),
    Saying.FILING_DUE: (
        "存储 {stock} 人；{reached} 达到 {threshold} 人的标准：须于 {deadline} 前备案。",
        "备案并登记。",
    ),
    Saying.FILING_UNDETERMINED: (
        "存储 {stock} 人；{reached} 达到 {threshold} 人的标准，期限内的工作日未知。",
        "请人工计算工作日并备案。",
    ),
    Saying.FILING_NEAR: ("存储 {stock} 人：已达 {threshold} 人标准的90%以上。", "准备备案材料。"),
    Saying.FILING_LATE: (
        "存储 {stock} 人；于 {filed} 备案，晚于期限 {deadline}。",
        "保留延误原因，以备主管部门查询。",
    ),
    Saying.FILING_DONE: ("存储 {stock} 人；已于 {filed} 备案。", ""),
    Saying.FILING_NOT_REACHED: ("存储 {stock} 人：未达 {threshold} 人的标准。", ""),
    Saying.FILING_OPEN_OVERDUE: (
        "{since} 的{kind}（{filing}）尚未办理备案手续，期限为 {deadline}，已逾期。",
        "立即办理并登记日期（placet filing record）。",
    ),
    Saying.FILING_OPEN_DUE: (
        "{since} 的{kind}（{filing}）尚未办理备案手续：期限为 {deadline}。",
        "办理并登记日期（placet filing record）。",
    ),
    Saying.FILING_OPEN_UNDETERMINED: (
        "{since} 的{kind}（{filing}）尚未办理备案手续，期限内的工作日未知。",
        "请人工计算工作日，办理并登记日期（placet filing record）。",
    ),
    Saying.FILING_ATTESTED: ("处理者声明其备案为最新或尚未到期。", ""),
    Saying.FILING_NOT_ATTESTED: (
        "无人声明备案为最新或尚未到期：事件被拒绝。",
        "核对存储人数，达到标准即备案，并作出声明（put_attestation）。",
    ),
    Saying.ALTERNATIVE_MISSING: ("目的 {purpose} 未提供人脸以外的方式。", "提供替代方式并登记（put_alternative）。"),
    Saying.ALTERNATIVE_DOWN: (
        "目的 {purpose} 登记的替代方式目前均不可用：其事件被拒绝。",
        "恢复一种替代方式，检查并登记。",
    ),
    Saying.ALTERNATIVE_EXPIRES: ("目的 {purpose} 的替代方式检查将在30日内到期。", "检查其可用并登记。"),
    Saying.ALTERNATIVE_BARE: (
        "目的 {purpose} 仅以文字说明替代方式；无人登记其可用。",
        "检查并登记（put_alternative）。",
    ),
    Saying.ALTERNATIVE_WORKS: ("目的 {purpose} 有可用的替代方式。", ""),
    Saying.USAGE_MISSING: (
        "目的 {purpose} 最近 {months} 个月无人报告替代方式的使用人数。",
        "逐月报告人数（put_alternative_usage）。",
    ),
    Saying.USAGE_NONE: (
        "目的 {purpose}，{period}：{face} 人次使用人脸，无人使用替代方式。",
        "检查替代方式是否易于找到且可用。",
    ),
    Saying.USAGE_REPORTED: ("目的 {purpose}，{period}：{face} 人次使用人脸，{alternative} 人次使用替代方式。", ""),
    Saying.PERMISSION_EXPIRES: (
        "法律许可 {basis}（{code}，用于 {purposes}）将在30日内终止。",
        "依据仍成立的，申请新许可；终止后处理即停止。",
    ),
    Saying.PERMISSION_OPEN: (
        "法律许可 {basis}（{code}，用于 {purposes}）没有期限。",
        "核查依据是否仍成立；不成立的予以撤销。",
    ),
    Saying.PERMISSION_STANDS: ("法律许可 {basis}（{code}，用于 {purposes}）有效。", ""),
    Saying.NO_PERMISSION: ("没有有效的法律许可：全部处理以同意为依据。", ""),
    Saying.STATE_PROVISION: ("法律许可 {basis}（用于 {purposes}）以国家另有规定为依据。", ""),
    Saying.NO_STATE_PROVISION: ("没有以国家另有规定为依据的处理。", ""),
    Saying.REVIEW_MISSING: (
        "目的 {purpose} 尚无人审查：其事件被拒绝。",
        "请人就国家安全、公共利益、社会秩序进行审查，并登记审查人和日期。",
    ),
    Saying.REVIEW_OUTDATED: (
        "目的 {purpose} 在 {reviewer} 于 {reviewed} 审查之后发生变更。",
        "请人审查现行做法，并登记审查人和日期。",
    ),
    Saying.REVIEW_BARE: (
        "{reviewer} 于 {reviewed} 审查了目的 {purpose}；未说明审查结论。",
        "在目的中补充审查人的说明。",
    ),
    Saying.REVIEWED: ("{reviewer} 于 {reviewed} 审查了目的 {purpose}。", ""),
    Saying.FLOW_FORCED: (
        "目的 {purpose} 的采集流程对个人施压：{faults}。其事件被拒绝。",
        "改变流程，重新检查并登记（put_capture_flow）。",
    ),
    Saying.FLOW_MISSING: (
        "无人证明目的 {purpose} 如何征求个人意见，或声明表明个人受到压力。",
        "检查流程并登记（put_capture_flow）。",
    ),
    Saying.FLOW_LAPSED: ("目的 {purpose} 的采集流程检查不涵盖今日：其事件被拒绝。", "重新检查流程并登记。"),
    Saying.FLOW_EXPIRES: ("目的 {purpose} 的采集流程检查将在30日内到期。", "到期前重新检查流程。"),
    Saying.FLOW_BARE: (
        "目的 {purpose} 仅有处理者的总体声明说明如何征求意见。",
        "检查该目的的流程并登记（put_capture_flow）。",
    ),
    Saying.FLOW_STANDS: ("目的 {purpose} 的采集流程已检查：个人未受压力。", ""),
    Saying.RETENTION_MISSING: ("目的 {purpose} 保存人脸信息，但未说明期限。", "在目的中说明保存期限。"),
    Saying.ANCHOR_MISSING: (
        "目的 {purpose} 保存人脸信息 {days} 日，未说明起算时间。",
        "说明起算点：目的结束、最后一次交互，或以先到者为准。",
    ),
    Saying.RETENTION_STATED: ("目的 {purpose} 保存人脸信息 {days} 日，起算点：{anchor}。", ""),
    Saying.NOTHING_KEPT: ("目的 {purpose} 不保存模板。", ""),
}
_TERMS: Final = {
    "change": "实质性变更",
    "cancellation": "终止使用",
    "encryption": "加密",
    "security_audit": "安全审计",
    "access_control": "访问控制",
    "authorisation_management": "授权管理",
    "intrusion_detection": "入侵检测",
    "hotel_room": "宾馆客房",
    "restroom": "公共卫生间",
    "bathroom": "公共浴室",
    "changing_room": "更衣室",
    "ethnicity": "民族",
    "religion": "宗教信仰",
    "health": "健康",
    "politics": "政治观点",
    "union": "工会成员身份",
    "sex_life": "性生活",
    "purpose_end": "目的结束",
    "last_interaction": "最后一次交互",
    "whichever_first": "目的结束或最后一次交互，以先到者为准",
    "face_is_default": "人脸为默认选项",
    "face_is_first": "人脸为首选项",
    "refusal_not_equal": "拒绝比同意更困难",
    "choice_reset_by_update": "更新会重置个人选择",
    "statutory_duty": "履行法定职责或义务",
    "court_order": "法院命令",
    "authority_written_permission": "主管机关书面许可",
    "contract_or_hr": "合同或人力资源管理",
    "emergency": "紧急情况",
    "public_interest_news": "公共利益新闻报道",
    "self_disclosed": "自行公开",
    "state_provision": "国家另有规定",
}
CHINESE: Final = Texts(titles=_TITLES, sentences=_SENTENCES, terms=_TERMS, comma="、", unverified="（未核实）")
