// Package freeport finds addresses for processes that tests and the demo start.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// The ports lie below those that Linux and the BSDs give to outgoing connections: none of these takes a port between the moment it is
// found and the moment a process listens on it, nor while a process that is to come back is down.
const (
	first = 21000
	count = 11000
)

var (
	mutex sync.Mutex
	next  = rand.IntN(count) // processes that look at the same time start at different places
)

// Addresses finds n addresses of this machine that nothing listens at. It gives a process the same one again only
// after all others.
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
			continue // taken
		}
		if err := listener.Close(); err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
	}
	return nil, errors.New("no port is free")
}
