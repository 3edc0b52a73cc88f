// Every gRPC operation there is, and the common errors, through the vendor's Go client. The address
// alone is given, with or without TLS: the only index is meant. Prints one JSON line per case.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"

	"github.com/pinecone-io/go-pinecone/v4/pinecone"
	"google.golang.org/protobuf/types/known/structpb"
)

const dimension = 4

var (
	ctx    = context.Background()
	base   = os.Getenv("INSULA_TEST_SCHEME") + "://" + os.Getenv("INSULA_TEST_AUTHORITY")
	key    = os.Getenv("INSULA_TEST_KEY")
	failed = false
)

type line struct {
	Operation string `json:"operation"`
	Case      string `json:"case"`
	Pass      bool   `json:"pass"`
	Detail    string `json:"detail,omitempty"`
}

func run(operation, title string, body func() error) {
	result := line{Operation: operation, Case: title, Pass: true}
	if err := body(); err != nil {
		failed = true
		result.Pass = false
		result.Detail = err.Error()
	}
	text, _ := json.Marshal(result)
	fmt.Println(string(text))
}

func equal(actual, expected any) error {
	a, _ := json.Marshal(actual)
	b, _ := json.Marshal(expected)
	if string(a) != string(b) {
		return fmt.Errorf("expected %s, received %s", b, a)
	}
	return nil
}

func refused(err error, words ...string) error {
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			return fmt.Errorf("expected %q, received %v", word, err)
		}
	}
	return nil
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func connect(key, namespace string) *pinecone.IndexConnection {
	pc := must(pinecone.NewClient(pinecone.NewClientParams{ApiKey: key, Host: base}))
	return must(pc.Index(pinecone.NewIndexConnParams{Host: base, Namespace: namespace}))
}

func vector(id string, values ...float32) *pinecone.Vector {
	return &pinecone.Vector{Id: id, Values: &values}
}

func ids(found *pinecone.QueryVectorsResponse) []string {
	list := []string{}
	for _, match := range found.Matches {
		list = append(list, match.Vector.Id)
	}
	return list
}

func main() {
	if names := namesOfRouting(); len(names) > 0 {
		routing(names)
		return
	}
	pc := must(pinecone.NewClient(pinecone.NewClientParams{ApiKey: key, Host: base}))
	for _, old := range must(pc.ListIndexes(ctx)) {
		if err := pc.DeleteIndex(ctx, old.Name); err != nil {
			panic(err)
		}
	}
	metric := pinecone.Dotproduct
	size := int32(dimension)
	must(pc.CreateServerlessIndex(ctx, &pinecone.CreateServerlessIndexRequest{
		Name: "go-grpc", Dimension: &size, Metric: &metric, Cloud: pinecone.Aws, Region: "us-east-1",
	}))
	index := connect(key, "t1")
	records(index)
	rest(index)
	if failed {
		os.Exit(1)
	}
}

func records(index *pinecone.IndexConnection) {
	metadata := must(structpb.NewStruct(map[string]any{"year": 2020, "tags": []any{"x", "y"}}))
	a := vector("a", 0.5, 0.5, 0, 0)
	a.Metadata = metadata
	b := vector("b", 1, 0, 0, 0)
	b.SparseValues = &pinecone.SparseValues{Indices: []uint32{3, 4294967295}, Values: []float32{2, 1}}
	run("Upsert", "writes dense and sparse vectors and counts them", func() error {
		count, err := index.UpsertVectors(ctx, []*pinecone.Vector{a, b})
		if err != nil {
			return err
		}
		return equal(count, 2)
	})
	run("Query", "finds by a vector, by a filter, and by a sparse one beside it", func() error {
		asked := pinecone.QueryByVectorValuesRequest{
			Vector: []float32{1, 0, 0, 0}, TopK: 5, IncludeValues: true, IncludeMetadata: true,
		}
		found, err := index.QueryByVectorValues(ctx, &asked)
		if err != nil {
			return err
		}
		if err := equal(ids(found), []string{"b", "a"}); err != nil {
			return err
		}
		if math.Abs(float64(found.Matches[1].Score)-0.5) > 1e-6 {
			return fmt.Errorf("score %v", found.Matches[1].Score)
		}
		if err := equal(found.Matches[1].Vector.Metadata.AsMap()["year"], 2020); err != nil {
			return err
		}
		asked.MetadataFilter = must(structpb.NewStruct(map[string]any{"year": map[string]any{"$gte": 2000}}))
		if found, err = index.QueryByVectorValues(ctx, &asked); err != nil {
			return err
		}
		if err := equal(ids(found), []string{"a"}); err != nil {
			return err
		}
		asked.MetadataFilter = nil
		asked.SparseValues = &pinecone.SparseValues{Indices: []uint32{3}, Values: []float32{1}}
		if found, err = index.QueryByVectorValues(ctx, &asked); err != nil {
			return err
		}
		return equal(found.Matches[0].Score, 3)
	})
	run("Query", "finds by an id", func() error {
		found, err := index.QueryByVectorId(ctx, &pinecone.QueryByVectorIdRequest{VectorId: "b", TopK: 1})
		if err != nil {
			return err
		}
		return equal(ids(found), []string{"b"})
	})
	run("Fetch", "gives records with their sparse vectors", func() error {
		fetched, err := index.FetchVectors(ctx, []string{"b", "missing"})
		if err != nil {
			return err
		}
		if err := equal(len(fetched.Vectors), 1); err != nil {
			return err
		}
		return equal(fetched.Vectors["b"].SparseValues.Indices, []uint32{3, 4294967295})
	})
}

func rest(index *pinecone.IndexConnection) {
	run("List", "gives ids page by page", func() error {
		limit := uint32(1)
		first, err := index.ListVectors(ctx, &pinecone.ListVectorsRequest{Limit: &limit})
		if err != nil {
			return err
		}
		next, err := index.ListVectors(ctx, &pinecone.ListVectorsRequest{
			Limit: &limit, PaginationToken: first.NextPaginationToken,
		})
		if err != nil {
			return err
		}
		return equal([]string{*first.VectorIds[0], *next.VectorIds[0]}, []string{"a", "b"})
	})
	run("Update", "changes values and metadata of one record", func() error {
		err := index.UpdateVector(ctx, &pinecone.UpdateVectorRequest{
			Id: "a", Values: []float32{0, 1, 0, 0},
			Metadata: must(structpb.NewStruct(map[string]any{"year": 2021})),
		})
		if err != nil {
			return err
		}
		fetched, err := index.FetchVectors(ctx, []string{"a"})
		if err != nil {
			return err
		}
		record := fetched.Vectors["a"]
		return equal(
			[]any{*record.Values, record.Metadata.AsMap()["year"]},
			[]any{[]float32{0, 1, 0, 0}, 2021},
		)
	})
	run("Namespaces", "are described, listed and deleted", func() error {
		described, err := index.DescribeNamespace(ctx, "t1")
		if err != nil {
			return err
		}
		if err := equal([]any{described.Name, described.RecordCount}, []any{"t1", 2}); err != nil {
			return err
		}
		other := index.WithNamespace("t2")
		if _, err := other.UpsertVectors(ctx, []*pinecone.Vector{vector("x", 1, 0, 0, 0)}); err != nil {
			return err
		}
		list, err := index.ListNamespaces(ctx, nil)
		if err != nil {
			return err
		}
		names := []string{}
		for _, one := range list.Namespaces {
			names = append(names, one.Name)
		}
		if err := equal(names, []string{"t1", "t2"}); err != nil {
			return err
		}
		return index.DeleteNamespace(ctx, "t2")
	})
	run("DescribeIndexStats", "counts records", func() error {
		stats, err := index.DescribeIndexStats(ctx)
		if err != nil {
			return err
		}
		names := []string{}
		for name := range stats.Namespaces {
			names = append(names, name)
		}
		sort.Strings(names)
		return equal([]any{stats.TotalVectorCount, names}, []any{2, []string{"t1"}})
	})
	run("Delete", "deletes by id and all", func() error {
		if err := index.DeleteVectorsById(ctx, []string{"a"}); err != nil {
			return err
		}
		if err := index.DeleteAllVectorsInNamespace(ctx); err != nil {
			return err
		}
		stats, err := index.DescribeIndexStats(ctx)
		if err != nil {
			return err
		}
		return equal(stats.TotalVectorCount, 0)
	})
	run("errors", "a vector of another dimension, an unknown namespace, a wrong key", func() error {
		_, err := index.UpsertVectors(ctx, []*pinecone.Vector{vector("a", 1)})
		if err := refused(err, "InvalidArgument", "dimension"); err != nil {
			return err
		}
		err = connect(key, "never").DeleteVectorsById(ctx, []string{"a"})
		if err := refused(err, "NotFound"); err != nil {
			return err
		}
		_, err = connect("wrong", "t1").DescribeIndexStats(ctx)
		return refused(err, "Unauthenticated")
	})
}
