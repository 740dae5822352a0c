package receiver

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// connections bounds the connections that wait for their sender: to send a request, or to take its answer. Those whose request is worked
// on are not among them: the handler bounds them itself.
type connections struct {
	waiting *line

	mutex  sync.Mutex
	places map[net.Conn]*place
}

func newConnections(limit int) *connections {
	return &connections{waiting: newLine(limit), places: map[net.Conn]*place{}}
}

// connectionKey is where the context of a request has its connection.
type connectionKey struct{}

// attach has the server's connections bounded.
func (c *connections) attach(server *http.Server) {
	server.ConnContext = func(ctx context.Context, connection net.Conn) context.Context {
		return context.WithValue(ctx, connectionKey{}, connection)
	}
	server.ConnState = func(connection net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			c.wait(connection)
		case http.StateClosed, http.StateHijacked:
			c.forget(connection)
		}
	}
	next := server.Handler
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, ok := r.Context().Value(connectionKey{}).(net.Conn)
		if ok { // else it is no request of a server
			c.forget(connection)
			// The answer leaves after this, and the rest of a body that nobody wanted is read before it: both are for the sender to hold up.
			defer c.wait(connection)
		}
		next.ServeHTTP(w, r)
	})
}

// wait puts the connection at the end of the line. Whoever then has waited too long is disconnected.
func (c *connections) wait(connection net.Conn) {
	entered := c.waiting.enter(func() {
		metrics.ConnectionsShed.Inc()
		hangUp(connection)
	})
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.places[connection] = entered
}

// forget takes the connection out of the line.
func (c *connections) forget(connection net.Conn) {
	c.mutex.Lock()
	place := c.places[connection]
	delete(c.places, connection)
	c.mutex.Unlock()
	if place != nil {
		c.waiting.leave(place)
	}
}

// hangUp closes the connection at once. To close one that speaks TLS would be to say goodbye first, and to wait until that is heard.
func hangUp(connection net.Conn) {
	if secure, ok := connection.(*tls.Conn); ok {
		connection = secure.NetConn()
	}
	_ = connection.Close()
}
