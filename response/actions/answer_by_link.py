"""What a link shows, and what an answer by it does. Looking changes nothing: whatever fetches links may fetch these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Tuple

from aws_bridge.errors import CallProblem
from response.actions.answer import answer
from response.aws.incidents import Incidents
from response.aws.links import ID, Link, Links
from response.aws.questions import AGREED, REJECTED, Questions
from response.core import approval_page
from response.core.approval_page import APPROVE, MOST_NAME, MOST_WHY, REJECT, Page
from response.core.notices import clean
from response.errors import NoIncident

_ANSWERS = {APPROVE: AGREED, REJECT: REJECTED}


@dataclass(frozen=True)
class AnswerByLink:
    """Where links and questions are. ``clock`` gives epoch seconds; ``note`` takes a word, the incident, and why."""

    links: Links
    questions: Questions
    incidents: Incidents
    clock: Callable[[], float]
    note: Callable[[str, str, str], None]

    def look(self, id: str) -> Page:
        """Return the page of a link. Raises `CallProblem`."""
        return self._look(id)[0]

    def answer(self, id: str, form: Mapping[str, str], address: str) -> Page:
        """Answer the question of a link, once; return the page that says what became of it.

        ``address`` of whoever answers, ``form`` as a person filled it in. Raises `CallProblem` as long as nothing was
        decided.
        """
        page, link = self._look(id)
        if link is None:
            return page
        asking, chosen = link.asking, _ANSWERS.get(form.get("answer", ""))
        if chosen is None:
            return approval_page.refused(400)
        name = clean(form.get("name", ""), MOST_NAME)
        if not name:
            return approval_page.asks(asking, nameless=True)
        by = _by(name, clean(form.get("why", ""), MOST_WHY), link.channel, address)
        try:
            problem = answer(
                self.questions, self.incidents, asking.incident, asking.key, agreed=chosen == AGREED, by=by,
                asking=asking.id,
            )  # fmt: skip
        except NoIncident as exc:
            self.note("too_late", asking.incident, str(exc))
            page, still = self._look(id)
            return approval_page.ended(asking) if still else page
        except CallProblem as exc:
            self.note("unsure", asking.incident, str(exc))
            return approval_page.unsure(asking)
        self.note(chosen, asking.incident, problem)
        return approval_page.answered(asking, chosen)

    def _look(self, id: str) -> Tuple[Page, Optional[Link]]:
        """Return the page of a link, and the link if its question can be answered by it."""
        link = self.links.find(id) if ID.fullmatch(id) else None
        if link is None:
            return approval_page.unknown(), None
        asking = link.asking
        question = self.questions.find(asking.incident)
        over = self.clock() >= asking.until_s
        if question is None or question.asking != asking.id:
            # The notice is sent before the question is kept; a question that is younger than the link is the next one.
            not_yet = not over and (question is None or question.asked_ms < link.made_ms)
            return (approval_page.early if not_yet else approval_page.ended)(asking), None
        if question.answer:
            return approval_page.decided(asking, question.answer, question.by), None
        if over:
            return approval_page.ended(asking), None
        return approval_page.asks(asking), link


def _by(name: str, why: str, channel: str, address: str) -> str:
    """Return who answered: the name is what he says, the rest is known."""
    name, why, channel = (each.replace('"', "'") for each in (name, why, clean(channel, MOST_NAME)))
    said = f', who says "{why}"' if why else ""
    return f'"{name}" by the link of the channel "{channel}", from {address}{said}'
