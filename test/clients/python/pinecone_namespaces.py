"""Many namespaces asked at once, and what one may do in a second, by the vendor's Python client.

Over HTTP, with pinecone 7 to 9. Prints one JSON line for each case. Address and key come from the
environment, as test/clients/pinecone-suite.ts sets them.
"""

import json
import os
import sys
import threading
import time
import traceback
import urllib.request
from importlib.metadata import version

from pinecone import Pinecone, ServerlessSpec

LINE = int(version("pinecone").split(".")[0])
URL = os.environ["INSULA_TEST_URL"]
KEY = os.environ["INSULA_TEST_KEY"]
NAME = f"namespaces-{LINE}"
QUERY = {"vector": [1.0, 0.0], "top_k": 1}
REFUSED = "PineconeApiException" if LINE < 9 else "RateLimitError"
_failed = False


def case(operation, title):
    """Runs the decorated function at once; what it raises is the failure."""

    def run(body):
        global _failed
        line = {"operation": operation, "case": title, "pass": True}
        try:
            body()
        except Exception as error:  # every failure is a line of the report
            _failed = True
            line["pass"] = False
            line["detail"] = f"{type(error).__name__}: {error}"[:600]
            traceback.print_exc(file=sys.stderr)
        print(json.dumps(line), flush=True)
        return body

    return run


def equal(actual, expected):
    assert actual == expected, f"expected {expected!r}, received {actual!r}"


def set_limits(namespace, **limits):
    """Through our own interface: the vendor's has no word for it."""
    place = f"databases/pinecone/collections/{NAME}/tenants/{namespace}/limits"
    request = urllib.request.Request(
        f"{URL}/insula/v1/{place}",
        method="PATCH",
        data=json.dumps(limits).encode(),
        headers={"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    urllib.request.urlopen(request).close()


pc = Pinecone(api_key=KEY, host=URL)
spec = ServerlessSpec(cloud="aws", region="us-east-1")
pc.create_index(name=NAME, dimension=2, metric="cosine", spec=spec)
index = pc.Index(NAME)
for namespace in ("waits", "refused", "full", "free"):
    index.upsert(vectors=[("a", [1.0, 0.0])], namespace=namespace)


@case("query_namespaces", "merges the nearest of 60 namespaces, whatever the metric")
def _():
    names = [f"many-{i:02}" for i in range(60)]
    for metric, best in (("cosine", 59), ("dotproduct", 59), ("euclidean", 0)):
        name = f"{NAME}-{metric}"
        pc.create_index(name=name, dimension=2, metric=metric, spec=spec)
        many = pc.Index(name)
        for i, namespace in enumerate(names):
            vectors = [(f"{i}", [1.0 + i, 1.0], {"even": i % 2 == 0}), ("far", [-9.0, -9.0])]
            many.upsert(vectors=vectors, namespace=namespace)
        asked = {"vector": [1.0, 0.0], "metric": metric, "top_k": 3}
        found = many.query_namespaces(namespaces=[*names, "never"], **asked)
        order = [best, best - 1, best - 2] if best > 0 else [0, 1, 2]
        equal([match.id for match in found.matches], [str(i) for i in order])
        if LINE < 9:  # later matches do not say where they are from
            equal([match.namespace for match in found.matches], [names[i] for i in order])
        even = {"filter": {"even": {"$eq": True}}, "include_metadata": True}
        found = many.query_namespaces(namespaces=names, **asked, **even)
        equal([match.metadata["even"] for match in found.matches], [True, True, True])
        pc.delete_index(name)


@case("limits", "a query beyond the rate waits as long as it is told, then is answered")
def _():
    set_limits("waits", queriesPerSecond=1)
    started = time.monotonic()
    for _ in range(3):
        found = index.query(namespace="waits", **QUERY)
        equal(found.matches[0].id, "a")
    assert time.monotonic() - started > 1, "nothing was waited for"


@case("limits", "what is refused again and again is the client's own error; others are answered")
def _():
    set_limits("refused", queriesPerSecond=1)
    outcomes = []

    def ask():
        try:
            index.query(namespace="refused", **QUERY)
            outcomes.append("answered")
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    equal(index.query(namespace="free", **QUERY).matches[0].id, "a")
    for thread in threads:
        thread.join()
    refusals = [outcome for outcome in outcomes if outcome != "answered"]
    assert 0 < len(refusals) < len(outcomes), f"{len(refusals)} of {len(outcomes)} are refused"
    for error in refusals:
        equal(type(error).__name__, REFUSED)
        equal(error.status if LINE < 9 else error.status_code, 429)


@case("limits", "a record beyond the quota is refused at once")
def _():
    set_limits("full", storedRecords=1)
    index.upsert(vectors=[("a", [0.0, 1.0])], namespace="full")
    try:
        index.upsert(vectors=[("b", [0.0, 1.0])], namespace="full")
    except Exception as error:
        equal(error.status if LINE < 9 else error.status_code, 403)
        return
    raise AssertionError("expected a refusal")


pc.delete_index(NAME)
sys.exit(1 if _failed else 0)
