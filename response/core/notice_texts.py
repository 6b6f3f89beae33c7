"""The sentences of notifications, in English and Korean. What they are filled with is made harmless first."""

from __future__ import annotations

from typing import Dict, Mapping

LANGUAGES = ("en", "ko")
#: Key -> language -> sentence.
TEXTS: Mapping[str, Mapping[str, str]] = {
    "began": {"en": "Incident {incident}: response began", "ko": "사고 {incident}: 대응 시작"},
    "question": {"en": "Incident {incident}: a person has to agree", "ko": "사고 {incident}: 담당자 승인 필요"},
    "ended": {"en": "Incident {incident}: response ended, {result}", "ko": "사고 {incident}: 대응 종료, {result}"},
    "broken": {"en": "Incident {incident}: its workflow broke off", "ko": "사고 {incident}: 대응 작업 중단"},
    "message": {"en": "Incident {incident}: alert", "ko": "사고 {incident}: 경보"},
    "dry_run": {"en": "This is a dry run: nothing is changed.", "ko": "모의 실행입니다. 아무것도 변경하지 않습니다."},
    "target": {"en": "Target", "ko": "대상"},
    "account": {"en": "Account", "ko": "계정"},
    "region": {"en": "Region", "ko": "리전"},
    "alert": {"en": "Alert", "ko": "경보"},
    "text": {"en": "Message", "ko": "메시지"},
    "action": {"en": "Action", "ko": "조치"},
    "done": {"en": "Done", "ko": "수행한 조치"},
    "failed": {"en": "Not done", "ko": "실패하거나 하지 못한 조치"},
    "reason": {"en": "Reason", "ko": "사유"},
    "approver": {"en": "Asked", "ko": "승인 요청 대상"},
    "answer": {"en": "Answer", "ko": "응답 방법"},
    "page": {"en": "Approve or reject", "ko": "승인 또는 거부"},
    "time": {"en": "Time", "ko": "시각"},
    "links": {"en": "Links", "ko": "링크"},
    "result.done": {"en": "done", "ko": "완료"},
    "result.already_done": {"en": "it was so before", "ko": "이미 완료됨"},
    "result.refused": {"en": "refused", "ko": "거부됨"},
    "result.failed": {"en": "FAILED", "ko": "실패"},
    "result.planned": {"en": "only planned", "ko": "계획만 수립"},
    "result.partial": {"en": "in part", "ko": "일부 완료"},
    "unknown": {"en": "unknown", "ko": "알 수 없음"},
}


def text(key: str, language: str, **given: str) -> str:
    """Return a sentence. Raises KeyError for a key or a language that is not there."""
    return TEXTS[key][language].format(**given)


def result_text(result: str, language: str) -> str:
    """Return how something ended, in words."""
    key = f"result.{result}"
    known: Dict[str, str] = dict(TEXTS[key if key in TEXTS else "unknown"])
    return known[language]
