// Package freeport finds free addresses for the processes that tests and the demo start.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// The ports are below the range that Linux and the BSDs use for outgoing connections. So no outgoing connection takes a
// port before the process listens on it, or while the process restarts.
const (
	first = 21000
	count = 11000
)

var (
	mutex sync.Mutex
	next  = rand.IntN(count) // concurrent processes start their search at different ports
)

// Addresses returns n loopback addresses on which nothing listens. It returns the same address again only after all
// others.
func Addresses(n int) ([]string, error) {
	mutex.Lock()
	defer mutex.Unlock()
	var addresses []string
	for range count {
		if len(addresses) == n {
			return addresses, nil
		}
		address := fmt.Sprintf("127.0.0.1:%d", first+next)
		next = (next + 1) % count
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // in use
		}
		if err := listener.Close(); err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return nil, errors.New("no port is free")
}
