"""The catalogue: every planted bug, the services that hold them, their documents and keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.planted import files, jobs, messages, orders, pricing
from benchmarks.planted._kernel import Service

_SERVICES: dict[str, tuple[type[Service], str, str]] = {
    "orders": (orders.Orders, "ApiKey", orders.KEY),
    "messages": (messages.Messages, "ApiKey", messages.KEY),
    "jobs": (jobs.Jobs, "Token", jobs.KEY),
    "files": (files.Files, "FilesKey", files.KEY),
    "pricing": (pricing.Pricing, "QueryKey", pricing.KEY),
}
SERVICES = tuple(_SERVICES)


@dataclass(frozen=True, slots=True)
class Bug:
    """`claim` says what breaks which statement of the service's document."""

    id: str
    kind: str
    claim: str

    @property
    def service(self) -> str:
        return self.id.partition("-")[0]


def build(service: str, bug: str | None = None) -> Service:
    """A fresh ASGI app with fresh state. Raises KeyError for an unknown service or bug."""
    if bug is not None and bug not in {known.id for known in BUGS if known.service == service}:
        raise KeyError(bug)
    return _SERVICES[service][0](bug)


def document(service: str) -> dict[str, Any]:
    """The service's OpenAPI document; the same for the correct service and every faulty one."""
    text = (Path(__file__).parent / f"{service}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return loaded


def key(service: str) -> Mapping[str, str]:
    """The valid credential by the name of its security scheme."""
    _, scheme, value = _SERVICES[service]
    return {scheme: value}


_ORDERS = (
    Bug("orders-quantity-text", "type-coercion", 'quantity "3" is accepted where the schema says integer.'),
    Bug("orders-quantity-bool", "type-coercion", "quantity true is accepted as 1 where the schema says integer."),
    Bug("orders-limit-unbounded", "missing-bound", "limit above its maximum of 50 is accepted."),
    Bug("orders-limit-zero", "off-by-one", "limit 0 is accepted though the minimum is 1."),
    Bug("orders-limit-huge-crash", "crash-on-huge-int", "limit beyond 32 bits is answered 500 instead of 400."),
    Bug("orders-name-bytes", "length-in-bytes", "A name of 20 Chinese characters, which maxLength allows, is refused."),
    Bug("orders-phone-unanchored", "pattern", "A phone with text around the number is accepted against its anchored pattern."),
    Bug("orders-note-null-refused", "null", "PATCH refuses note null though the note may be null."),
    Bug("orders-priority-default", "default", "An order without priority becomes low; the documented default is normal."),
    Bug("orders-create-200", "wrong-status", "Creation is answered 200; the document knows 201 only."),
    Bug("orders-location-missing", "missing-header", "The required Location header of 201 is missing."),
    Bug("orders-created-at-local", "wrong-type-in-answer", "created_at is no date-time of RFC 3339."),
    Bug("orders-unknown-crash", "crash-on-unknown-id", "An unknown order id is answered 500 instead of 404."),
    Bug("orders-get-after-delete", "stale-state", "An order that was read before is still found after it was deleted."),
    Bug("orders-list-hides-urgent", "stale-state", "Urgent orders are missing from the unfiltered list of all orders."),
    Bug("orders-page-repeats", "paging", "The last order of a page stands again on the next page."),
    Bug("orders-page-skips", "paging", "The order after the last of a page stands on no page."),
    Bug("orders-patch-clears-note", "lost-update", "PATCH clears the note when the note is not named."),
    Bug("orders-coupon-and-discount", "interaction-of-optionals", "A coupon beside a discount, each allowed, is answered 500."),
    Bug("orders-repeat-creates", "idempotency", "A repeated Idempotency-Key with an equal body creates a second order."),
    Bug("orders-delete-without-key", "authentication", "DELETE works without the API key."),
)  # fmt: skip

_MESSAGES = (
    Bug("messages-temperature-two", "missing-bound", "temperature up to 2 is accepted; the maximum is 1."),
    Bug("messages-max-tokens-zero", "off-by-one", "max_tokens 0 is accepted; the minimum is 1."),
    Bug("messages-role-unchecked", "enum", "Any role is accepted; the document has user and assistant."),
    Bug("messages-five-stops", "array-bound", "Five stop_sequences are accepted; maxItems is 4."),
    Bug("messages-stream-number", "type-coercion", "stream 1 is accepted where the schema says boolean."),
    Bug("messages-both-zero-crash", "interaction-of-optionals", "temperature 0 together with top_k 0, each allowed, is answered 500."),
    Bug("messages-choice-without-tools", "dependent-fields", "tool_choice without tools is accepted against dependentRequired."),
    Bug("messages-version-optional", "required", "A request without the required anthropic-version header is accepted."),
    Bug("messages-tool-result-crash", "union-branch", "A tool_result block, one branch of the union, is answered 500."),
    Bug("messages-block-type-ignored", "discriminator", "A block of an unknown type is accepted when it has a text."),
    Bug("messages-tool-input-text", "union-branch", "The answer's tool_use block holds its input as a string; the schema says object."),
    Bug("messages-count-system-blocks", "union-branch", "count_tokens refuses system as an array of text blocks."),
    Bug("messages-count-emoji-crash", "crash-on-text", "count_tokens answers 500 to a character beyond the basic plane."),
    Bug("messages-count-without-key", "authentication", "count_tokens works without the API key."),
    Bug("messages-error-detail", "error-envelope", "400 has a body of another shape than Error."),
    Bug("messages-refusal-200", "error-as-success", "max_tokens out of its bounds is answered 200 with an error as its body."),
    Bug("messages-model-unknown-200", "error-as-success", "An unknown model is answered 200 with an error object instead of 404."),
    Bug("messages-stream-unfinished", "stream-end", "The stream ends without message_stop."),
    Bug("messages-stream-delta-after-stop", "stream-order", "The last delta of a block comes after its content_block_stop."),
    Bug("messages-stream-index-twice", "stream-order", "Two blocks of one stream start with index 0."),
    Bug("messages-stream-usage-falls", "stream-usage", "output_tokens in message_delta is less than in message_start."),
    Bug("messages-stream-debug-event", "stream-event", "The stream has an event of a type that the document does not know."),
    Bug("messages-stream-as-json", "content-type", "The stream is labelled application/json."),
    Bug("messages-stream-unlabelled", "missing-header", "The required request-id header is missing from streams."),
)  # fmt: skip

_JOBS = (
    Bug("jobs-create-201", "wrong-status", "Creation is answered 201; the document knows 202 only."),
    Bug("jobs-extra-accepted", "additional-property", "A property that additionalProperties false forbids is accepted."),
    Bug("jobs-rows-one-more", "off-by-one", "rows 10001 is accepted; the maximum is 10000."),
    Bug("jobs-rows-huge-crash", "crash-on-huge-int", "rows beyond 64 bits is answered 500 instead of 400."),
    Bug("jobs-empty-name-crash", "crash-on-text", "An empty name is answered 500 instead of 400."),
    Bug("jobs-empty-tags-crash", "crash-on-empty-list", "An empty list of tags, which is allowed, is answered 500."),
    Bug("jobs-priority-default", "default", "A job without priority gets 0; the documented default is 5."),
    Bug("jobs-priority-zero-lost", "default", "priority 0 as sent is replaced by the default of 5."),
    Bug("jobs-state-undocumented", "enum-in-answer", "A running job has the state in_progress, which the enum does not have."),
    Bug("jobs-ended-at-lost", "lost-field", "The required ended_at is missing from a canceled job."),
    Bug("jobs-progress-text", "wrong-type-in-answer", "The progress of a running job is text; the schema says integer."),
    Bug("jobs-cancel-twice", "state-machine", "A job that has ended can be canceled; the document says 409."),
    Bug("jobs-results-early", "state-machine", "Results of a job that is not done are answered 200 with no rows instead of 409."),
    Bug("jobs-canceled-runs-on", "state-machine", "A canceled job runs again when it is read."),
    Bug("jobs-deleted-still-listed", "stale-state", "A deleted job stays in the list."),
    Bug("jobs-state-filter-unchecked", "enum", "The list accepts a state that the enum does not have."),
    Bug("jobs-not-found-html", "error-envelope", "404 has an HTML page instead of the documented JSON error."),
    Bug("jobs-challenge-missing", "missing-header", "The required WWW-Authenticate header of 401 is missing."),
    Bug("jobs-cancel-by-get", "method", "GET on the cancel path cancels the job instead of 405."),
    Bug("jobs-any-token", "authentication", "Any bearer token is accepted."),
)  # fmt: skip

_FILES = (
    Bug("files-name-slash", "path-encoding", "A name with an encoded slash is never found nor stored."),
    Bug("files-name-latin", "path-encoding", "A Chinese name comes back as other characters than were sent."),
    Bug("files-expires-unchecked", "format", "expires takes text that is no date."),
    Bug("files-kind-unsplit", "query-array", "Two kinds separated by a comma are refused."),
    Bug("files-kind-last-only", "query-array", "Of several kinds in a filter only the last counts."),
    Bug("files-kind-optional", "required", "An upload without the required kind is accepted."),
    Bug("files-public-anything", "type-coercion", "public takes any word where the schema says boolean."),
    Bug("files-etag-restless", "caching", "The ETag changes with each answer, so If-None-Match is never answered 304."),
    Bug("files-etag-missing", "missing-header", "The required ETag header is missing when a file is fetched."),
    Bug("files-put-appends", "idempotency", "A repeated PUT appends to the content instead of replacing it."),
    Bug("files-csv-as-plain", "content-type", "The CSV list is labelled text/plain, which the document does not know."),
    Bug("files-delete-200", "wrong-status", "Deletion is answered 200 with a body; the document knows 204 only."),
    Bug("files-delete-unknown-204", "wrong-status", "Deletion of an unknown file is answered 204 instead of 404."),
    Bug("files-empty-upload-crash", "crash-on-empty-body", "An upload of 0 bytes, which is allowed, is answered 500."),
    Bug("files-limit-one-more", "off-by-one", "The list holds one file more than limit allows."),
    Bug("files-sort-with-kind-crash", "interaction-of-optionals", "sort together with kind is answered 500."),
    Bug("files-any-type-accepted", "content-type", "An upload of another media type is accepted instead of 415."),
    Bug("files-too-big-accepted", "missing-bound", "More than 4096 bytes are accepted instead of 413."),
)  # fmt: skip

_PRICING = (
    Bug("pricing-tags-twice", "unique-items", "A repeated tag is accepted against uniqueItems."),
    Bug("pricing-limit-mills", "multiple-of", "A credit_limit of thousandths is accepted against multipleOf 0.01."),
    Bug("pricing-limit-zero", "off-by-one", "credit_limit 0 is accepted against exclusiveMinimum 0."),
    Bug("pricing-limit-whole-refused", "number-format", "A credit_limit written without a fraction is refused though it is a number."),
    Bug("pricing-lon-360", "missing-bound", "A longitude above its maximum of 180 is accepted, deep in the address."),
    Bug("pricing-owner-kind-ignored", "discriminator", "An owner of an unknown kind is accepted when its fields fit a branch."),
    Bug("pricing-vat-lost", "union-branch", "The answer lacks the required vat_id of a company."),
    Bug("pricing-amount-unknown", "union-branch", "A reduction by an amount, one branch of the union, is answered 500."),
    Bug("pricing-address-null-refused", "null", "address null is refused though it may be null."),
    Bug("pricing-name-null-accepted", "null", "name null is accepted as text though it may not be null."),
    Bug("pricing-name-cut", "missing-bound", "A name of more than 16 characters is accepted and cut."),
    Bug("pricing-geo-extra-accepted", "additional-property", "An unknown property deep in the address is accepted."),
    Bug("pricing-labels-lost", "lost-field", "The labels, a map, are lost: the answer's are always empty."),
    Bug("pricing-currency-case", "enum", "A currency in lower case is accepted; the enum has upper case."),
    Bug("pricing-zip-optional", "required", "An address without its required zip is accepted."),
    Bug("pricing-put-merges", "lost-update", "PUT keeps old tags, labels, address and referral that the new body leaves out."),
    Bug("pricing-put-without-key", "authentication", "PUT works without the API key."),
    Bug("pricing-no-items-crash", "crash-on-empty-list", "A quote of no items is answered 500 instead of 422."),
    Bug("pricing-greatest-line-crash", "boundary-by-boundary", "The greatest price times the greatest quantity, each allowed, is answered 500."),
    Bug("pricing-total-negative", "bound-in-answer", "A reduction above the sum gives a total below its minimum of 0."),
    Bug("pricing-total-text", "wrong-type-in-answer", "total is text; the schema says number."),
)  # fmt: skip

BUGS: tuple[Bug, ...] = (*_ORDERS, *_MESSAGES, *_JOBS, *_FILES, *_PRICING)
"""104 bugs over five services, each shown by a probe of its own in the project's tests."""
