"""The configuration page as a person uses it: by what is written on it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Union

from playwright.sync_api import TimeoutError, expect

from .watch import Watch

#: Where screenshots go, one file a state; none are made when it is not set.
SCREENSHOTS = os.environ.get("AWS_SIEM_BRIDGE_SCREENSHOTS")

#: Every field and message has long been there by then; a page that hangs should not take a test's whole time limit.
TIMEOUT_MS = 20_000
ATTEMPTS = 4

Value = Union[str, bool, List[str]]


class ConfigurationPage:
    """The page in a browser's tab. What it shows at the moment is ``page``; how it behaved is ``watch``."""

    def __init__(self, page: Any, web_uri: str) -> None:
        self.page = page
        self.watch = Watch(page, web_uri)
        #: What the last dialog asked before something was deleted.
        self.asked = ""
        self._uri = f"{web_uri}/en-US/app/aws_siem_bridge/configuration"

    def open(self, tab: str = "Clusters") -> ConfigurationPage:
        """Load the page and choose a tab; return this page once the tab's contents are there."""
        return self.load().choose(tab)

    def load(self) -> ConfigurationPage:
        """Load the page, whatever it then shows."""
        self.watch.keep()
        self.page.goto(self._uri)
        return self

    def choose(self, tab: str) -> ConfigurationPage:
        """Choose a tab; return this page once its contents are there."""
        chosen = self.page.get_by_role("tab", name=tab, exact=True)
        chosen.click()
        panel = self.page.get_by_role("button", name="Save" if tab == "Logging" else "Add", exact=True)
        panel.wait_for()
        return self

    # The table of a tab

    def expect_rows(self, wanted: Dict[str, List[str]]) -> None:
        """Assert that the rows listed are the ones wanted, once the table has been drawn again."""
        self._expect(self.rows, wanted)

    def expect_listed(self, *names: str) -> None:
        """Assert that the rows listed are those of ``names``, once the table has been drawn again."""
        self._expect(lambda: sorted(self.rows()), sorted(names))

    def _expect(self, read: Callable[[], Any], wanted: Any) -> None:
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while read() != wanted and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert read() == wanted

    def rows(self) -> Dict[str, List[str]]:
        """Return the texts of the rows listed at the moment, by their names."""
        found = {}
        for row in self.page.locator("tbody tr:visible").all():
            cells = [cell.inner_text().strip() for cell in row.locator("td:not(:has(button))").all()]
            cells = [cell for cell in cells if cell]
            if cells:
                found[cells[0]] = cells[1:]
        return found

    def row(self, name: str) -> Any:
        """Return the row of a name, once it is listed."""
        row = self.page.get_by_role("row", name=f"row-{name}", exact=True)
        row.wait_for()
        return row

    def expand(self, name: str) -> str:
        """Open the details of a row; return their text."""
        self.page.get_by_role("button", name=f"Expand row - {name}").click()
        details = self.page.locator("tr:visible:has(dl)")
        details.wait_for()
        return details.inner_text()

    def add(self) -> Form:
        """Open the form for something new."""
        self.page.get_by_role("button", name="Add", exact=True).click()
        return Form(self)

    def form(self) -> Form:
        """Return the form that a tab consists of."""
        return Form(self)

    def edit(self, name: str) -> Form:
        """Open the form of a row."""
        self.row(name).get_by_role("button", name="Edit").click()
        return Form(self)

    def clone(self, name: str) -> Form:
        """Open the form for a copy of a row."""
        self.row(name).get_by_role("button", name="Clone").click()
        return Form(self)

    def delete(self, name: str) -> str:
        """Delete a row and confirm it; return the error that was shown, or nothing."""
        self.row(name).get_by_role("button", name="Delete").click()
        dialog = self.page.get_by_role("dialog")
        dialog.wait_for()
        self.asked = str(dialog.inner_text())
        self.shoot(f"delete-{name}")
        with self.page.expect_response(lambda answer: answer.request.method == "DELETE") as answered:
            dialog.get_by_role("button", name="Delete").click()
        if answered.value.status < 400:
            dialog.wait_for(state="detached")
            return ""
        self.watch.refused()
        message = dialog.locator("[data-test=message][data-test-type=error]")
        message.wait_for()
        return str(message.inner_text())

    def shoot(self, state: str) -> None:
        """Save a screenshot of the whole page under the name of its state, when somebody wants them."""
        if SCREENSHOTS:
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(folder / f"{state}.png"), full_page=True)


class Form:
    """An open form: a page of its own for clusters, a dialog for access rules, the tab itself for logging."""

    def __init__(self, parent: ConfigurationPage) -> None:
        self._parent = parent
        self._page = parent.page
        self.submit.wait_for()
        dialog = self._page.get_by_role("dialog")
        self._root = dialog if dialog.count() else self._page.locator("body")

    @property
    def submit(self) -> Any:
        """The button that saves, whatever is written on it."""
        return self._page.locator("button[type=submit i]:visible, button.saveBtn:visible")

    def fill(self, **values: Value) -> Form:
        """Set fields by their labels, in which ``_`` stands for a blank, as a person does. Returns the form."""
        for label, value in values.items():
            self.set(label.replace("_", " "), value)
        return self

    def set(self, label: str, value: Value) -> Form:
        """Set a field by its label: text is typed or chosen, a switch is set, a list of choices is ticked."""
        if isinstance(value, bool):
            self._root.get_by_role("checkbox", name=label, exact=True).set_checked(value)
        elif isinstance(value, list):
            self._tick(label, value)
        elif self._choice(label).count():
            self._choose(label, value)
        else:
            self.text(label).fill(value)
        return self

    def type_other(self, label: str, value: str) -> Form:
        """Type what a choice does not offer, and take it."""
        self._choice(label).click()
        self._page.keyboard.type(value)
        self._page.get_by_role("option", name=f"{value} (New value)", exact=True).click()
        return self

    def text(self, label: str) -> Any:
        """Return the text field of a label."""
        return self._root.get_by_role("textbox", name=label, exact=True)

    def value(self, label: str) -> Union[str, bool]:
        """Return what a field shows."""
        box = self._root.get_by_role("checkbox", name=label, exact=True)
        if box.count():
            return bool(box.is_checked())
        if self._choice(label).count():
            return str(self._choice(label).inner_text()).strip()
        return str(self.text(label).input_value())

    def labels(self) -> List[str]:
        """Return the labels of the fields that can be seen, in order."""
        return [_label(field) for field in self._fields()]

    def helps(self) -> Dict[str, str]:
        """Return the help texts of the fields that can be seen, by label."""
        return {
            _label(field): " ".join(field.locator("[data-test=help]").all_inner_texts()) for field in self._fields()
        }

    def marked(self) -> List[str]:
        """Return the labels of the fields that are marked as wrong."""
        return [_label(field) for field in self._fields() if field.locator("[aria-invalid=true]").count()]

    def options(self, label: str) -> List[str]:
        """Return what a choice offers."""
        self._choice(label).click()
        listed = self._page.get_by_role("option")
        listed.first.wait_for()
        texts = [option.inner_text().strip() for option in listed.all()]
        self._page.keyboard.press("Escape")
        return texts

    def expand(self, *groups: str) -> Form:
        """Open groups of fields that are folded."""
        for group in groups:
            button = self._root.get_by_role("button", name=group, exact=True)
            if button.get_attribute("aria-expanded") != "true":
                button.click()
        return self

    def save(self) -> None:
        """Save, and return when the form is gone, or where it stays, can be used again."""
        stays = self.submit.inner_text() == "Save"
        error = self._send()
        assert error is None, error
        if stays:
            expect(self.submit).to_have_text("Save")
            expect(self.submit).to_be_enabled()
        else:
            expect(self.submit).to_have_count(0)

    def refused(self) -> str:
        """Try to save; return the error that splunkd's side made the form show."""
        error = self._send()
        assert error is not None, "it was saved"
        self._parent.watch.refused()
        return error

    def invalid(self) -> str:
        """Try to save; return the error that the form itself showed without asking anybody."""
        before = len(self._parent.watch.changes())
        self.submit.click()
        text = self._alert()
        assert self._parent.watch.changes()[before:] == []
        return text

    def cancel(self) -> None:
        """Leave the form."""
        self._root.get_by_role("button", name="Cancel", exact=True).click()

    def shoot(self, state: str) -> Form:
        """See `ConfigurationPage.shoot`."""
        self._parent.shoot(state)
        return self

    def _fields(self) -> List[Any]:
        return list(self._root.locator("[data-test=control-group]:visible").all())

    def _send(self) -> Optional[str]:
        earlier = self._message.inner_text() if self._message.count() else None
        with self._page.expect_response(
            lambda answer: answer.request.method == "POST" and "/servicesNS/" in answer.url
        ) as answered:
            self.submit.click()
        if answered.value.status < 400:
            return None
        if earlier is not None:  # it stays until the new one is there
            expect(self._message).not_to_have_text(earlier)
        return self._alert()

    @property
    def _message(self) -> Any:
        return self._root.locator("[data-test=message][data-test-type=error]")

    def _alert(self) -> str:
        self._message.wait_for()
        return re.sub(r"^Alert\s+", "", str(self._message.inner_text()).strip())

    def _choice(self, label: str) -> Any:
        return self._root.get_by_role("combobox", name=label, exact=True)

    def _choose(self, label: str, value: str) -> None:
        """Choose an option. The list closes by itself when the page moves, as it does to show an error."""
        for attempt in range(ATTEMPTS):
            if self._choice(label).get_attribute("aria-expanded") != "true":
                self._choice(label).click()
            try:
                option = self._page.get_by_role("option", name=value, exact=True)
                option.click(timeout=TIMEOUT_MS / ATTEMPTS)
                return
            except TimeoutError:
                if attempt == ATTEMPTS - 1:
                    raise

    def _tick(self, label: str, values: List[str]) -> None:
        for value in values:
            self._choose(label, value)
        self._page.keyboard.press("Escape")


def _label(field: Any) -> str:
    return str(field.locator("[data-test=label]").first.inner_text()).strip("* \n")
