package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// stored is an object as the API server stores it in etcd.
type stored struct {
	name       string
	key, value []byte
}

// put writes objects into etcd, past the API server, which learns of them by its watch. Tens of thousands of objects take
// seconds so, instead of many minutes. It uses etcd's JSON gateway: see https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/.
func (b *bench) put(ctx context.Context, objects []stored) error {
	const atOnce = 100 // etcd takes 128 operations in a transaction
	for batch := range slices.Chunk(objects, atOnce) {
		var puts []any
		for _, o := range batch {
			puts = append(puts, map[string]any{"requestPut": map[string][]byte{"key": o.key, "value": o.value}})
		}
		if err := b.askEtcd(ctx, "txn", map[string]any{"success": puts}, nil); err != nil {
			return fmt.Errorf("write into etcd: %w", err)
		}
	}
	return nil
}

// count counts the objects of the resource in the namespace.
func (b *bench) count(ctx context.Context, resource, namespace string) (int, error) {
	prefix := fmt.Appendf(nil, "/registry/%s/%s/%s/", v1alpha1.GroupVersion.Group, resource, namespace)
	end := slices.Clone(prefix)
	end[len(end)-1]++
	var answer struct {
		Count int `json:",string"`
	}
	err := b.askEtcd(ctx, "range", map[string]any{"key": prefix, "range_end": end, "count_only": true}, &answer)
	if err != nil {
		return 0, fmt.Errorf("count the %s in etcd: %w", resource, err)
	}
	return answer.Count, nil
}

// askEtcd makes a request of the API group kv, and reads the answer unless it is nil.
func (b *bench) askEtcd(ctx context.Context, kind string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.plane.EtcdURL()+"/v3/kv/"+kind, bytes.NewReader(text))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	got, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("etcd answered %s: %s", response.Status, got), err)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(got, answer)
}
