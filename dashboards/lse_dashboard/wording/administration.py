"""What the explorer says to administrators."""

from __future__ import annotations

__all__ = ["Administration"]


class Administration:
    """The window in which projects are administered."""

    OPEN, HELP = "Administration", "Members, tokens, quotas, operations, garbage and the audit log"
    TITLE = "Administration of {project}"
    READING = "Reading …"
    SECTIONS = {  # noqa: RUF012
        "projects": "Projects",
        "members": "Members",
        "tokens": "Tokens",
        "operations": "Operations",
        "garbage": "Garbage",
        "audit": "Audit log",
    }
    NOTHING = {  # noqa: RUF012
        "projects": "There is no project yet.",
        "members": "No member is known: without a login everybody is the user who runs the services.",
        "tokens": "There are no tokens.",
        "operations": "Nothing is under way, and nothing has failed.",
        "garbage": "There is no garbage.",
        "audit": "No entry. The audit log is kept where callers have to log in.",
    }

    STORAGE = ("project", "images", "vectors", "bytes", "running")
    OF_LIMIT = "{used:,} of {limit:,}"
    CHOOSE_HELP = "Administer the project {project}"
    QUOTA, QUOTA_SAID = "Quota of {project}", "The quota of {project} is set."
    LIMITS = {  # noqa: RUF012
        "image_count": "images",
        "vector_count": "vectors",
        "byte_count": "bytes",
        "operation_count": "running operations",
        "upload_byte_count": "bytes of an upload",
    }
    LIMIT_HINT = "Most {what}: a number, or default"
    NOT_A_LIMIT = "“{text}” is not a limit: give a whole number, or default."
    SET = "set"

    ADD_MEMBER, ADD = "Add a member", "add"
    WHO = "user:NAME, group:NAME or service:PROJECT/NAME"
    ROLE, ROLE_OF = "role", "role of {who}"
    ADDED, CHANGED, REMOVED = "{who} is {role} now.", "{who} is {role} now.", "{who} is no longer a member."
    REMOVE, REMOVE_HELP = "remove", "Remove {who} from the project"
    ASK_REMOVE = "Remove {who} from the project?"
    SINCE = "since {time}, by {creator}"

    MAKE_TOKEN, MAKE = "Make a token", "make"
    PURPOSE, ACCOUNT, DAYS = "what it is for", "service account (you, where empty)", "days until it expires (90)"
    SHOWN_ONCE = "This is the token. Copy it now: it cannot be shown again."
    COPY = "copy"
    REVOKE, REVOKE_HELP, ASK_REVOKE = "revoke", "Revoke the token {token}", "Revoke the token {token} of {who}?"
    REVOKED = "The token {token} is revoked."
    ABOUT = "{role} · expires {expires} · {used}"
    USED, UNUSED = "used {time}", "not used yet"
    WHOSE, SHOW_TOKENS = "Tokens of somebody else", "show"
    WHOSE_HINT = "user:NAME"
    NOT_DAYS = "“{text}” is not a number of days."

    CANCEL, RETRY = "cancel", "run again"
    CANCELLED, RETRIED = "The operation ends as soon as its present step allows.", "The work is done again."

    KINDS = {  # noqa: RUF012
        "failed_resource": "failed, and holds its name",
        "folder": "bulk data that no resource names",
        "collection": "vectors that no experiment names",
    }
    REMOVE_ALL, ASK_GARBAGE = "Remove all", "Remove all {count} for good?"
    GONE = "{count} removed, {size} freed."

    AUDIT = ("time (UTC)", "who", "what", "ended", "resources", "from")
    BY, AFTER, BEFORE = "who", "since, as 2026-11-01", "until, as 2026-12-01"
    WHERE, HERE, EVERYWHERE = "project", "this project", "all projects"
    FILTER, MORE = "filter", "more"

    DELETE, KEEP = "Yes", "Keep"
