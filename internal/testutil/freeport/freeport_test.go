package freeport

import (
	"net"
	"sync"
	"testing"
)

// Concurrent callers get different addresses, and can listen on each.
func TestAddresses(t *testing.T) {
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			addresses, err := Addresses(3)
			if err != nil || len(addresses) != 3 {
				t.Errorf("found %v: %v", addresses, err)
			}
			for _, address := range addresses {
				listener, err := net.Listen("tcp", address)
				if err != nil {
					t.Error(err)
					continue
				}
				t.Cleanup(func() { _ = listener.Close() })
			}
		})
	}
	group.Wait()
}
