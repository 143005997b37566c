"""What batches of entries add up to, as rows of the bundle's tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.ma  # numpy would load it at the first use of unique, amid a load

from loadkit.load.cells import Cells, Ints, grouped, order_of, starts_of
from loadkit.load.places import MEASURE_BITS, Axis, packed, unpacked
from loadkit.load.slowest import Slowest

OK, FAILED, RAISED, CANCELLED = 0, 1, 2, 3
_STARTED = 4
OUTCOMES = ("ok", "failed", "raised", "cancelled", "started")
_SERVICE, _RESPONSE, _LATENESS, _ITERATION, _ITERATION_SERVICE = range(5)
MEASURES = ("service", "response", "lateness", "iteration", "iteration_service")
_ENDED = ""  # flow of outcomes, taken apart when rows are made

Row = dict[str, Any]


class Fold:
    """All batches since the last ``rows``. Columns are arrays of one length, instants in ns."""

    def __init__(self, stages: Sequence[str], axis: Axis, names: list[str], samples: bool) -> None:
        """``names`` are operations by code; ``samples`` keeps a row a request."""
        self._stages = list(stages)
        self._axis = axis
        self._names = names
        self._keep_samples = samples
        self._reset()

    def _reset(self) -> None:
        self._flow: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._cells = Cells()
        self._slowest = Slowest()
        self._samples: list[Row] = []

    def where(self, stage: int, second: int, code: int) -> Row:
        """The columns that say where a row belongs."""
        return {"stage": self._stages[stage], "second": second, "operation": self._names[code]}

    # -- batches ------------------------------------------------------------------------------

    def sent(self, code: Ints, due: Ints, now: Ints) -> None:
        """Requests that started."""
        self.count("sent", due, now, code)

    def ended(
        self,
        code: Ints,
        outcome: Ints,
        due: Ints,
        now: Ints,
        service: Ints,
        response: Ints,
        answered: Ints,
        trace: Ints,
    ) -> None:
        """Requests that ended."""
        service, response = np.maximum(service, 0), np.maximum(response, 0)
        axis = self._axis
        offset, done = axis.offsets(due), axis.seconds(axis.offsets(now))
        stage, second = axis.stages(offset), axis.seconds(offset)
        self._add(_ENDED, packed(stage, done, code, outcome) | answered)
        distinct, groups = grouped(packed(stage, second, code, outcome))
        order = order_of(groups, service)
        self._cells.add(distinct | _SERVICE, groups[order], service[order])
        order = order_of(groups, response)
        self._cells.add(distinct | _RESPONSE, groups[order], response[order])
        where = packed(stage, second, code, 0)
        self._keep_slowest(order, where, outcome, response, due, service, trace)
        if self._keep_samples:
            self._sample(stage, second, code, outcome, due, service, response)

    def _keep_slowest(
        self, order: Ints, where: Ints, outcome: Ints, response: Ints, *others: Ints
    ) -> None:
        """``order`` is by place, outcome included, and response time within."""
        order = order[outcome[order] != CANCELLED]
        if not len(order):
            return
        columns = np.stack((where, outcome, response, *others))[:, order]
        starts = starts_of(columns[0] | (columns[1] << MEASURE_BITS))
        self._slowest.add(starts, len(order), columns)

    def _sample(self, *columns: Ints) -> None:
        for stage, second, code, outcome, due, service, response in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            self._samples.append(
                {
                    **self.where(stage, second, code),
                    "outcome": OUTCOMES[outcome],
                    "mono_ns": due,
                    "service_ns": service,
                    "response_ns": response,
                }
            )

    def planned(self, due: Ints, late: Ints) -> None:
        """Arrivals that came due; ``late`` are those that found no user free."""
        self.count("planned", due, due, 0)
        waited = due[late > 0]
        if len(waited):
            self.count("late", waited, waited, 0)

    def started(self, due: Ints, now: Ints) -> None:
        """Arrivals that a user took up."""
        # In the stage it was due, so that a stage's planned and started can be compared.
        self.count("started", due, now, 0)
        self._measure(due, 0, _STARTED, (_LATENESS, now - due))

    def never_started(self, due: Ints, now: Ints) -> None:
        """Arrivals that were given up."""
        self.count("never_started", due, now, 0)

    def held(self, now: Ints) -> None:
        """Requests that had to wait for the cap on the rate."""
        self.count("held", now, now, 0)

    def unfed(self, due: Ints, now: Ints) -> None:
        """Arrivals without test data."""
        self.count("unfed", due, now, 0)

    def looped(self, code: Ints, due: Ints, start: Ints, end: Ints) -> None:
        """Iterations that came to their end."""
        self._measure(due, code, OK, (_ITERATION, end - due), (_ITERATION_SERVICE, end - start))

    def _measure(
        self, due: Ints, code: Ints | int, outcome: int, *measures: tuple[int, Ints]
    ) -> None:
        axis = self._axis
        offset = axis.offsets(due)
        distinct, groups = grouped(packed(axis.stages(offset), axis.seconds(offset), code, outcome))
        for measure, values in measures:
            values = np.maximum(values, 0)
            order = order_of(groups, values)
            self._cells.add(distinct | measure, groups[order], values[order])

    def count(self, event: str, due: Ints, when: Ints, code: Ints | int) -> None:
        """Events in the stage of one instant and the second of the other."""
        axis = self._axis
        stage, second = axis.stages(axis.offsets(due)), axis.seconds(axis.offsets(when))
        self._add(event, packed(stage, second, code, 0))

    def _add(self, event: str, places: Ints) -> None:
        flow = self._flow[event]
        if int(places.min()) == int(places.max()):
            pairs = [(int(places[0]), len(places))]
        else:
            distinct, counts = np.unique(places, return_counts=True)
            pairs = list(zip(distinct.tolist(), counts.tolist(), strict=True))
        for place, count in pairs:
            flow[place] = flow.get(place, 0) + count

    # -- rows ---------------------------------------------------------------------------------

    def rows(self, trace_of: Callable[[int], str | None]) -> dict[str, list[Row]]:
        """Rows of each table, and begins anew. ``trace_of`` gives the text of a trace number."""
        tables = {
            "intervals": self._interval_rows(),
            "flow": self._flow_rows(),
            "exemplars": self._exemplar_rows(trace_of),
            "samples": self._samples,
        }
        self._reset()
        return tables

    def _interval_rows(self) -> list[Row]:
        rows = []
        for place, count, total, low, high, buckets, counts in self._cells.columns():
            stage, second, code, outcome, measure = unpacked(place)
            rows.append(
                {
                    "stage": self._stages[stage],
                    "second": second,
                    "operation": self._names[code],
                    "outcome": OUTCOMES[outcome],
                    "measure": MEASURES[measure],
                    "count": count,
                    "sum_ns": total,
                    "min_ns": low,
                    "max_ns": high,
                    "buckets": buckets,
                    "counts": counts,
                }
            )
        return rows

    def _flow_rows(self) -> list[Row]:
        totals: dict[tuple[int, int, int, str], int] = {}
        for event, flow in self._flow.items():
            for place, count in flow.items():
                stage, second, code, outcome, answered = unpacked(place)
                where = (stage, second, code)
                for name in (event,) if event else (OUTCOMES[outcome], "completed")[: 1 + answered]:
                    totals[*where, name] = totals.get((*where, name), 0) + count
        return [
            {**self.where(stage, second, code), "event": event, "count": count}
            for (stage, second, code, event), count in totals.items()
        ]

    def _exemplar_rows(self, trace_of: Callable[[int], str | None]) -> list[Row]:
        rows = []
        for place, outcome, response, due, service, trace in self._slowest.rows():
            stage, second, code, _, _ = unpacked(place)
            rows.append(
                {
                    **self.where(stage, second, code),
                    "outcome": OUTCOMES[outcome],
                    "mono_ns": due,
                    "service_ns": service,
                    "response_ns": response,
                    "trace_id": trace_of(trace),
                }
            )
        return rows
