package receiver

import (
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
	// recordTimeout bounds the write to the API server.
	recordTimeout = 10 * time.Second
	// writeTimeout bounds a whole request, the answer included.
	writeTimeout = readTimeout + recordTimeout + 5*time.Second
	// idleTimeout bounds how long a connection waits for its next request.
	idleTimeout = 60 * time.Second

	// ShutdownTimeout is how long requests in flight may take to end once the receiver stops.
	ShutdownTimeout = writeTimeout + time.Second

	// retryAfter is what a 503 asks the sender to wait, in seconds. Stripe keeps to its own schedule.
	retryAfter = "5"
)

// inFlight bounds the requests worked on at a time. Beyond it a request is answered 503 at once: Stripe sends it again, and a slow
// answer helps nobody.
type inFlight chan struct{}

func (f inFlight) enter() bool {
	select {
	case f <- struct{}{}:
		return true
	default:
		return false
	}
}

func (f inFlight) leave() { <-f }

// bound sets the server's limits.
func bound(server *http.Server) {
	server.MaxHeaderBytes = maxHeader
	server.ReadHeaderTimeout = readHeaderTimeout
	server.ReadTimeout = readTimeout
	server.WriteTimeout = writeTimeout
	server.IdleTimeout = idleTimeout
}
