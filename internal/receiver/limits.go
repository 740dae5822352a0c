package receiver

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Every limit on what a sender can cost is here.
const (
	// maxBody is the largest body read. Stripe's events are far smaller.
	maxBody = 1 << 20
	// maxHeader is the largest request header read, in bytes.
	maxHeader = 16 << 10
	// tolerance is how far a signature's time may be from now, in either direction, as Stripe's libraries have it.
	tolerance = 300 * time.Second

	// readHeaderTimeout and readTimeout bound how long a slow sender holds a connection and a place in flight.
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	// recordTimeout bounds the write to the API server, the wait for a turn included.
	recordTimeout = 10 * time.Second
	// writeTimeout bounds a whole request, the answer included.
	writeTimeout = readTimeout + recordTimeout + 5*time.Second
	// idleTimeout bounds how long a connection waits for its next request.
	idleTimeout = 60 * time.Second

	// maxConnections is how many connections may wait for their sender. One takes some 60 KiB at most: its header, and what TLS keeps.
	maxConnections = 2048

	// ShutdownTimeout is how long requests in flight may take to end once the receiver has drained.
	ShutdownTimeout = writeTimeout + time.Second

	// maxDecoding is how many bodies are decoded at a time. More would be no faster, and cost memory.
	maxDecoding = 4

	// maxWrites is how many events are written to the API server at a time. More would not be written any faster; they queue.
	maxWrites = 32

	// retryAfter is what a 503 asks the sender to wait, in seconds. Stripe keeps to its own schedule.
	retryAfter = "5"
)

// places bounds how many do something at a time.
type places chan struct{}

// tryEnter takes a place if one is free.
func (p places) tryEnter() bool {
	select {
	case p <- struct{}{}:
		return true
	default:
		return false
	}
}

// full says whether there is no place now.
func (p places) full() bool { return len(p) == cap(p) }

// enter waits for a place.
func (p places) enter(ctx context.Context) error {
	select {
	case p <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waited for a turn: %w", ctx.Err())
	}
}

func (p places) leave() { <-p }

// bound sets the server's limits.
func bound(server *http.Server) {
	server.DisableGeneralOptionsHandler = true // it would answer "OPTIONS *" for us, with 200
	server.MaxHeaderBytes = maxHeader
	server.ReadHeaderTimeout = readHeaderTimeout
	server.ReadTimeout = readTimeout
	server.WriteTimeout = writeTimeout
	server.IdleTimeout = idleTimeout
}
