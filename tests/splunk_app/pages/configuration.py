"""The configuration page as a person uses it: by what is written on it."""

from __future__ import annotations

import functools
import os
import re
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from playwright.sync_api import TimeoutError, expect
from typing_extensions import Self

from .watch import Watch

#: Where screenshots go, one file a state; none are made when it is not set.
SCREENSHOTS = os.environ.get("AWS_SIEM_BRIDGE_SCREENSHOTS")

#: Every field and message has long been there by then; a page that hangs should not take a test's whole time limit.
TIMEOUT_MS = 60_000
ATTEMPTS = 4
expect.set_options(timeout=TIMEOUT_MS)

#: The kinds of fields, as a screen reader calls them. A choice that can be typed into is a choice.
KINDS = ("checkbox", "combobox", "textbox")

# What is read by several questions may be drawn anew between two of them.
_CELLS = "rows => rows.map(row => [...row.querySelectorAll('td:not(:has(button))')].map(cell => cell.innerText.trim()))"
_FIELDS = """fields => fields.map(field => [
    field.querySelector("[data-test=label]").innerText,
    [...field.querySelectorAll("[data-test=help]")].map(help => help.innerText).join(" "),
    field.querySelector("[aria-invalid=true]") !== null,
])"""

Value = Union[str, bool, List[str]]


class ConfigurationPage:
    """The page in a browser's tab. What it shows at the moment is ``page``; how it behaved is ``watch``."""

    path = "configuration"

    def __init__(self, page: Any, web_uri: str) -> None:
        self.page = page
        self.watch = Watch(page, web_uri)
        #: What the last dialog asked before something was deleted.
        self.asked = ""
        self._uri = f"{web_uri}/en-US/app/aws_siem_bridge/{self.path}"

    def open(self, tab: str = "Clusters") -> Self:
        """Load the page and choose a tab; return this page once the tab's contents are there."""
        return self.load().choose(tab)

    def load(self) -> Self:
        """Load the page, whatever it then shows."""
        self.watch.keep()
        self.page.goto(self._uri)
        return self

    def choose(self, tab: str) -> Self:
        """Choose a tab; return this page once its contents are there."""
        chosen = self.page.get_by_role("tab", name=tab, exact=True)
        chosen.click()
        panel = self.page.get_by_role("button", name="Save" if tab == "Logging" else "Add", exact=True)
        panel.locator("visible=true").wait_for()
        return self

    # The table of a tab

    def expect_rows(self, wanted: Dict[str, List[str]]) -> None:
        """Assert that the rows listed are the ones wanted, once the table has been drawn again."""
        self.expect(self.rows, wanted)

    def expect_listed(self, *names: str) -> None:
        """Assert that the rows listed are those of ``names``, once the table has been drawn again."""
        self.expect(lambda: sorted(self.rows()), sorted(names))

    def expect(self, read: Callable[[], Any], wanted: Any) -> None:
        """Assert that what is read from the page is what is wanted, now or once the page has been drawn again."""
        deadline = time.monotonic() + TIMEOUT_MS / 1000
        while (found := read()) != wanted and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        assert found == wanted, f"the page shows {found}, not {wanted}"

    def rows(self) -> Dict[str, List[str]]:
        """Return the texts of the rows listed at the moment, by their names."""
        rows = [[cell for cell in row if cell] for row in self.page.locator("tbody tr:visible").evaluate_all(_CELLS)]
        return {row[0]: row[1:] for row in rows if row}

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
        self.page.get_by_role("button", name="Add", exact=True).locator("visible=true").click()
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


class InputsPage(ConfigurationPage):
    """The page Inputs, whose tabs are kinds of inputs."""

    path = "inputs"

    def toggle(self, name: str) -> None:
        """Switch an input on or off."""
        self.row(name).get_by_role("switch").click()

    def expect_status(self, name: str, text: str) -> None:
        """Wait until the row of an input has this status."""
        expect(self.row(name).locator("[data-test=status]")).to_have_text(text)


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
            self._field("checkbox", label).set_checked(value)
        elif isinstance(value, list):
            self._tick(label, value)
        elif self._drawn(label) == "combobox":
            self._choose(label, value)
        else:
            self.text(label).fill(value)
        return self

    def type_choice(self, label: str, value: str) -> Form:
        """Type a choice in the place of the one that is there, and take it."""
        self._choice(label).click()
        self._page.keyboard.press("Control+A")
        self._page.keyboard.type(value)
        self._page.get_by_role("option", name=value, exact=True).click()
        return self

    def type_other(self, label: str, value: str) -> Form:
        """Type what a choice does not offer, and take it."""
        self._choice(label).click()
        self._page.keyboard.type(value)
        self._page.get_by_role("option", name=f"{value} (New value)", exact=True).click()
        return self

    def text(self, label: str) -> Any:
        """Return the text field of a label."""
        return self._field("textbox", label)

    def value(self, label: str) -> Union[str, bool]:
        """Return what a field shows, once it is drawn."""
        kind = self._drawn(label)
        if kind == "checkbox":
            return bool(self._field(kind, label).is_checked())
        if kind == "combobox":
            return str(self._choice(label).inner_text()).strip()
        return str(self.text(label).input_value())

    def expect_values(self, wanted: Dict[str, Union[str, bool]]) -> None:
        """Assert that fields show, by their labels, what is wanted."""
        self._parent.expect(lambda: {label: self.value(label) for label in wanted}, wanted)

    def expect_labels(self, wanted: List[str]) -> None:
        """Assert that these are the labels of the fields that can be seen, in order."""
        self._parent.expect(lambda: [label for label, _, _ in self._fields()], wanted)

    def helps(self) -> Dict[str, str]:
        """Return the help texts of the fields that can be seen, by label."""
        return {label: text for label, text, _ in self._fields()}

    def expect_marked(self, *wanted: str) -> None:
        """Assert that these are the labels of the fields that are marked as wrong."""
        self._parent.expect(lambda: [label for label, _, wrong in self._fields() if wrong], [*wanted])

    def options(self, label: str) -> List[str]:
        """Return what a choice offers."""
        self._choice(label).click()
        listed = self._page.get_by_role("option")
        listed.first.wait_for()
        texts = [option.inner_text().strip() for option in listed.all()]
        self._page.keyboard.press("Escape")
        return texts

    def expand(self, *groups: str) -> Form:
        """Open groups of fields that are folded; return the form once their fields are drawn."""
        for group in groups:
            named = self._page.get_by_role("button", name=group, exact=True)
            panel = self._root.locator("[data-test=collapsible-panel]").filter(has=named)
            button = panel.get_by_role("button", name=group, exact=True)
            if button.get_attribute("aria-expanded") != "true":
                button.click()
            expect(button).to_have_attribute("aria-expanded", "true")
            panel.locator("[data-test=control-group]").first.wait_for()
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
        expect(self._message).to_have_count(0)  # the last one went with the first field that was changed
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

    def _fields(self) -> List[Tuple[str, str, bool]]:
        """Return (label, help, whether it is marked as wrong) of the fields that can be seen, all of one moment."""
        return [
            (label.strip("* \n"), text, wrong)
            for label, text, wrong in self._root.locator("[data-test=control-group]:visible").evaluate_all(_FIELDS)
        ]

    def _field(self, kind: str, label: str) -> Any:
        return self._root.get_by_role(kind, name=label, exact=True)

    def _drawn(self, label: str) -> str:
        """Return of which of `KINDS` a field is, once a field of this label is drawn."""
        kinds = [self._field(kind, label) for kind in KINDS]
        functools.reduce(lambda one, other: one.or_(other), kinds).first.wait_for()
        return next(kind for kind, field in zip(KINDS, kinds) if field.count())

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
        return self._field("combobox", label)

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


def assert_nowhere(page: ConfigurationPage, *secrets: str) -> None:
    """Look for secrets in what is shown, in what is hidden there, and in all that came from splunkd."""
    everything = page.watch.texts() + page.page.content()
    everything += "".join(str(field.input_value()) for field in page.page.locator("input").all())
    everything += str(page.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])"))
    for secret in secrets:
        assert secret not in everything
