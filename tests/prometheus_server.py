"""A real Prometheus for tests, on ports and a folder of its own, and promtool's opinion."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import httpx

from ops.local.processes import free_port
from ops.prometheus import PROMETHEUS, PROMTOOL
from tests.integration.polling import until

if TYPE_CHECKING:
    from pathlib import Path

JOB = "tillgate"
SCRAPE_SECONDS = 1


def promtool_says(page: str) -> tuple[int, str]:
    """Give ``promtool check metrics``' exit code and all that it wrote; (0, "") is silence."""
    checked = subprocess.run(  # noqa: S603  Debian's promtool, from a list.
        [PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    return checked.returncode, checked.stdout + checked.stderr


class PrometheusServer:
    """Scrapes ``url`` each second. Its token is in a file in ``folder``, not on a command line."""

    def __init__(self, url: str, *, token: str, folder: Path) -> None:
        self._port = free_port()
        self._log = folder / "prometheus.log"
        self._command = [
            str(PROMETHEUS),
            f"--config.file={folder / 'prometheus.json'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        parts = urlsplit(url)
        self._added = {("job", JOB), ("instance", parts.netloc)}
        (folder / "token").write_text(token)
        # JSON is YAML, too.
        (folder / "prometheus.json").write_text(
            json.dumps(
                {
                    "scrape_configs": [
                        {
                            "job_name": JOB,
                            "scrape_interval": f"{SCRAPE_SECONDS}s",
                            "scrape_timeout": f"{SCRAPE_SECONDS}s",
                            "scheme": parts.scheme,
                            "metrics_path": parts.path,
                            "authorization": {"credentials_file": str(folder / "token")},
                            "static_configs": [{"targets": [parts.netloc]}],
                        }
                    ]
                }
            )
        )
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{self._port}", timeout=30, trust_env=False
        )

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  Debian's Prometheus, from a list.
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            until(self._has_scraped, what=f"a scrape; see {self._log}", within_seconds=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._http.close()
        self._process.kill()
        self._process.wait(20)

    def _has_scraped(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            return self.value(f'up{{job="{JOB}"}}') == 1.0
        except httpx.HTTPError:
            return False

    def samples(self, query: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Ask for values now; give each by its name, "" where the query leaves none, and labels.

        Labels that the scrape added are left out.
        """
        return {
            (metric.pop("__name__", ""), frozenset(metric.items() - self._added)): float(value)
            for metric, value in self._ask(query)
        }

    def value(self, query: str) -> float:
        """Ask for the one number that a query gives; none is 0."""
        values = [value for _, value in self._ask(query)]
        assert len(values) <= 1, values
        return float(sum(map(float, values)))

    def _ask(self, query: str) -> list[tuple[dict[str, str], str]]:
        answer = self._http.post("/api/v1/query", data={"query": query})
        answer.raise_for_status()
        return [(found["metric"], found["value"][1]) for found in answer.json()["data"]["result"]]
