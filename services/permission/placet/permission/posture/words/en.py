"""The posture in English."""

from typing import Final

from placet.permission.posture.findings import Rule
from placet.permission.posture.sayings import Saying
from placet.permission.posture.words.texts import Texts

_TITLES: Final = {
    Rule.R1: "No processing without consent or a written legal permission",
    Rule.R2: "Specific purpose, necessity, valid impact assessment",
    Rule.R3: "Protection measures attested",
    Rule.R4: "No device in private spaces",
    Rule.R5: "Public places: public safety, collection area, prominent sign",
    Rule.R6: "No inference of ethnicity, religion, health",
    Rule.R7: "Guardians consent for minors",
    Rule.R8: "Filing with the authority",
    Rule.R9: "The face is never the only way",
    Rule.R10: "Every legal permission names its ground",
    Rule.R11: "The state's own identity channel first",
    Rule.R12: "No harm to national security, public interest, social order",
    Rule.R13: "Nobody is misled or coerced into showing their face",
    Rule.R14: "Exceptions of the state are visible",
    Rule.R15: "People are told, and told again on change",
    Rule.R16: "Data stays in the device; shortest retention",
}
_SENTENCES: Final = {
    Saying.ENFORCED: ("Enforced at every event: one that breaks the rule is denied by {articles}.", ""),
    Saying.NOT_ENFORCED: (
        "No policy pack in force enforces this rule.",
        "Put a pack in force that does (PLACET_PACKS), or have counsel confirm that the rule does not apply to you.",
    ),
    Saying.RECORDED: ("Every event records whether that channel was used; none is denied for it.", ""),
    Saying.NO_PURPOSE: (
        "No purpose is registered that goes on.",
        "Register each purpose (put_purpose) before any face is processed for it.",
    ),
    Saying.NECESSITY_MISSING: (
        "Purpose {purpose} does not say why the face is necessary.",
        "State the necessity with the purpose; the assessment has to cover it.",
    ),
    Saying.ASSESSMENT_MISSING: (
        "Purpose {purpose} has no impact assessment.",
        "Assess it (Order 19 Art 9) and register the assessment (put_assessment).",
    ),
    Saying.ASSESSMENT_EXPIRED: (
        "The impact assessment of purpose {purpose} has expired: its events are denied.",
        "Assess the purpose again and register the new report.",
    ),
    Saying.ASSESSMENT_NOT_YET: (
        "The impact assessment of purpose {purpose} says that it was concluded in the future.",
        "Correct the date, or wait until it is concluded.",
    ),
    Saying.ASSESSMENT_METHOD_CHANGED: (
        "Purpose {purpose} or its method was changed after it was assessed: the assessment has to be made again.",
        "Assess what is done now and register the new report; the old one cannot be registered again.",
    ),
    Saying.ASSESSMENT_INCIDENT: (
        "A major security incident was recorded after purpose {purpose} was assessed.",
        "Assess the purpose again in the light of the incident and register the new report.",
    ),
    Saying.ASSESSMENT_EXPIRES: (
        "The impact assessment of purpose {purpose} lapses within 30 days.",
        "Assess the purpose again before that day.",
    ),
    Saying.ASSESSMENT_BARE: (
        "Purpose {purpose} names a report by its hash only; its contents (Art 9 a to d) are in no register.",
        "Register the assessment with its four statements (put_assessment).",
    ),
    Saying.ASSESSMENT_STANDS: ("The impact assessment of purpose {purpose} stands.", ""),
    Saying.PROTECTION_MISSING: (
        "No protection measures are attested.",
        "Register each deployment with its five measures (put_deployment).",
    ),
    Saying.PROTECTION_BARE: (
        "Protection is attested as a whole; no deployment is registered with its measures and their evidence.",
        "Register each deployment with its five measures (put_deployment).",
    ),
    Saying.MEASURES_LACKING: (
        "Deployment {deployment} has no standing attestation of: {measures}.",
        "Have these measures checked and register the evidence, or retire the deployment.",
    ),
    Saying.MEASURES_EXPIRE: (
        "A measure of deployment {deployment} lapses within 30 days.",
        "Have it checked again before that day.",
    ),
    Saying.MEASURES_STAND: ("All five measures of deployment {deployment} stand.", ""),
    Saying.PLACE_FORBIDDEN: (
        "Device {device} stands in a {place}: every event from it is denied.",
        "Take the device down and register it as retired.",
    ),
    Saying.PLACES_CLEAR: ("None of {count} devices stands in a private space.", ""),
    Saying.SIGN_MISSING: (
        "Device {device} stands in a public place, and no sign is proven for it now.",
        "Put up the sign, take its photo, register it with the device.",
    ),
    Saying.AREA_MISSING: (
        "Device {device} stands in a public place without a collection area set out.",
        "Set out the area and register it with the device.",
    ),
    Saying.NEED_MISSING: (
        "Device {device} stands in a public place, and nobody said why public safety needs it.",
        "State the need, or take the device down: a public place allows no other purpose.",
    ),
    Saying.SIGN_EXPIRES: (
        "The check of the sign at device {device} lapses within 30 days.",
        "Look at the sign again and register the new photo.",
    ),
    Saying.SIGN_BARE: (
        "A sign is proven at device {device}, but not where it hangs, in which languages, or when it was seen.",
        "Add position, languages and date of the check.",
    ),
    Saying.SIGN_STANDS: ("The sign at device {device} is proven.", ""),
    Saying.NOT_PUBLIC: ("None of {count} devices stands in a public place.", ""),
    Saying.INFERENCE_BANNED: (
        "Purpose {purpose} names inferences that no law here allows: {inferences}. Such events are denied.",
        "Take them out of the purpose.",
    ),
    Saying.FILING_OVERDUE: (
        (
            "{stock} persons are stored; the threshold of {threshold} was reached on {reached} and the filing was due "
            "on {deadline}."
        ),
        "File at once, and record the filing.",
    ),
    Saying.FILING_DUE: (
        "{stock} persons are stored; the threshold of {threshold} was reached on {reached}: file until {deadline}.",
        "File, and record the filing.",
    ),
    Saying.FILING_UNDETERMINED: (
        (
            "{stock} persons are stored; the threshold of {threshold} was reached on {reached}, and the working days "
            "until the deadline are not known."
        ),
        "Have somebody count the working days, and file.",
    ),
    Saying.FILING_NEAR: (
        "{stock} persons are stored: at least 90 % of the threshold of {threshold}.",
        "Prepare the filing.",
    ),
    Saying.FILING_LATE: (
        "{stock} persons are stored; it was filed on {filed}, after the deadline of {deadline}.",
        "Keep the reasons for the delay; the authority may ask.",
    ),
    Saying.FILING_DONE: ("{stock} persons are stored; it was filed on {filed}.", ""),
    Saying.FILING_NOT_REACHED: ("{stock} persons are stored: below the threshold of {threshold}.", ""),
    Saying.FILING_OPEN_OVERDUE: (
        "The {kind} of {since} ({filing}) was not filed; it was due on {deadline}.",
        "File it at once, and record the day (placet filing record).",
    ),
    Saying.FILING_OPEN_DUE: (
        "The {kind} of {since} ({filing}) is not filed yet: file until {deadline}.",
        "File it, and record the day (placet filing record).",
    ),
    Saying.FILING_OPEN_UNDETERMINED: (
        "The {kind} of {since} ({filing}) is not filed, and the working days until the deadline are not known.",
        "Have somebody count the working days, file it, and record the day (placet filing record).",
    ),
    Saying.FILING_ATTESTED: ("The controller attests that its filing is current or not yet due.", ""),
    Saying.FILING_NOT_ATTESTED: (
        "Nobody attests that the filing is current or not yet due: events are denied.",
        "Check how many persons are stored, file if the threshold was reached, and attest it (put_attestation).",
    ),
    Saying.ALTERNATIVE_MISSING: (
        "Purpose {purpose} offers no alternative to the face.",
        "Offer one and register it (put_alternative).",
    ),
    Saying.ALTERNATIVE_DOWN: (
        "No registered alternative of purpose {purpose} is known to work now: its events are denied.",
        "Bring one back into service, check it, and register the check.",
    ),
    Saying.ALTERNATIVE_EXPIRES: (
        "The check of the alternative of purpose {purpose} lapses within 30 days.",
        "Check that it works and register the check.",
    ),
    Saying.ALTERNATIVE_BARE: (
        "Purpose {purpose} names an alternative in words; nobody registered that it works.",
        "Check it and register it (put_alternative).",
    ),
    Saying.ALTERNATIVE_WORKS: ("Purpose {purpose} has an alternative that works.", ""),
    Saying.USAGE_MISSING: (
        "For purpose {purpose} nobody reported in the last {months} months how many used the alternative.",
        "Report the counts of each month (put_alternative_usage).",
    ),
    Saying.USAGE_NONE: (
        "Purpose {purpose}, {period}: {face} used the face, nobody the alternative.",
        "Check that people can find the alternative and that it works.",
    ),
    Saying.USAGE_REPORTED: ("Purpose {purpose}, {period}: {face} used the face, {alternative} the alternative.", ""),
    Saying.PERMISSION_EXPIRES: (
        "Legal permission {basis} ({code}, for {purposes}) ends within 30 days.",
        "Ask for a new one if the ground still holds; processing stops when it ends.",
    ),
    Saying.PERMISSION_OPEN: (
        "Legal permission {basis} ({code}, for {purposes}) has no end.",
        "Check whether its ground still holds; revoke it when it does not.",
    ),
    Saying.PERMISSION_STANDS: ("Legal permission {basis} ({code}, for {purposes}) stands.", ""),
    Saying.NO_PERMISSION: ("No legal permission stands: everything rests on consent.", ""),
    Saying.STATE_PROVISION: ("Legal permission {basis} (for {purposes}) rests on an exception of the state.", ""),
    Saying.NO_STATE_PROVISION: ("Nothing rests on an exception of the state.", ""),
    Saying.REVIEW_MISSING: (
        "Nobody has reviewed purpose {purpose} yet: its events are denied.",
        "Have somebody review it for national security, public interest and social order, and register who and when.",
    ),
    Saying.REVIEW_OUTDATED: (
        "Purpose {purpose} was changed after {reviewer} reviewed it on {reviewed}.",
        "Have somebody review what is done now, and register who and when.",
    ),
    Saying.REVIEW_BARE: (
        "{reviewer} reviewed purpose {purpose} on {reviewed}; what was found is not stated.",
        "Add the reviewer's statement to the purpose.",
    ),
    Saying.REVIEWED: ("{reviewer} reviewed purpose {purpose} on {reviewed}.", ""),
    Saying.FLOW_FORCED: (
        "The capture flow of purpose {purpose} presses people: {faults}. Its events are denied.",
        "Change the flow, have it checked, and register the check (put_capture_flow).",
    ),
    Saying.FLOW_MISSING: (
        "Nobody attests how people are asked for purpose {purpose}, or the attestation says that they are pressed.",
        "Have the flow checked and register it (put_capture_flow).",
    ),
    Saying.FLOW_LAPSED: (
        "The check of the capture flow of purpose {purpose} does not cover today: its events are denied.",
        "Have the flow checked again and register it.",
    ),
    Saying.FLOW_EXPIRES: (
        "The check of the capture flow of purpose {purpose} lapses within 30 days.",
        "Have the flow checked again before that day.",
    ),
    Saying.FLOW_BARE: (
        "For purpose {purpose} there is only the controller's general attestation of how people are asked.",
        "Have the flow of this purpose checked and register it (put_capture_flow).",
    ),
    Saying.FLOW_STANDS: ("The capture flow of purpose {purpose} is checked: nobody is pressed.", ""),
    Saying.RETENTION_MISSING: (
        "Purpose {purpose} keeps faces and does not say for how long.",
        "State the retention with the purpose.",
    ),
    Saying.ANCHOR_MISSING: (
        "Purpose {purpose} keeps faces for {days} days and does not say from when they are counted.",
        "State the anchor: purpose end, last interaction, or whichever is first.",
    ),
    Saying.RETENTION_STATED: ("Purpose {purpose} keeps faces for {days} days, counted from: {anchor}.", ""),
    Saying.NOTHING_KEPT: ("Purpose {purpose} keeps no template.", ""),
}
_TERMS: Final = {
    "cancellation": "end of use",
    "security_audit": "security audit",
    "access_control": "access control",
    "authorisation_management": "authorisation management",
    "intrusion_detection": "intrusion detection",
    "hotel_room": "hotel room",
    "changing_room": "changing room",
    "sex_life": "sex life",
    "purpose_end": "the purpose's end",
    "last_interaction": "the last interaction",
    "whichever_first": "the purpose's end or the last interaction, whichever is first",
    "face_is_default": "the face is the default",
    "face_is_first": "the face is the first option",
    "refusal_not_equal": "refusing is harder than agreeing",
    "choice_reset_by_update": "an update resets the choice",
}
ENGLISH: Final = Texts(titles=_TITLES, sentences=_SENTENCES, terms=_TERMS, comma=", ", unverified=" (unverified)")
