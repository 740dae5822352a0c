package receiver

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// These constants and --max-in-flight are all the limits on what a client can cost.
const (
	// maxBody is the largest body read, in bytes. Stripe's events are far smaller.
	maxBody = 1 << 20
	// maxHeader is the largest request header read, in bytes.
	maxHeader = 16 << 10
	// tolerance is how far a signature's time may be from now, in either direction. Stripe's libraries use the same.
	tolerance = 300 * time.Second

	// readHeaderTimeout and readTimeout bound how long a slow client can occupy a connection and a slot.
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	// recordTimeout bounds decoding and recording an event, including the wait for a slot.
	recordTimeout = 10 * time.Second
	// writeTimeout bounds a whole request, including the answer.
	writeTimeout = readTimeout + recordTimeout + 5*time.Second
	// idleTimeout bounds how long a connection waits for its next request.
	idleTimeout = 60 * time.Second

	// maxConnections bounds the connections that wait for their client. Each takes at most some 60 KiB: header and TLS.
	maxConnections = 2048

	// smallBody is the largest body, in bytes, that takes of the memory for small ones. Stripe's events nearly always do:
	// no number of large bodies, and of bodies in chunks, keeps them waiting.
	smallBody = 64 << 10
	// smallBodies and largeBodies are the memory for the bodies that are not verified yet, in bytes.
	smallBodies, largeBodies = 16 << 20, 16 << 20
	// smallBodiesTime and largeBodiesTime are how long a body may arrive while others wait for memory.
	smallBodiesTime, largeBodiesTime = 100 * time.Millisecond, 500 * time.Millisecond
	// memoryTimeout bounds the wait for memory.
	memoryTimeout = 5 * time.Second
	// firstPart is how much of a body is read before it takes of this memory, in bytes: a header without a body takes none.
	firstPart = 512

	// ShutdownTimeout bounds how long requests in flight may take to finish after the drain delay.
	ShutdownTimeout = writeTimeout + time.Second

	// maxDecoding and maxWrites bound the bodies decoded and the events written at a time. More would be no faster, and
	// decoding takes many times the memory of a body.
	maxDecoding = 4
	maxWrites   = 32
	// retryAfter is the Retry-After header of a 503, in seconds. Stripe keeps to its own schedule.
	retryAfter = "5"
)

// setLimits sets the server's limits.
func setLimits(server *http.Server) {
	server.DisableGeneralOptionsHandler = true // it would answer "OPTIONS *" with 200
	server.MaxHeaderBytes = maxHeader
	server.ReadHeaderTimeout = readHeaderTimeout
	server.ReadTimeout = readTimeout
	server.WriteTimeout = writeTimeout
	server.IdleTimeout = idleTimeout
}

// slots bounds how many requests do something at a time.
type slots chan struct{}

// tryAcquire takes a slot if one is free.
func (s slots) tryAcquire() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// acquire waits for a slot.
func (s slots) acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a free slot: %w", ctx.Err())
	}
}

func (s slots) full() bool { return len(s) == cap(s) }

func (s slots) release() { <-s }
