"""The account quotas of the table: the runner starts a server with INSULA_OSS_QUOTAS=seed."""

import time
from concurrent.futures import ThreadPoolExecutor

import alibabacloud_oss_v2 as oss
from harness import case, equal, finish, make_client, models, refused

client = make_client()
# Creations are limited to 5 a second; where that is not the subject, the client's own retries wait.
patient = make_client(retry=True)


def make_bucket(name, by=patient):
    return by.put_vector_bucket(models.PutVectorBucketRequest(bucket=name))


def make_index(bucket, name, by=patient):
    return by.put_vector_index(
        models.PutVectorIndexRequest(
            bucket=bucket,
            index_name=name,
            data_type="float32",
            dimension=2,
            distance_metric="cosine",
        )
    )


@case("errors", "TooManyBuckets after 10 buckets")
def _():
    for i in range(10):
        equal(make_bucket(f"quota-{i}").status_code, 200)
    refused(lambda: make_bucket("quota-10", client), "TooManyBuckets", 400)


@case("errors", "QpsLimitExceeded above 5 index creations a second")
def _():
    def attempt(i):
        try:
            return make_index("quota-1", f"burst{i}", client).status_code
        except oss.exceptions.OperationError as error:
            service = error.unwrap()
            equal((service.code, service.status_code), ("QpsLimitExceeded", 503))
            return 503

    with ThreadPoolExecutor(max_workers=20) as pool:
        answers = list(pool.map(attempt, range(20)))
    assert 503 in answers, answers
    assert 200 in answers, answers


@case("errors", "VectorBucketIndexExceedLimit after 100 indexes")
def _():
    # At 5 a second the hundred take some 20 seconds.
    for i in range(100):
        while True:
            try:
                make_index("quota-0", f"index{i}", client)
                break
            except oss.exceptions.OperationError as error:
                equal(error.unwrap().code, "QpsLimitExceeded")
                time.sleep(0.2)
    time.sleep(1.1)
    refused(lambda: make_index("quota-0", "index100", client), "VectorBucketIndexExceedLimit", 400)


@case("limits", "topK 30")
def _():
    def query(top_k):
        return client.query_vectors(
            models.QueryVectorsRequest(
                bucket="quota-0",
                index_name="index0",
                query_vector={"float32": [1, 0]},
                top_k=top_k,
            )
        )

    equal(query(30).status_code, 200)
    refused(lambda: query(31), "VectorIndexParameterInvalid", 400)


finish()
