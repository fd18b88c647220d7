"""The window of administrators behind a real login: who sees it, what they do there, and what is kept of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from accessibility import axe_source, findings
from explorer import PATIENCE, opened_browser
from explorer_process import explorer_behind_login
from guarded_services import Guarded, guarded_services
from lse.client import Client, connect
from lse.errors import NotFoundError, PermissionDeniedError, UnauthenticatedError
from lse.platform.auth import Caller, acting_as
from lse.platform.catalogue import DatasetRecord
from lse.platform.catalogue.records.dataset import DatasetSpec
from lse.platform.operations import JobContext
from lse.platform.vectors.edge_server import EdgeServer
from running_services import serving

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("administered")
    with (
        serving(EdgeServer(folder / "vectors")) as edge,
        guarded_services(folder / "guarded", vectors_url=f"http://{edge.address}") as guarded,
    ):
        yield guarded


@pytest.fixture(scope="module")
def url(guarded: Guarded) -> Iterator[str]:
    with explorer_behind_login(guarded) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as browser:
        yield browser


@contextmanager
def visit(browser: Browser, guarded: Guarded, url: str, visitor: str) -> Iterator[Page]:
    """The explorer as a visitor sees it who has logged in at the issuer; fails where the page met an error."""
    guarded.provider.visitor = visitor
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{url}/?project=p")
    expect(page.locator(".lse-project [role=combobox]")).to_have_text("p")
    page.locator(".lse-manage").click()
    expect(page.locator(".lse-project-content")).to_contain_text("d")
    expect(page.locator(".lse-project-content .entry").first).to_be_visible()
    yield page
    context.close()
    assert faults == []


@contextmanager
def as_user(guarded: Guarded, name: str) -> Iterator[Client]:
    with connect(guarded.address, token=guarded.user(name), project="p") as client:
        yield client


def administration(page: Page, section: str = "") -> Locator:
    """The window, opened at a section."""
    window = page.locator(".lse-administration-content")
    if not window.is_visible():
        page.locator(".lse-administer").click()
    if section:
        window.get_by_role("button", name=section, exact=True).click()
        expect(window.get_by_role("button", name=section, exact=True)).to_have_attribute("aria-pressed", "true")
    return window


def test_an_administrator_adds_a_member_and_revokes_a_token(browser: Browser, guarded: Guarded, url: str) -> None:
    with visit(browser, guarded, url, "ada") as page, as_user(guarded, "ada") as ada, as_user(guarded, "nova") as nova:
        with pytest.raises(NotFoundError):
            nova.datasets.list()
        window = administration(page, "Members")
        expect(window.locator("[data-entry='user:edo']")).to_contain_text("by root")
        window.get_by_label("user:NAME, group:NAME").fill("user:nova")
        window.get_by_label("role", exact=True).select_option("editor")
        window.locator(".lse-add-member").get_by_role("button").click()
        expect(window.locator(".lse-said")).to_have_text("user:nova is editor now.")
        assert nova.access.caller_in_project().role == "editor"
        row = window.locator("[data-entry='user:nova']")
        row.get_by_label("role of user:nova").select_option("viewer")
        row.get_by_role("button", name="set").click()
        expect(window.locator(".lse-said")).to_have_text("user:nova is viewer now.")
        # What is wrong is said in a sentence, and nothing changes.
        window.get_by_label("user:NAME, group:NAME").fill("nova")
        window.get_by_label("user:NAME, group:NAME").press("Enter")
        expect(window.locator(".problem")).to_contain_text("write user:NAME")
        window.locator("[data-entry='user:nova']").get_by_role("button", name="remove").click()
        expect(window.locator(".asked")).to_contain_text("Remove user:nova from the project?")
        window.locator(".lse-confirm-delete").click()
        expect(window.locator("[data-entry='user:nova']")).to_have_count(0)
        # As long as another process may remember who was a member.
        time.sleep(2.1)
        with pytest.raises(NotFoundError):
            nova.datasets.list()

        administration(page, "Tokens")
        window.get_by_label("what it is for").fill("nightly ingest")
        window.get_by_label("service account").fill("nightly")
        window.locator(".lse-make-token").get_by_role("button").click()
        secret = window.locator(".lse-secret").inner_text()
        with connect(guarded.address, token=secret, project="p") as nightly:
            assert nightly.access.caller().name == "service:p/nightly"
            (made,) = ada.access.tokens(service_accounts=True)
            assert made.title == "nightly ingest"
            row = window.locator("[data-entry='service:p/nightly']")
            expect(row).to_contain_text("nightly ingest")
            row.get_by_role("button").click()
            # The text of a token is shown once.
            expect(window.locator(".lse-secret")).to_have_count(0)
            window.locator(".lse-confirm-delete").click()
            expect(window.locator(".lse-said")).to_have_text(f"The token {made.id} is revoked.")
            with pytest.raises(UnauthenticatedError):
                nightly.access.caller()

        # Who did it is in the audit log, there and in the window.
        did = next(ada.access.audit(filter='method : "DeleteToken"', limit=1))
        assert (did.caller, did.code, did.resources) == ("ada", "OK", (made.name, "projects/p"))
        administration(page, "Audit log")
        rows = window.locator(".lse-audit tbody tr")
        expect(rows.first).to_contain_text("ada")
        for method in ("CreateMember", "UpdateMember", "DeleteMember", "CreateToken", "DeleteToken"):
            expect(rows.filter(has_text=method).first).to_contain_text("ada")


def test_the_audit_log_is_read_page_by_page(browser: Browser, guarded: Guarded, url: str) -> None:
    with visit(browser, guarded, url, "ada") as page, as_user(guarded, "ada") as ada:
        window = administration(page, "Audit log")
        rows = window.locator(".lse-audit tbody tr")
        for number in range(26):
            ada.label_schemes.create(f"scheme-{number}", classes=["a"])
            ada.label_schemes.delete(f"scheme-{number}")
        window.get_by_label("who", exact=True).fill("ada")
        window.get_by_label("who", exact=True).press("Enter")
        expect(rows).to_have_count(50)
        window.locator(".lse-more").click()
        expect(rows.filter(has_text="LabelScheme")).to_have_count(52)
        window.get_by_label("since").fill("2999-01-01")
        window.get_by_label("since").press("Enter")
        expect(window.locator(".lse-nothing")).to_be_visible()
        window.get_by_label("since").fill("")
        window.get_by_label("since").press("Enter")
        expect(rows.filter(has_text="ada")).to_have_count(50)


def test_an_editor_neither_sees_the_window_nor_may_do_its_work(browser: Browser, guarded: Guarded, url: str) -> None:
    with visit(browser, guarded, url, "edo") as page, as_user(guarded, "edo") as edo:
        expect(page.locator(".lse-administer")).to_have_count(0)
        for refused in (
            lambda: edo.access.add_member("user:eve", "admin"),
            lambda: edo.access.tokens(service_accounts=True),
            edo.access.garbage,
            lambda: list(edo.access.audit()),
            lambda: edo.access.set_quota(image_count=1),
        ):
            with pytest.raises(PermissionDeniedError):
                refused()


def test_an_operator_sees_storage_and_sets_quotas(browser: Browser, guarded: Guarded, url: str) -> None:
    with visit(browser, guarded, url, "root") as page, as_user(guarded, "root") as root:
        window = administration(page, "Projects")
        storage = window.locator(".lse-storage tbody tr")
        expect(storage).to_have_count(2)
        expect(storage.first).to_contain_text("4")
        window.get_by_label("Most images").fill("1,000")
        window.get_by_label("Most running operations").fill("many")
        window.locator(".lse-quota").get_by_role("button").click()
        expect(window.locator(".problem")).to_contain_text("“many” is not a limit")
        window.get_by_label("Most images").fill("1,000")
        window.locator(".lse-quota").get_by_role("button").click()
        expect(storage.first).to_contain_text("4 of 1,000")
        assert root.access.quota().limits.image_count == 1000


def test_an_operator_looks_after_the_work_of_all_projects(browser: Browser, guarded: Guarded, url: str) -> None:
    platform, fails = guarded.platform, [True]

    def job(context: JobContext[DatasetRecord]) -> None:
        context.publish(platform.resources.get_ready("projects/p/datasets/d", DatasetRecord).result)
        if fails:
            context.outcome = None

    platform.runner.register("MakeOften", job, DatasetRecord, respond=lambda record: b"")
    for name in ("often", "useless"):
        record = DatasetRecord(name=f"projects/q/datasets/{name}", spec=DatasetSpec(sources=("/images",)))
        with acting_as(Caller("bo")):
            platform.operation_store.create("MakeOften", record)
    with acting_as(Caller("bo")):
        platform.operation_store.create("Waiting", "projects/q/datasets/x")
    with visit(browser, guarded, url, "root") as page, as_user(guarded, "root") as root:
        window = administration(page, "Operations")
        failed = window.locator("[data-entry='q / often']")
        expect(failed).to_contain_text("failed")
        expect(failed).to_contain_text("bo")
        fails.clear()
        failed.get_by_role("button", name="run again").click()
        expect(window.locator(".lse-said")).to_have_text("The work is done again.")
        waiting = window.locator("[data-entry='q / x']")
        waiting.get_by_role("button", name="cancel").click()
        expect(waiting).to_contain_text("cancelling")
        expect(waiting.get_by_role("button")).to_have_count(0)
        deadline = time.monotonic() + 60
        q = root.with_project("q")
        while q.datasets.get("often").state != "ready" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert (q.datasets.get("often").state, q.datasets.get("often").creator) == ("ready", "root")

        administration(page, "Garbage")
        expect(window.locator("[data-entry='projects/q/datasets/useless']")).to_contain_text("holds its name")
        window.locator(".lse-remove-garbage").click()
        window.locator(".lse-confirm-delete").click()
        expect(window.locator(".lse-said")).to_contain_text("1 removed")
        assert {each.id for each in q.datasets.list()} == {"often"}


def test_an_operator_revokes_the_tokens_of_who_has_left(browser: Browser, guarded: Guarded, url: str) -> None:
    with visit(browser, guarded, url, "root") as page, as_user(guarded, "edo") as edo:
        left, _ = edo.access.create_token(title="left behind")
        window = administration(page, "Tokens")
        window.get_by_label("user:NAME", exact=True).fill("user:edo")
        window.get_by_label("user:NAME", exact=True).press("Enter")
        window.locator("[data-entry='user:edo']", has_text="left behind").get_by_role("button").click()
        window.locator(".lse-confirm-delete").click()
        expect(window.locator(".lse-said")).to_contain_text("revoked")
        assert left.id not in {each.id for each in edo.access.tokens()}


def test_the_keyboard_is_enough_and_nothing_keeps_anyone_out(browser: Browser, guarded: Guarded, url: str) -> None:
    axe = axe_source()
    with visit(browser, guarded, url, "root") as page:
        page.locator(".lse-administer").focus()
        page.keyboard.press("Enter")
        window = page.locator(".lse-administration-content")
        expect(window.locator("nav button").first).to_be_visible()
        found = {}
        for section in ("Projects", "Members", "Tokens", "Operations", "Garbage", "Audit log"):
            tab = window.get_by_role("button", name=section, exact=True)
            tab.focus()
            page.keyboard.press("Enter")
            expect(tab).to_have_attribute("aria-pressed", "true")
            expect(tab).to_be_focused()
            expect(window.locator(".waiting")).to_have_count(0)
            found[section] = findings(page, axe)
        assert {section: wrong for section, wrong in found.items() if wrong} == {}
        page.keyboard.press("Escape")
        expect(window).to_be_hidden()
