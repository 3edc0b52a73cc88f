"""Errors in the classes of boto3, and each limit of S3 Vectors.

Some limits are checked by boto3 itself, which never asks the server then; those cases turn its
checks off (`parameter_validation`), so that ours answers.
"""

import os

import boto3
from aws_harness import ACCOUNT, REGION, case, equal, finish, make_client, refused, row
from botocore.config import Config
from botocore.exceptions import ParamValidationError

BUCKET = "boto3-errors"
AT = {"vectorBucketName": BUCKET, "indexName": "limits"}
NEW = {"dataType": "float32", "dimension": 2, "distanceMetric": "cosine"}
INVALID = "ValidationException"
KEY_ID = os.environ["AWS_ACCESS_KEY_ID"]
client = make_client()
# Sends what the model forbids.
raw = boto3.client(
    "s3vectors", config=Config(parameter_validation=False, retries={"total_max_attempts": 1})
)
client.create_vector_bucket(vectorBucketName=BUCKET)
client.create_index(**AT, **NEW, metadataConfiguration={"nonFilterableMetadataKeys": ["body"]})


def put(rows, by=client, **at):
    return by.put_vectors(**{**AT, **at}, vectors=rows)


def query(by=raw, **options):
    return by.query_vectors(**{**AT, "topK": 10, "queryVector": {"float32": [1, 0]}, **options})


def invalid(call, message=None):
    return refused(raw, INVALID, 400, call, message)


@case("errors", "UnrecognizedClientException for an unknown key")
def _():
    stranger = make_client("STRANGER", "secret")
    refused(stranger, "UnrecognizedClientException", 403, stranger.list_vector_buckets)


@case("errors", "InvalidSignatureException for a wrong secret")
def _():
    liar = make_client(KEY_ID, "not the secret")
    refused(liar, "InvalidSignatureException", 403, liar.list_vector_buckets)


@case("errors", "the token of a session is refused, not ignored")
def _():
    guest = make_client(KEY_ID, os.environ["AWS_SECRET_ACCESS_KEY"], aws_session_token="token")
    refused(guest, "UnrecognizedClientException", 403, guest.list_vector_buckets)


@case("errors", "AccessDeniedException, the same for a bucket that is not there")
def _():
    limited = make_client(
        os.environ["INSULA_TEST_LIMITED_ID"], os.environ["INSULA_TEST_LIMITED_SECRET"]
    )
    rows = [row("a", [1, 0])]
    denied = "AccessDeniedException"
    here = refused(limited, denied, 403, lambda: put(rows, limited))
    there = refused(limited, denied, 403, lambda: put(rows, limited, vectorBucketName="nowhere"))
    equal(str(here), str(there))
    equal(query(limited)["vectors"], [])
    refused(limited, denied, 403, lambda: query(limited, returnMetadata=True))
    refused(limited, denied, 403, lambda: query(limited, filter={"a": 1}))


@case("errors", "NotFoundException says what is missing")
def _():
    index = "The specified index could not be found"
    bucket = "The specified vector bucket could not be found"
    arn = f"arn:aws:s3vectors:{REGION}:{ACCOUNT}:bucket/nowhere"
    for message, call in [
        (index, lambda: client.get_index(vectorBucketName=BUCKET, indexName="missing")),
        (index, lambda: client.get_index(vectorBucketName="nowhere", indexName="missing")),
        (index, lambda: client.get_index(indexArn=f"{arn}/index/missing")),
        (index, lambda: put([row("a", [1, 0])], indexName="missing")),
        (index, lambda: query(client, vectorBucketName="nowhere")),
        (bucket, lambda: client.get_vector_bucket(vectorBucketArn=arn)),
        (bucket, lambda: client.list_indexes(vectorBucketName="nowhere")),
        (bucket, lambda: client.list_tags_for_resource(resourceArn=arn)),
    ]:
        refused(client, "NotFoundException", 404, call, message)


@case("errors", "ValidationException with fieldList for values outside the model")
def _():
    def make(**options):
        return raw.create_index(vectorBucketName=BUCKET, indexName="new", **{**NEW, **options})

    head = "1 validation error detected. Value at '/{}' failed to satisfy constraint: Member must "
    for name, value, rule in [
        ("dataType", "float64", "satisfy enum value set: [float32]"),
        ("distanceMetric", "dot", "satisfy enum value set: [euclidean, cosine]"),
        ("dimension", 4097, "be between 1 and 4096, inclusive"),
        ("dimension", 0, "be between 1 and 4096, inclusive"),
    ]:
        message = head.format(name) + rule
        error = invalid(lambda: make(**{name: value}), message)  # noqa: B023
        [field] = error.response["fieldList"]
        equal(field["path"], f"/{name}")
        assert field["message"].endswith(rule), field
    text = "Must specify either indexArn or both vectorBucketName and indexName"
    invalid(lambda: client.get_index(indexName="limits"), text)
    invalid(
        lambda: client.create_vector_bucket(vectorBucketName="Upper_Case"),
        "Invalid vector bucket name",
    )
    invalid(
        lambda: raw.create_vector_bucket(vectorBucketName="ab"),
        "1 validation error detected. Value with length 2 at '/vectorBucketName' failed to "
        "satisfy constraint: Member must have length between 3 and 63, inclusive",
    )


@case("errors", "what the client itself refuses never comes to us, what it lets through does")
def _():
    try:
        client.create_vector_bucket(vectorBucketName="ab")
    except ParamValidationError:
        pass
    else:
        raise AssertionError("boto3 no longer checks lengths")
    message = "Invalid record for key 'a': vector must have length 2, but has length 1"
    invalid(lambda: put([row("a", [1])]), message)


@case("limits", "500 vectors a put, 500 keys a delete, 100 keys a get")
def _():
    rows = [row(f"k{i}", [1, i + 1]) for i in range(501)]
    keys = [found["key"] for found in rows]
    invalid(lambda: put(rows, raw))
    invalid(lambda: put([], raw))
    put(rows[:500])
    invalid(lambda: raw.get_vectors(**AT, keys=keys[:101]))
    equal(len(client.get_vectors(**AT, keys=keys[:100])["vectors"]), 100)
    invalid(lambda: raw.delete_vectors(**AT, keys=keys))
    client.delete_vectors(**AT, keys=keys[:500])
    equal(client.list_vectors(**AT)["vectors"], [])


@case("limits", "keys of 1 to 1024 characters, no key twice in a batch")
def _():
    for rows in [
        [row("", [1, 0])],
        [row("k" * 1025, [1, 0])],
        [row("twice", [1, 0]), row("twice", [0, 1])],
    ]:
        invalid(lambda rows=rows: put(rows, raw))
    put([row("界" * 1024, [1, 0])])
    client.delete_vectors(**AT, keys=["界" * 1024])


@case("limits", "a batch with one wrong vector writes nothing")
def _():
    for wrong in [[1], [1, 0, 0], [0, 0], [float("nan"), 1], [1, float("inf")], [1e39, 0]]:
        rows = [row("fine", [1, 0]), row("wrong", wrong)]
        invalid(lambda rows=rows: put(rows))
    equal(client.list_vectors(**AT)["vectors"], [])


@case("limits", "metadata: 40 KB and 50 names together, 2 KB filterable")
def _():
    put([row("m", [1, 0], {"a": "x" * 2000, "body": "y" * 37000})])
    message = "Invalid record for key 'm': Filterable metadata must have at most 2048 bytes"
    invalid(lambda: put([row("m", [1, 0], {"a": "x" * 2100})]), message)
    invalid(lambda: put([row("m", [1, 0], {"body": "y" * 41000})]))
    put([row("m", [1, 0], {f"n{i}": i for i in range(50)})])
    message = "Invalid record for key 'm': Metadata object must have at most 50 keys"
    invalid(lambda: put([row("m", [1, 0], {f"n{i}": i for i in range(51)})]), message)
    for metadata in [{"a": None}, {"": "x"}]:
        invalid(lambda metadata=metadata: put([row("m", [1, 0], metadata)]))
    client.delete_vectors(**AT, keys=["m"])


@case("limits", "topK, pages, segments and tokens")
def _():
    for top_k in [0, -1, 10_001]:
        invalid(lambda top_k=top_k: query(topK=top_k))
    for options in [
        {"maxResults": 0},
        {"maxResults": 1001},
        {"segmentCount": 17, "segmentIndex": 0},
        {"segmentCount": 2, "segmentIndex": 2},
        {"segmentCount": 2},
        {"nextToken": "invented"},
    ]:
        invalid(lambda options=options: raw.list_vectors(**AT, **options))
    invalid(lambda: raw.list_vector_buckets(maxResults=501))
    invalid(lambda: raw.list_indexes(vectorBucketName=BUCKET, prefix="p" * 64))


@case("limits", "filters that cannot be meant are refused, never ignored")
def _():
    for condition in [
        {"a": {"$like": "x"}},
        {"a": {"$not": {"$eq": "x"}}},
        {"$xor": [{"a": "x"}]},
        {"$and": []},
        {"a": {"$in": []}},
        {"a": {"$gt": "text"}},
        {"a": {"$eq": ["x"]}},
        {"body": "x"},
        "text",
    ]:
        invalid(lambda condition=condition: query(client, filter=condition))


@case("limits", "tags and policies")
def _():
    arn = client.get_index(**AT)["index"]["indexArn"]
    many = {f"t{i}": "x" for i in range(51)}
    for tags in [many, {"": "x"}, {"a": "x" * 257}, {"a?": "x"}]:
        invalid(lambda tags=tags: raw.tag_resource(resourceArn=arn, tags=tags))
    equal(client.list_tags_for_resource(resourceArn=arn)["tags"], {})
    invalid(lambda: client.list_tags_for_resource(resourceArn="arn:aws:s3:::bucket"))
    for policy in ["no JSON", "{}", '{"Version":"2012-10-17","Statement":[]}']:
        put_policy = raw.put_vector_bucket_policy
        invalid(lambda policy=policy: put_policy(vectorBucketName=BUCKET, policy=policy))


finish()
