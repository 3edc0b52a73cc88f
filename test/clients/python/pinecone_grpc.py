"""Every gRPC operation there is, and the common errors, through the vendor's Python client.

Runs with pinecone 7 to 9, over TLS and, where the client can, in plain text. Prints one JSON line
for each case. Address and key come from the environment, as test/clients/pinecone-grpc-suite.ts
sets them.
"""

import json
import os
import sys
import traceback
import urllib.request
from importlib.metadata import version

from pinecone.grpc import PineconeGRPC

LINE = int(version("pinecone").split(".")[0])
SCHEME = os.environ["INSULA_TEST_SCHEME"]
AUTHORITY = os.environ["INSULA_TEST_AUTHORITY"]
KEY = os.environ["INSULA_TEST_KEY"]
BASE = f"{SCHEME}://{AUTHORITY}"
NAME = f"grpc-{LINE}"
DIMENSION = 4
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


def refused(call, word):
    try:
        call()
    except Exception as error:
        assert word in str(error), f"expected {word!r} in {error}"
        return
    raise AssertionError("expected a refusal")


def control(method, path, body=None):
    """The control plane by hand: this program is about the data plane."""
    import ssl

    context = ssl.create_default_context(cafile=os.environ.get("INSULA_TEST_CA"))
    request = urllib.request.Request(
        BASE + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            # Our own interface knows the key by another header.
            **({"Authorization": f"Bearer {KEY}"} if "/insula/" in path else {"Api-Key": KEY}),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, context=context) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def make_index(name):
    spec = {"serverless": {"cloud": "aws", "region": "us-east-1"}}
    body = {"name": name, "dimension": DIMENSION, "metric": "cosine", "spec": spec}
    control("POST", "/indexes", body)
    return control("GET", f"/indexes/{name}")["host"]


def connect(host):
    """The lines that docs/dialects/pinecone.md tells a user to write."""
    if LINE >= 9:
        return PineconeGRPC(api_key=KEY, host=BASE).Index(host=host)
    if SCHEME == "https":
        pc = PineconeGRPC(api_key=KEY, host=BASE, ssl_ca_certs=os.environ["INSULA_TEST_CA"])
        return pc.Index(host=host)
    pc = PineconeGRPC(api_key=KEY, host=BASE, ssl_verify=False)
    return pc.Index(host=host.removeprefix("http://"))


for old in control("GET", "/indexes")["indexes"]:
    control("DELETE", f"/indexes/{old['name']}")
HOST = make_index(NAME)
# The names of Python before 9 are found by gRPC's own resolver, those of 9 by the system's, which
# knows none below localhost: there the only index is meant.
index = connect(HOST if LINE < 9 else AUTHORITY)
VECTORS = [
    {"id": "a", "values": [0.1, 0.2, 0.3, 0.4], "metadata": {"year": 2020, "tags": ["x", "y"]}},
    {"id": "b", "values": [0.4, 0.3, 0.2, 0.1], "metadata": {"year": 1999, "new": True}},
    {"id": "z/ %", "values": [1.0, 0.0, 0.0, 0.0]},
]


@case("Upsert", "writes records and counts them")
def _():
    equal(index.upsert(vectors=VECTORS, namespace="t1").upserted_count, 3)
    equal(index.upsert(vectors=VECTORS[:1]).upserted_count, 1)


@case("Query", "finds by a vector, nearest first, with values and metadata")
def _():
    included = {"include_values": True, "include_metadata": True}
    found = index.query(namespace="t1", vector=[0.1, 0.2, 0.3, 0.4], top_k=2, **included)
    equal([match.id for match in found.matches], ["a", "b"])
    first = found.matches[0]
    assert abs(first.score - 1) < 1e-6, first.score
    assert max(abs(x - y) for x, y in zip(first.values, VECTORS[0]["values"])) < 1e-6
    equal(first.metadata["year"], 2020)
    equal(list(first.metadata["tags"]), ["x", "y"])
    equal(found.namespace, "t1")
    assert found.usage.read_units >= 1


@case("Query", "obeys filters, and finds by an id")
def _():
    def ids(**more):
        return [match.id for match in index.query(namespace="t1", top_k=10, **more).matches]

    vector = [0.1, 0.2, 0.3, 0.4]
    equal(ids(vector=vector, filter={"year": {"$lt": 2000}}), ["b"])
    equal(ids(vector=vector, filter={"$or": [{"new": True}, {"tags": {"$in": ["y"]}}]}), ["a", "b"])
    equal(sorted(ids(id="b")), ["a", "b", "z/ %"])
    equal(ids(id="missing"), [])


@case("Query", "sees one namespace alone")
def _():
    found = index.query(vector=[1, 0, 0, 0], top_k=10).matches
    equal([match.id for match in found], ["a"])
    equal(len(index.query(namespace="none", vector=[1, 0, 0, 0], top_k=10).matches), 0)


@case("Fetch", "gives records by their ids")
def _():
    fetched = index.fetch(ids=["z/ %", "missing"], namespace="t1")
    equal(list(fetched.vectors), ["z/ %"])
    equal(list(fetched.vectors["z/ %"].values), [1.0, 0.0, 0.0, 0.0])


@case("Update", "changes values and metadata of one record")
def _():
    index.upsert(vectors=VECTORS, namespace="u")
    index.update(id="a", values=[0, 0, 0, 1.0], set_metadata={"year": 2021}, namespace="u")
    record = index.fetch(ids=["a"], namespace="u").vectors["a"]
    equal(list(record.values), [0, 0, 0, 1.0])
    equal(record.metadata["year"], 2021)
    equal(list(record.metadata["tags"]), ["x", "y"])
    index.delete(delete_all=True, namespace="u")


if LINE >= 9:

    @case("Namespaces", "are made, described, listed and deleted")
    def _():
        index.create_namespace(name="made")
        equal(int(index.describe_namespace(namespace="made").record_count), 0)
        pages = index.list_namespaces()
        names = []
        for page in pages:
            items = getattr(page, "namespaces", None) or [page]
            names += [item.name for item in items]
        assert "made" in names and "t1" in names, names
        index.delete_namespace(namespace="made")
        refused(lambda: index.describe_namespace(namespace="made"), "amespace")


@case("List", "gives ids page by page")
def _():
    index.upsert(vectors=[(f"p{i}", [1.0, 0, 0, 0]) for i in range(5)], namespace="list")
    pages = []
    for page in index.list(prefix="p", limit=2, namespace="list"):
        items = getattr(page, "vectors", page)
        pages.append([getattr(item, "id", item) for item in items])
    equal(pages, [["p0", "p1"], ["p2", "p3"], ["p4"]])


@case("DescribeIndexStats", "counts records of all namespaces")
def _():
    stats = index.describe_index_stats()
    equal(stats.dimension, DIMENSION)
    equal(stats.total_vector_count, 9)
    equal(sorted(stats.namespaces), ["", "list", "t1"])
    equal(stats.namespaces["t1"].vector_count, 3)


@case("Delete", "deletes by id, by filter and all")
def _():
    index.delete(ids=["z/ %"], namespace="t1")
    index.delete(filter={"year": 1999}, namespace="t1")
    equal(index.describe_index_stats().namespaces["t1"].vector_count, 1)
    index.delete(delete_all=True, namespace="t1")
    assert "t1" not in index.describe_index_stats().namespaces


@case("errors", "a vector of another dimension, an unknown namespace, a wrong key")
def _():
    refused(lambda: index.upsert(vectors=[("a", [1.0])]), "dimension")
    refused(lambda: index.delete(ids=["a"], namespace="never"), "amespace")
    global KEY
    right, KEY = KEY, "wrong"
    try:
        stranger = connect(HOST if LINE < 9 else AUTHORITY)
        refused(lambda: stranger.describe_index_stats(), "API key")
    finally:
        KEY = right


@case("errors", "a query beyond the rate of its namespace, with the time to wait")
def _():
    index.upsert(vectors=[("a", [1.0, 0.0, 0.0, 0.0])], namespace="limited")
    place = f"databases/pinecone/collections/{NAME}/tenants/limited/limits"
    control("PATCH", f"/insula/v1/{place}", {"queriesPerSecond": 0.1})
    asked = {"vector": [1.0, 0.0, 0.0, 0.0], "top_k": 1, "namespace": "limited"}
    equal(index.query(**asked).matches[0].id, "a")
    # One line tells the number of the status, not its name.
    refused(lambda: index.query(**asked), "grpc_status:8" if LINE == 8 else "RESOURCE_EXHAUSTED")
    index.delete(delete_all=True, namespace="limited")


@case("Upsert", "takes a thousand records of one call")
def _():
    many = [(f"m{i:04}", [1.0, float(i), 0, 0]) for i in range(1000)]
    equal(index.upsert(vectors=many, namespace="many").upserted_count, 1000)
    equal(index.describe_index_stats().namespaces["many"].vector_count, 1000)


if LINE < 9:

    @case("hosts", "tell two indexes apart")
    def _():
        other = connect(make_index("other"))
        other.upsert(vectors=[("o", [1.0, 0, 0, 0])], namespace="o")
        equal(list(other.describe_index_stats().namespaces), ["o"])
        assert "o" not in index.describe_index_stats().namespaces


sys.exit(1 if _failed else 0)
