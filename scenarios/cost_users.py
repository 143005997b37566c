"""Users of the LLM cost service: what the scenarios beside this file send.

Mostly calls to be priced and recorded, some look at what was recorded, at sums and at prices.
"""

import random

from locust import between, task

from loadkit import HttpUser

KEYS = [
    f"demo-{tier}-key-{number}" for tier in ("free", "pro", "enterprise") for number in (1, 2, 3)
]
MODELS = {
    ("openai", "gpt-4o-mini"): 40,
    ("openai", "gpt-4o"): 20,
    ("anthropic", "claude-haiku"): 12,
    ("anthropic", "claude-sonnet"): 12,
    ("anthropic", "claude-opus"): 3,
    ("google", "gemini-flash"): 7,
    ("google", "gemini-pro"): 3,
    ("mistral", "mistral-large"): 3,
}
PROJECTS = ["chat", "search", "summaries", "agents", None]


def customer() -> dict[str, str]:
    """One of the demonstration customers. By chance each time: few users serve all arrivals."""
    return {"X-API-Key": random.choice(KEYS)}


class CostUser(HttpUser):
    """An application that reports its calls, and now and then somebody who looks at the bill."""

    wait_time = between(0.5, 1.5)  # only where the number of users is fixed

    @task(80)
    def record(self) -> None:
        """Prices and records one call to a model; lengths of prompts have a long tail."""
        provider, model = random.choices(list(MODELS), weights=list(MODELS.values()))[0]
        prompt = min(200_000, 1 + int(random.lognormvariate(6.5, 1.2)))
        cost = {
            "provider": provider,
            "model": model,
            "input_tokens": prompt,
            "output_tokens": 1 + int(random.lognormvariate(5.5, 0.9)),
            "cached_input_tokens": prompt // 2 if random.random() < 0.3 else 0,
            "project": random.choice(PROJECTS),
        }
        self.client.post("/api/v1/costs", json=cost, headers=customer())

    @task(10)
    def recent(self) -> None:
        """The latest records."""
        self.client.get("/api/v1/costs?limit=20", name="/api/v1/costs", headers=customer())

    @task(7)
    def summary(self) -> None:
        """What was spent."""
        self.client.get("/api/v1/usage/summary", headers=customer())

    @task(3)
    def pricing(self) -> None:
        """The price list."""
        self.client.get("/api/v1/pricing", headers=customer())
