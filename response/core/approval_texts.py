"""The sentences of the page by which a person answers a question, in English and Korean. Values come in escaped."""

from __future__ import annotations

from typing import Mapping

#: Key -> language -> sentence.
TEXTS: Mapping[str, Mapping[str, str]] = {
    "yes": {"en": "If you approve", "ko": "승인하면"},
    "no": {"en": "If you reject", "ko": "거부하면"},
    "silence": {"en": "If you do not answer by {until}", "ko": "{until}까지 응답하지 않으면"},
    "yes.respond": {
        "en": "The instance is isolated and its evidence is collected. It stays isolated until somebody releases it.",
        "ko": "인스턴스를 격리하고 증거를 수집합니다. 누군가 해제할 때까지 격리 상태가 유지됩니다.",
    },
    "yes.isolate_instance": {
        "en": "The instance is isolated, and stays so until somebody releases it.",
        "ko": "인스턴스를 격리합니다. 누군가 해제할 때까지 격리 상태가 유지됩니다.",
    },
    "yes.revoke_credentials": {
        "en": "The credentials are revoked, and stay so until somebody gives them back.",
        "ko": "자격 증명을 취소합니다. 누군가 되돌릴 때까지 취소 상태가 유지됩니다.",
    },
    "yes.contain_principal": {
        "en": "The user or role loses its access until somebody releases it.",
        "ko": "사용자 또는 역할의 접근을 차단합니다. 누군가 해제할 때까지 유지됩니다.",
    },
    "yes.other": {"en": "It is done: {action}.", "ko": "다음 조치를 수행합니다: {action}."},
    "yes.hard": {
        "en": "The instance is cut off whole: no way in or out, until somebody releases it.",
        "ko": "인스턴스를 완전히 차단합니다. 누군가 해제할 때까지 어떤 통신도 할 수 없습니다.",
    },
    "no.first": {
        "en": "Nothing is done, and everything stays as it is.",
        "ko": "아무 조치도 하지 않고 현재 상태를 그대로 둡니다.",
    },
    "no.hard": {
        "en": "It stays as it is: what is isolated softly stays so until somebody releases it.",
        "ko": "현재 상태를 유지합니다. 부분 격리된 인스턴스는 누군가 해제할 때까지 그대로입니다.",
    },
    "silence.next": {
        "en": "{following} is asked, with a new link, and this link ends.",
        "ko": "이 링크는 만료되고 {following}에게 새 링크로 승인을 요청합니다.",
    },
    "somebody": {"en": "The next one", "ko": "다음 담당자"},
    "silence.leave": {
        "en": "Nothing more is done. The incident waits, and somebody can resume it.",
        "ko": "더 이상 조치하지 않습니다. 사고는 대기 상태로 남으며 나중에 재개할 수 있습니다.",
    },
    "silence.go_on": {"en": "It goes on as if you had approved.", "ko": "승인한 것과 같이 진행합니다."},
    "name": {"en": "Your name", "ko": "이름"},
    "why": {"en": "Why (if you like)", "ko": "사유 (선택)"},
    "approve": {"en": "Approve", "ko": "승인"},
    "reject": {"en": "Reject", "ko": "거부"},
    "once": {
        "en": "Looking at this page changes nothing. It takes one answer, which is kept with your name and address.",
        "ko": "이 페이지를 열어도 변경되는 것은 없습니다. 응답은 한 번만 가능하며 이름, IP 주소와 함께 기록됩니다.",
    },
    "agreed": {"en": "approved", "ko": "승인"},
    "rejected": {"en": "rejected", "ko": "거부"},
    "answered": {"en": "Your answer counts: {answer}", "ko": "응답이 처리되었습니다: {answer}"},
    "answered.text": {
        "en": "The workflow of {incident} goes on. You can close this page.",
        "ko": "{incident} 워크플로가 계속 진행됩니다. 이 페이지를 닫아도 됩니다.",
    },
    "decided": {"en": "It is decided: {answer}", "ko": "이미 결정되었습니다: {answer}"},
    "decided.text": {"en": "{incident} was answered by {by}.", "ko": "{incident} 응답자: {by}"},
    "ended": {"en": "This link has ended", "ko": "만료된 링크입니다"},
    "ended.text": {
        "en": "Its time is over, or the question was asked again. Look at the latest message about {incident}, or at "
        "respond status.",
        "ko": "응답 시간이 지났거나 다시 승인을 요청했습니다. {incident}에 대한 최신 메시지나 respond status를 "
        "확인하십시오.",
    },
    "early": {"en": "In a moment", "ko": "잠시 후 다시 시도하십시오"},
    "early.text": {
        "en": "The question is being asked. Load this page again in some seconds.",
        "ko": "승인 요청을 준비하고 있습니다. 몇 초 후 이 페이지를 새로 고치십시오.",
    },
    "unknown": {"en": "This link is not known", "ko": "알 수 없는 링크입니다"},
    "unknown.text": {
        "en": "It is damaged, or older than a week. Look at the latest message about the incident.",
        "ko": "링크가 손상되었거나 일주일이 지났습니다. 사고에 대한 최신 메시지를 확인하십시오.",
    },
    "nameless": {"en": "Nothing was sent: say who you are.", "ko": "전송되지 않았습니다. 이름을 입력하십시오."},
    "unsure": {"en": "It is not known whether your answer counts", "ko": "응답이 처리되었는지 알 수 없습니다"},
    "unsure.text": {
        "en": "AWS did not answer as it should. Load the link again after a minute: it says what is decided.",
        "ko": "AWS가 정상적으로 응답하지 않았습니다. 1분 후 링크를 다시 열면 결정된 내용을 볼 수 있습니다.",
    },
    "refused": {"en": "This is no answer to a question", "ko": "처리할 수 없는 요청입니다"},
    "refused.text": {
        "en": "Open the link in a browser, and answer by the buttons of the page.",
        "ko": "브라우저에서 링크를 열고 페이지의 버튼으로 응답하십시오.",
    },
}


def text(key: str, language: str, **given: str) -> str:
    """Return a sentence. Raises KeyError for a key or a language that is not there."""
    return TEXTS[key][language].format(**given)
