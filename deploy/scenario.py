"""What the compose file and the Kubernetes manifests run: calls to be priced, at a steady rate.

A scenario of one file, because it is handed to the workers as it is. Put your own in its place.
"""

from locust import task

from loadkit import HttpUser, Rate, Scenario, Stage


class CostUser(HttpUser):
    """An application that reports its calls to a model."""

    @task(4)
    def record(self) -> None:
        """Prices and records one call."""
        cost = {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "input_tokens": 900,
            "output_tokens": 250,
        }
        self.client.post("/api/v1/costs", json=cost, headers={"X-API-Key": "demo-pro-key-1"})

    @task
    def summary(self) -> None:
        """What was spent."""
        self.client.get("/api/v1/usage/summary", headers={"X-API-Key": "demo-pro-key-1"})


scenario = Scenario(
    [
        Stage("warm-up", load=Rate(50), duration=10),
        Stage("steady", load=Rate(100), duration=60),
    ],
    name="deployed",
    slos=["p95 < 300 ms", "errors < 1 %"],
)
