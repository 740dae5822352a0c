package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
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
		body, err := json.Marshal(map[string]any{"success": puts})
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.plane.EtcdURL()+"/v3/kv/txn", bytes.NewReader(body))
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("write into etcd: %w", err)
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("etcd answered %s: %s %w", response.Status, answer, err)
		}
	}
	return nil
}
