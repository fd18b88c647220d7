"""The window of administrators: a section at a time, of which each lists what there is and has forms that change it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import panel_material_ui as pmui

from lse.client.resources import Garbage, Member, Quota, Token
from lse_dashboard import wording
from lse_dashboard.data.administration import Facts, size_text
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.administration import Administration
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.forms import asked, field, line_form, select
from lse_dashboard.views.markup import Html, Markup, button, html, join, problem, section, waiting
from lse_dashboard.views.operations import progress_facts

__all__ = ["administration_dialog"]

_WORDS = wording.Administration
_ROLES = ("viewer", "editor", "admin")
_COUNTED = ("image_count", "vector_count", "byte_count", "operation_count")


def administration_dialog(window: Administration) -> pmui.Dialog:
    """What an administrator may see and do; whatever is removed is asked about first."""

    def form(act: str) -> Callable[[str], None]:
        def sent(given: str) -> None:
            getattr(window, act)(**{key: str(value).strip() for key, value in json.loads(given).items()})

        return sent

    def choose(project: str) -> None:
        window.section = "members"
        window.open(project)

    forms = ("set_quota", "add_member", "set_role", "make_token", "show_tokens", "filter_audit")
    content = Markup(
        {
            "show": window.show,
            "choose": choose,
            "ask": window.ask,
            "keep": lambda _: window.ask(""),
            "delete": lambda _: window.confirm(),
            "cancel": window.cancel,
            "retry": window.retry,
            "more": lambda _: window.more_audit(),
            "copy": lambda _: content.copy(window.secret),
            **{act: form(act) for act in forms},
        },
        css_classes=["lse-administration-content"],
    )
    shown = dialog("lse-administration-dialog", window.close, content)
    shown.width_option = "lg"

    def show(*_: object) -> None:
        if window.project:
            content.html = _content(window)
            shown.title = _WORDS.TITLE.format(project=window.project)
        shown.open = bool(window.project)

    window.param.watch(show, ["project", "section", "facts", "asked", "said", "secret", "problem", "whose"])
    show()
    return shown


def _content(window: Administration) -> Html:
    facts = window.facts
    if facts is None or facts.section != window.section:
        body = waiting(_WORDS.READING) if not window.problem else Html("")
    else:
        body = _SECTIONS[facts.section](window, facts)
        if not any((facts.quotas, facts.members, facts.tokens, facts.operations, facts.garbage, facts.audit)):
            body = html('<div class="quiet lse-nothing">{text}</div>', text=_WORDS.NOTHING[facts.section]) + body
    return html(
        '<div class="lse project administration"><nav>{sections}</nav>{problem}{said}{secret}'
        '<div class="lse-section-{section}">{body}</div></div>',
        sections=join(_section_button(key, title, window.section) for key, title in _WORDS.SECTIONS.items()),
        problem=problem(window.problem) if window.problem else "",
        said=html('<div class="quiet lse-said" role="status">{text}</div>', text=window.said) if window.said else "",
        secret=_secret(window.secret) if window.secret else "",
        section=window.section,
        body=body,
    )


def _section_button(key: str, title: str, shown: str) -> Html:
    return html(
        '<button class="tool" data-action="show" data-value="{key}" aria-pressed="{now}">{title}</button>',
        key=key,
        title=title,
        now="true" if key == shown else "false",
    )


def _secret(text: str) -> Html:
    return html(
        '<div class="secret" role="status"><div>{words}</div><code class="lse-secret">{text}</code> {copy}</div>',
        words=_WORDS.SHOWN_ONCE,
        text=text,
        copy=button(_WORDS.COPY, "copy", css="tool"),
    )


def _projects(window: Administration, facts: Facts) -> Html:
    def row(quota: Quota) -> tuple[Html | str, ...]:
        project = quota.id
        opening = button(project, "choose", project, help=_WORDS.CHOOSE_HELP.format(project=project))
        return (opening, *(_used(quota, key) for key in _COUNTED))

    found = _table(_WORDS.STORAGE, map(row, facts.quotas), css="lse-storage")
    if not facts.caller.operator:
        return found
    fields = join(field(key, _WORDS.LIMIT_HINT.format(what=what)) for key, what in _WORDS.LIMITS.items())
    form = line_form("set_quota", f"quota {window.project}", fields, _WORDS.SET)
    return found + section(_WORDS.QUOTA.format(project=window.project), form, css="lse-quota")


def _used(quota: Quota, key: str) -> str:
    used, limit = getattr(quota, key), getattr(quota.limits, key)
    if key == "byte_count":
        return size_text(used) if limit is None else f"{size_text(used)} of {size_text(limit)}"
    return f"{used:,}" if limit is None else _WORDS.OF_LIMIT.format(used=used, limit=limit)


def _members(window: Administration, facts: Facts) -> Html:
    fields = field("who", _WORDS.WHO) + select("role", _WORDS.ROLE, _ROLES)
    form = line_form("add_member", f"member {window.project}", fields, _WORDS.ADD)
    listed = join(_member(one, window.asked) for one in facts.members)
    return listed + section(_WORDS.ADD_MEMBER, form, css="lse-add-member")


def _member(member: Member, asked_about: str) -> Html:
    who = member.principal
    if who == asked_about:
        return asked(_WORDS.ASK_REMOVE.format(who=who), _WORDS.DELETE, _WORDS.KEEP)
    hidden = html('<input type="hidden" name="who" value="{who}">', who=who)
    chosen = select("role", _WORDS.ROLE_OF.format(who=who), _ROLES, chosen=member.role)
    return _line(
        who,
        _WORDS.SINCE.format(time=_time(member.create_time), creator=member.creator),
        line_form("set_role", f"role {who} {member.role}", hidden + chosen, _WORDS.SET),
        button(_WORDS.REMOVE, "ask", who, help=_WORDS.REMOVE_HELP.format(who=who)),
    )


def _tokens(window: Administration, facts: Facts) -> Html:
    fields = join([field("title", _WORDS.PURPOSE), field("account", _WORDS.ACCOUNT), field("days", _WORDS.DAYS)])
    fields += select("role", _WORDS.ROLE, _ROLES)
    form = line_form("make_token", f"token {window.project}", fields, _WORDS.MAKE)
    listed = join(_token(one, window.asked) for one in facts.tokens)
    listed += section(_WORDS.MAKE_TOKEN, form, css="lse-make-token")
    if facts.caller.operator:
        whose = line_form(
            "show_tokens", "whose", field("whose", _WORDS.WHOSE_HINT, value=window.whose), _WORDS.SHOW_TOKENS
        )
        listed += section(_WORDS.WHOSE, whose, css="lse-whose")
    return listed


def _token(token: Token, asked_about: str) -> Html:
    if token.id == asked_about:
        return asked(_WORDS.ASK_REVOKE.format(token=token.id, who=token.principal), _WORDS.DELETE, _WORDS.KEEP)
    used = _WORDS.USED.format(time=_time(token.last_use_time)) if token.last_use_time else _WORDS.UNUSED
    about = _WORDS.ABOUT.format(role=token.role, expires=_time(token.expire_time), used=used)
    return _line(
        token.principal,
        " · ".join(part for part in (token.title, ", ".join(token.projects), about) if part),
        button(_WORDS.REVOKE, "ask", token.id, help=_WORDS.REVOKE_HELP.format(token=token.id)),
    )


def _operations(_: Administration, facts: Facts) -> Html:
    return join(_operation(row, creator) for row, creator in facts.operations)


def _operation(row: OperationRow, creator: str) -> Html:
    project = row.name.split("/")[1]
    doing = progress_facts(row) if row.active else [row.state, row.error]
    act = ("cancel", _WORDS.CANCEL) if row.active else ("retry", _WORDS.RETRY)
    ending = row.state == "cancelling"
    return _line(
        f"{project} / {row.target_id}",
        " · ".join(part for part in (row.title, creator, *doing) if part),
        Html("") if ending else button(act[1], act[0], row.name, css=f"link lse-{act[0]}"),
    )


def _garbage(window: Administration, facts: Facts) -> Html:
    if not facts.garbage:
        return Html("")
    listed = join(_line(one.what, _about_garbage(one)) for one in facts.garbage)
    if window.asked:
        return listed + asked(_WORDS.ASK_GARBAGE.format(count=len(facts.garbage)), _WORDS.DELETE, _WORDS.KEEP)
    return listed + button(_WORDS.REMOVE_ALL, "ask", "garbage", css="tool lse-remove-garbage")


def _about_garbage(garbage: Garbage) -> str:
    size = size_text(garbage.byte_count) if garbage.byte_count else ""
    parts = (_WORDS.KINDS.get(garbage.kind, ""), size, _time(garbage.update_time))
    return " · ".join(part for part in parts if part)


def _audit(window: Administration, facts: Facts) -> Html:
    question = window.question
    fields = join(
        [
            field("who", _WORDS.BY, value=question.who),
            field("after", _WORDS.AFTER, value=question.after),
            field("before", _WORDS.BEFORE, value=question.before),
        ]
    )
    if facts.caller.operator:
        where = _WORDS.EVERYWHERE if question.everywhere else _WORDS.HERE
        fields += select("where", _WORDS.WHERE, (_WORDS.HERE, _WORDS.EVERYWHERE), chosen=where)
    rows = (
        (
            _time(one.time),
            one.caller,
            one.method.rsplit("/", 1)[-1],
            one.code,
            ", ".join(one.resources),
            one.peer,
        )
        for one in facts.audit
    )
    form = line_form("filter_audit", "audit", fields, _WORDS.FILTER)
    more = button(_WORDS.MORE, "more", css="tool lse-more") if facts.more else Html("")
    return form + (_table(_WORDS.AUDIT, rows, css="lse-audit") if facts.audit else Html("")) + more


def _table(columns: Sequence[str], rows: Iterable[Sequence[Html | str]], *, css: str) -> Html:
    head = join(html('<th scope="col">{name}</th>', name=name) for name in columns)
    body = join(
        html("<tr>{cells}</tr>", cells=join(html("<td>{cell}</td>", cell=cell) for cell in row)) for row in rows
    )
    template = '<table class="compared {css}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return html(template, css=css, head=head, body=body)


def _line(name: str, about: str, *actions: Html) -> Html:
    return html(
        '<div class="entry" data-entry="{name}"><b title="{name}">{name}</b><span class="quiet">{about}</span>'
        '<span class="actions">{actions}</span></div>',
        name=name,
        about=about,
        actions=join(actions),
    )


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


_SECTIONS = {
    "projects": _projects,
    "members": _members,
    "tokens": _tokens,
    "operations": _operations,
    "garbage": _garbage,
    "audit": _audit,
}
