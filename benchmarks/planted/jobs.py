"""Jobs that run by themselves: create, look, cancel, fetch results, delete. OpenAPI 3.0.3."""

import struct
from typing import Any, override

from benchmarks.planted import _checks as check
from benchmarks.planted._kernel import Answer, Headers, Refused, Request, Service, answer_json

KEY = "token-jobs-95aa"
STATES = ("queued", "running", "done", "canceled")
FOLLOWING = {"queued": "running", "running": "done"}
ENDED = ("done", "canceled")
PROGRESS = {"queued": 0, "running": 50, "done": 100, "canceled": 0}


class Jobs(Service):
    routes: tuple[tuple[str, str, str], ...] = (
        ("GET", "/jobs", "list_jobs"),
        ("POST", "/jobs", "create_job"),
        ("GET", "/jobs/{job_id}", "get_job"),
        ("DELETE", "/jobs/{job_id}", "delete_job"),
        ("POST", "/jobs/{job_id}/cancel", "cancel_job"),
        ("GET", "/jobs/{job_id}/results", "get_results"),
    )

    def __init__(self, bug: str | None = None) -> None:
        super().__init__(bug)
        if bug == "jobs-cancel-by-get":
            self.routes = (*self.routes, ("GET", "/jobs/{job_id}/cancel", "cancel_job"))
        self._jobs: dict[str, dict[str, Any]] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self._made = 0

    @override
    def admit(self, operation: str, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self.bug == "jobs-any-token" and scheme.lower() == "bearer" and token:
            return
        if scheme.lower() != "bearer" or token.strip() != KEY:
            headers: Headers = (("www-authenticate", 'Bearer realm="jobs"'),)
            if self.bug == "jobs-challenge-missing":
                headers = ()
            raise Refused(401, "unauthorized", "Send the token.", headers=headers)

    @override
    def refuse(self, refused: Refused) -> Answer:
        if self.bug == "jobs-not-found-html" and refused.status == 404:
            return Answer(404, (("content-type", "text/html"),), (b"<h1>Not found</h1>",))
        return super().refuse(refused)

    def list_jobs(self, request: Request) -> Answer:
        state = check.get_query(request, "state")
        if state is not None and self.bug != "jobs-state-filter-unchecked":
            check.take_choice(state, "state", STATES)
        found = [self._tell(job) for job in self._listed.values()]
        return answer_json(200, {"jobs": [job for job in found if state in {None, job["state"]}]})

    def create_job(self, request: Request) -> Answer:
        new = check.read_json(request)
        optional = ("tags", "priority", "dry_run")
        if self.bug == "jobs-extra-accepted" and isinstance(new, dict):
            optional = (*optional, *new)
        new = check.take_object(new, "job", ("name", "kind", "rows"), optional)
        if self.bug == "jobs-empty-name-crash":
            initial = check.take_text(new["name"], "name", 0, 30)[0]
            new["name"] = initial + new["name"][1:]
        check.take_text(new["name"], "name", 1, 30)
        check.take_choice(new["kind"], "kind", ("export", "import", "report"))
        if self.bug == "jobs-rows-huge-crash" and isinstance(new["rows"], int):
            struct.pack("q", new["rows"])
        high = 10_001 if self.bug == "jobs-rows-one-more" else 10_000
        rows = check.take_whole(new["rows"], "rows", 1, high)
        if "tags" in new:
            tags = check.take_list(new["tags"], "tags", 0, 3)
            if self.bug == "jobs-empty-tags-crash":
                tags[0]
            for tag in tags:
                check.take_text(tag, "tags[]", 1, 10)
        if "priority" in new:
            new["priority"] = check.take_whole(new["priority"], "priority", 0, 9)
        if "dry_run" in new:
            check.take_flag(new["dry_run"], "dry_run")
        self._made += 1
        default = 0 if self.bug == "jobs-priority-default" else 5
        job = {
            "id": f"job-{self._made}",
            "name": new["name"],
            "kind": new["kind"],
            "rows": rows,
            "tags": new.get("tags", []),
            "priority": new.get("priority", default),
            "dry_run": new.get("dry_run", False),
            "state": "queued",
        }
        if self.bug == "jobs-priority-zero-lost":
            job["priority"] = new.get("priority") or default
        self._jobs[job["id"]] = self._listed[job["id"]] = job
        location = ("location", f"/jobs/{job['id']}")
        return answer_json(201 if self.bug == "jobs-create-201" else 202, self._tell(job), location)

    def _tell(self, job: dict[str, Any]) -> dict[str, Any]:
        ended_at = "2026-11-24T09:00:00Z" if job["state"] in ENDED else None
        told = job | {"progress": PROGRESS[job["state"]], "ended_at": ended_at}
        if self.bug == "jobs-state-undocumented" and job["state"] == "running":
            told["state"] = "in_progress"
        if self.bug == "jobs-ended-at-lost" and job["state"] == "canceled":
            del told["ended_at"]
        if self.bug == "jobs-progress-text" and job["state"] == "running":
            told["progress"] = "50%"
        return told

    def _find(self, request: Request) -> dict[str, Any]:
        job = self._jobs.get(request.values[0])
        if job is None:
            raise Refused(404, "not_found", "There is no such job.")
        return job

    def get_job(self, request: Request) -> Answer:
        job = self._find(request)
        told = self._tell(job)
        following = FOLLOWING
        if self.bug == "jobs-canceled-runs-on":
            following = FOLLOWING | {"canceled": "running"}
        job["state"] = following.get(job["state"], job["state"])
        return answer_json(200, told)

    def cancel_job(self, request: Request) -> Answer:
        job = self._find(request)
        if job["state"] in ENDED and self.bug != "jobs-cancel-twice":
            raise Refused(409, "conflict", "The job has ended.")
        job["state"] = "canceled"
        return answer_json(200, self._tell(job))

    def get_results(self, request: Request) -> Answer:
        job = self._find(request)
        if job["state"] != "done":
            if self.bug == "jobs-results-early":
                return answer_json(200, {"rows": []})
            raise Refused(409, "conflict", "The job is not done.")
        rows = [{"number": at + 1, "text": f"{job['name']}·{at + 1}"} for at in range(job["rows"])]
        return answer_json(200, {"rows": rows[:10]})

    def delete_job(self, request: Request) -> Answer:
        job = self._find(request)
        if job["state"] not in ENDED:
            raise Refused(409, "conflict", "The job has not ended.")
        del self._jobs[job["id"]]
        if self.bug != "jobs-deleted-still-listed":
            del self._listed[job["id"]]
        return Answer(204)
