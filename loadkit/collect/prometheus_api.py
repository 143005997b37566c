"""Questions to Prometheus, through prometheus-api-client. Blocking: call it in a thread.

Of the library its connection, instant queries and targets serve. Its range functions do not: they
round both ends to whole seconds, which loses the exact bounds that joining chunks needs. So raw
samples are read by an instant query of a range selector, ``{job="x"}[5000ms]`` at an exact time.
What the library has no function for, the rules, goes through the same session.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.util.retry import Retry

from loadkit.collect.access import Access
from loadkit.collect.answers import not_json, refusal, unreachable
from loadkit.collect.fetch import TIMEOUT_S, is_local
from loadkit.errors import AnswerError, CollectError

_STATUS = re.compile(r"HTTP Status Code (\d+)(?: \(b?['\"]?(.*)\))?", re.S)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """An alert rule that a Prometheus has loaded; times in seconds."""

    name: str
    group: str
    severity: str | None
    for_s: float
    interval_s: float | None
    expr: str


class _Session(requests.Session):
    """Follows no redirect: headers of ours would go along to wherever it leads."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        return None


class PrometheusApi:
    """One Prometheus. Every method raises CollectError when it does not answer as one.

    Args:
        url: its root.
        access: headers and TLS.
        timeout_s: how long an answer may take, in seconds.

    Raises:
        UsageError: a certificate of ``access`` cannot be used.
    """

    def __init__(self, url: str, access: Access | None = None, timeout_s: int = TIMEOUT_S) -> None:
        access = access or Access()
        self.url = url
        self._timeout_s = timeout_s
        self._session = _Session()
        self._session.trust_env = not is_local(url)
        self._session.headers.update(access.headers)
        if url.startswith("https:"):
            self._secure(access)
        # Retries are the collector's: the library's own wait for seconds in between.
        self._client = PrometheusConnect(
            url, session=self._session, retry=Retry(0, redirect=0), timeout=timeout_s
        )

    def _secure(self, access: Access) -> None:
        access.check_files()
        self._session.verify = str(access.ca_file) if access.ca_file else access.verify
        if access.cert_file is not None:
            certificate = str(access.cert_file)
            key = access.key_file
            self._session.cert = (certificate, str(key)) if key else certificate
        if not access.verify:
            # Once in loadkit's own words, rather than at every request.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def close(self) -> None:
        """Closes its connections."""
        self._session.close()

    def query(self, promql: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query, at a Unix time with milliseconds, else at its now."""
        params = {} if at_s is None else {"time": f"{at_s:.3f}"}
        result = self._ask(lambda: self._client.custom_query(promql, params))
        if not isinstance(result, list):
            raise not_json(self.url)
        return result

    def clock_offset(self) -> float:
        """Its clock minus ours, in seconds, right within half of the round trip."""
        before = time.time()
        answer = self._ask(lambda: self._client.custom_query("time()"))
        middle = (before + time.time()) / 2
        try:
            return float(answer[1]) - middle
        except (TypeError, ValueError, LookupError) as error:
            raise not_json(self.url) from error

    def rule_names(self) -> frozenset[str]:
        """The series that recording rules write; none where the server has no API for rules."""
        try:
            rules = self._rules()
        except AnswerError:  # asked after its query API has answered
            return frozenset()
        return frozenset(str(rule["name"]) for _, rule in rules if rule.get("type") == "recording")

    def alert_rules(self) -> tuple[LoadedRule, ...]:
        """The alerts that it evaluates, in its order; a name may be there several times."""
        return tuple(
            LoadedRule(
                name=str(rule["name"]),
                group=str(group.get("name", "")),
                severity=(rule.get("labels") or {}).get("severity"),
                for_s=float(rule.get("duration") or 0.0),
                interval_s=float(group["interval"]) if group.get("interval") else None,
                expr=str(rule.get("query", "")),
            )
            for group, rule in self._rules()
            if rule.get("type") == "alerting"
        )

    def _rules(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        groups = self._get("/api/v1/rules").get("groups") or []
        return [(group, rule) for group in groups for rule in group.get("rules") or []]

    def metadata(self) -> dict[str, Any]:
        """Metric name → list of what its targets declare: type, help, unit."""
        return self._get("/api/v1/metadata?limit_per_metric=1")

    def scrape_intervals(self) -> dict[str, float]:
        """Job → its longest scrape interval in seconds; empty where Prometheus does not tell."""
        try:
            targets = self._ask(lambda: self._client.get_targets(state="active"))
        except AnswerError:  # Mimir and others have queries, but no targets
            targets = None
        intervals: dict[str, float] = {}
        for target in (targets or {}).get("activeTargets") or []:
            job = str(target.get("labels", {}).get("job", ""))
            seconds = seconds_of(str(target.get("scrapeInterval", "")))
            if seconds:
                intervals[job] = max(seconds, intervals.get(job, 0.0))
        return intervals

    def _get(self, path: str) -> dict[str, Any]:
        where = f"{self.url}{path}"

        def get() -> Any:
            answer = self._session.get(where, timeout=self._timeout_s)
            if answer.status_code != 200:
                location = answer.headers.get("location", "")
                raise refusal(answer.status_code, answer.text, where, location)
            return answer.json()["data"]

        data = self._ask(get)
        return data if isinstance(data, dict) else {}

    def _ask(self, call: Any) -> Any:
        try:
            return call()
        except PrometheusApiClientException as error:
            found = _STATUS.match(str(error))
            status, body = (int(found[1]), found[2] or "") if found else (0, str(error))
            raise refusal(status, body, self.url) from error
        # Its JSON error is a RequestException as well, so it comes first.
        except (requests.exceptions.JSONDecodeError, KeyError, TypeError) as error:
            raise not_json(self.url) from error
        except requests.RequestException as error:
            raise unreachable(error, self.url) from error
        except CollectError:
            raise
        except ValueError as error:
            raise not_json(self.url) from error


def seconds_of(duration: str) -> float:
    """``"667ms"`` → 0.667, ``"1m30s"`` → 90.0; 0.0 for anything else."""
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", duration)
    return sum(int(number) * _SECONDS[unit] for number, unit in parts)
