// One vector index per tenant, with the vendor's own Go client.
//
//	go get github.com/aliyun/alibabacloud-oss-go-sdk-v2
//	export OSS_ACCESS_KEY_ID=… OSS_ACCESS_KEY_SECRET=…        # insula keys create
//	INSULA_URL=http://127.0.0.1:8080 go run examples/go/tenants.go
//
// With an IP address as endpoint the client addresses buckets by path; no DNS is needed.
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"sort"
	"sync"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/vectors"
)

const bucket = "example-go"

var tenants = []string{"acme", "globex", "initech"}

type hit struct {
	distance    float64
	tenant, key string
}

func main() {
	ctx := context.Background()
	client := vectors.NewVectorsClient(oss.LoadDefaultConfig().
		WithCredentialsProvider(credentials.NewEnvironmentVariableCredentialsProvider()).
		WithRegion("cn-hangzhou").
		WithAccountId(variable("INSULA_ACCOUNT", "1000000000000001")).
		WithEndpoint(variable("INSULA_URL", "http://127.0.0.1:8080"))) // the one line that differs from the cloud

	must(client.PutVectorBucket(ctx, &vectors.PutVectorBucketRequest{Bucket: oss.Ptr(bucket)}))
	for _, tenant := range tenants {
		must(client.PutVectorIndex(ctx, &vectors.PutVectorIndexRequest{
			Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(tenant), DataType: oss.Ptr("float32"),
			Dimension: oss.Ptr(3), DistanceMetric: oss.Ptr("cosine"),
		}))
	}

	// The same key in two indexes: two records that know nothing of each other.
	write(ctx, client, "acme", "doc-1", []float32{1, 0, 0})
	write(ctx, client, "globex", "doc-1", []float32{0.8, 0.6, 0})
	write(ctx, client, "initech", "doc-2", []float32{0, 0, 1})

	found := searchAll(ctx, client, tenants)
	expected := []hit{{0, "acme", "doc-1"}, {0.2, "globex", "doc-1"}, {1, "initech", "doc-2"}}
	for i, hit := range found {
		fmt.Printf("%.4f  %s/%s\n", hit.distance, hit.tenant, hit.key)
		if hit.tenant != expected[i].tenant || math.Abs(hit.distance-expected[i].distance) > 1e-6 {
			log.Fatalf("expected %v", expected[i])
		}
	}
	if len(found) != len(expected) {
		log.Fatalf("expected %d hits, received %d", len(expected), len(found))
	}

	// A tenant leaves: its index goes, and nothing else.
	remove(ctx, client, "acme")
	if rest := searchAll(ctx, client, tenants[1:]); len(rest) != 2 {
		log.Fatalf("expected 2 hits, received %d", len(rest))
	}
	remove(ctx, client, "globex")
	remove(ctx, client, "initech")
	must(client.DeleteVectorBucket(ctx, &vectors.DeleteVectorBucketRequest{Bucket: oss.Ptr(bucket)}))
	fmt.Println("All as expected.")
}

func write(ctx context.Context, client *vectors.VectorsClient, tenant, key string, vector []float32) {
	must(client.PutVectors(ctx, &vectors.PutVectorsRequest{
		Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(tenant),
		Vectors: []map[string]any{{"key": key, "data": map[string]any{"float32": vector}}},
	}))
}

// searchAll asks all tenants at once and merges by distance.
func searchAll(ctx context.Context, client *vectors.VectorsClient, names []string) []hit {
	var mutex sync.Mutex
	var group sync.WaitGroup
	var found []hit
	for _, tenant := range names {
		group.Add(1)
		go func() {
			defer group.Done()
			result := must(client.QueryVectors(ctx, &vectors.QueryVectorsRequest{
				Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(tenant), TopK: oss.Ptr(5),
				QueryVector:    map[string]any{"float32": []float32{1, 0, 0}},
				ReturnDistance: oss.Ptr(true),
			}))
			mutex.Lock()
			defer mutex.Unlock()
			for _, vector := range result.Vectors {
				found = append(found, hit{vector["distance"].(float64), tenant, vector["key"].(string)})
			}
		}()
	}
	group.Wait()
	sort.Slice(found, func(i, j int) bool { return found[i].distance < found[j].distance })
	return found
}

func remove(ctx context.Context, client *vectors.VectorsClient, tenant string) {
	must(client.DeleteVectorIndex(ctx, &vectors.DeleteVectorIndexRequest{Bucket: oss.Ptr(bucket), IndexName: oss.Ptr(tenant)}))
}

func must[Result any](result Result, err error) Result {
	if err != nil {
		log.Fatal(err)
	}
	return result
}

func variable(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
