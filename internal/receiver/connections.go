package receiver

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// connections bounds the connections that wait for their client: to send a header or a body, or to read the answer.
// Connections whose request is being handled do not count: the handler has its own limits.
//
// golang.org/x/net/netutil.LimitListener would not do: with all connections taken by slow clients, it keeps every new one
// waiting until a timeout.
type connections struct {
	queue *admissionQueue
	// closing has the connections that end with their answer. They make room for each other only: if the end of an evicted
	// client took its place in queue again, it would evict the next one, and so on.
	closing *admissionQueue

	mutex  sync.Mutex
	places map[net.Conn]place
}

// place is where a connection waits.
type place struct {
	queue    *admissionQueue
	admitted *admission
}

// connectionKey is the key of the connection in a request's context, and queueKey that of the queue.
type (
	connectionKey struct{}
	queueKey      struct{}
)

// limitConnections bounds the server's waiting connections.
func limitConnections(server *http.Server, limit int) *connections {
	c := &connections{queue: &admissionQueue{limit: limit}, closing: &admissionQueue{limit: limit}, places: map[net.Conn]place{}}
	server.ConnContext = func(ctx context.Context, connection net.Conn) context.Context {
		return context.WithValue(context.WithValue(ctx, connectionKey{}, connection), queueKey{}, c.queue)
	}
	server.ConnState = func(connection net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			c.enqueue(connection, c.queue)
		case http.StateClosed, http.StateHijacked:
			c.dequeue(connection)
		}
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, ok := r.Context().Value(connectionKey{}).(net.Conn)
		if ok { // false if a test calls the handler without a server
			c.dequeue(connection)
			// net/http reads the rest of the body and sends the answer after the handler. A slow client delays both.
			defer func() {
				if w.Header().Get("Connection") == "close" {
					c.enqueue(connection, c.closing)
				} else {
					c.enqueue(connection, c.queue)
				}
			}()
		}
		next.ServeHTTP(w, r)
	})
	return c
}

// enqueue starts the connection's wait. If too many wait, it disconnects the one that has waited longest.
func (c *connections) enqueue(connection net.Conn, queue *admissionQueue) {
	admitted := queue.admit(func() {
		metrics.ConnectionsShed.Inc()
		closeNow(connection)
	})
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.places[connection] = place{queue, admitted}
}

// dequeue ends the connection's wait.
func (c *connections) dequeue(connection net.Conn) {
	c.mutex.Lock()
	place, waits := c.places[connection]
	delete(c.places, connection)
	c.mutex.Unlock()
	if waits {
		place.queue.release(place.admitted)
	}
}

// awaitBody makes the request's connection wait until leave is called. If too many wait, cutOff is called for the one that
// has waited longest; it must not block. Handlers that do not run on a limited server do not wait.
func awaitBody(ctx context.Context, cutOff func()) (leave func()) {
	queue, ok := ctx.Value(queueKey{}).(*admissionQueue)
	if !ok {
		return func() {}
	}
	admitted := queue.admit(cutOff)
	return func() { queue.release(admitted) }
}

// closeNow closes the connection without TLS's closing alert: sending it may block on a slow client.
func closeNow(connection net.Conn) {
	if secure, ok := connection.(*tls.Conn); ok {
		connection = secure.NetConn()
	}
	_ = connection.Close()
}
