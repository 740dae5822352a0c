package receiver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// bounded is a receiver with a limit on waiting connections and without timeouts.
func bounded(t *testing.T, recorder *fakeRecorder, limit int) *endpoint {
	t.Helper()
	p := open(t, recorder)
	p.server.http.ReadHeaderTimeout, p.server.http.ReadTimeout, p.server.http.IdleTimeout = forever, forever, forever
	p.server.connections.queue.mutex.Lock()
	defer p.server.connections.queue.mutex.Unlock()
	p.server.connections.queue.limit = limit
	return p
}

// Every connection costs memory. With too many open, the longest-waiting ones are closed, and an honest client is still
// answered.
func TestConnectionsAreBounded(t *testing.T) {
	const limit, opened = 8, 20
	unsigned := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", Path)
	for name, tc := range map[string]struct {
		sends    string
		handled  string // how the request is counted, if one is complete
		answered bool
	}{
		"that send nothing":                        {"", "", false},
		"that send their header slowly":            {"POST " + Path + " HTTP/1.1\r\nHost: a\r\nX-A:", "", false},
		"that are idle after an answer":            {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404 not_found", true},
		"that send the next header slowly":         {"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET ", "404 not_found", true},
		"that do not send a body that is not read": {unsigned, "400 signature_absent", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := bounded(t, &fakeRecorder{}, limit)
			before, handled := counted(t), 0.0
			shed := gather(t, metrics.ConnectionsShed)[0].value
			var connections []*net.TCPConn
			for i := range opened {
				connection := p.dial(t)
				connections = append(connections, connection)
				if _, err := io.WriteString(connection, tc.sends); err != nil {
					t.Fatal(err)
				}
				if tc.answered {
					if got, closes := respond(t, connection); got.Code != http.StatusNotFound || closes {
						t.Fatalf("answered %d, closing %t: not idle", got.Code, closes)
					}
				}
				if tc.handled != "" {
					handled++
				}
				await(t, "the connection to be the last in the queue", func() bool {
					return since(t, before)[tc.handled] == handled && waiting(p.server.connections.queue) == min(i+1, limit)
				})
			}
			if diff := cmp.Diff(acknowledged(), p.send(t, signed(body))); diff != "" {
				t.Errorf("reply to an honest client (-want +got):\n%s", diff)
			}
			// The honest client's connection takes one slot.
			for i, connection := range connections[:opened-limit+1] {
				if _, err := connection.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("connection %d of %d: %v, want its end", i, opened, err)
				}
			}
			if diff := cmp.Diff(shed+opened-limit+1, gather(t, metrics.ConnectionsShed)[0].value); diff != "" {
				t.Errorf("connections counted as shed (-want +got):\n%s", diff)
			}
		})
	}
}

// Connections that only wait never evict one whose request is being handled.
func TestConnectionsInFlightAreNotShed(t *testing.T) {
	const limit = 4
	p := bounded(t, blocked(), limit)
	answer := p.background(t, signed(body))
	receive(t, p.recorder.entered)
	for range 2 * limit {
		p.dial(t)
	}
	await(t, "the queue to be full", func() bool { return waiting(p.server.connections.queue) == limit })
	close(p.recorder.release)
	if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
}

// The answer to an evicted client takes the place of no other client: one newcomer evicts one client.
func TestAnEvictionLeadsToNoOther(t *testing.T) {
	const limit = 8
	p := bounded(t, &fakeRecorder{}, limit)
	var clients []unfinished
	for i := range limit {
		clients = append(clients, p.begin(t, event(fmt.Sprintf("evt_%d", i), "customer.updated")))
		await(t, "the body to be waited for", func() bool {
			return waiting(p.server.connections.queue) == i+1 && awaitingHeaders(p.server.connections) == 0
		})
	}
	p.dial(t)
	if got, closes := respond(t, clients[0]); !cmp.Equal(tooSlowReply, got) || !closes {
		t.Errorf("reply to the client that waited longest: closing %t (-want +got):\n%s", closes, cmp.Diff(tooSlowReply, got))
	}

	for i, client := range clients[1:] {
		client.finish(t)
		if got, _ := respond(t, client); !cmp.Equal(acknowledged(), got) {
			t.Errorf("reply to client %d (-want +got):\n%s", i+1, cmp.Diff(acknowledged(), got))
		}
	}
}

// Nothing is kept of a connection that has ended.
func TestConnectionsThatEndAreForgotten(t *testing.T) {
	p := open(t, &fakeRecorder{})
	for range 10 {
		p.send(t, signed(body))
		p.client.CloseIdleConnections()
		_ = p.dial(t).Close()
	}
	await(t, "no connection to be left", func() bool {
		return awaitingHeaders(p.server.connections) == 0 && waiting(p.server.connections.queue) == 0 && waiting(p.server.connections.closing) == 0
	})
}

// The contract also covers requests that net/http would answer by itself.
func TestRequestsThatNameNoPath(t *testing.T) {
	notFound := answered(404, "not found\n")
	for name, tc := range map[string]struct {
		line string
		want reply
	}{
		"OPTIONS *":                 {"OPTIONS * HTTP/1.1", notFound},
		"CONNECT":                   {"CONNECT a:1 HTTP/1.1", notFound},
		"POST *":                    {"POST * HTTP/1.1", notFound},
		"OPTIONS with a whole URL":  {"OPTIONS http://a" + Path + " HTTP/1.1", answered(405, "method not allowed\n", "Allow", "POST")},
		"unsigned with a whole URL": {"POST http://a" + Path + " HTTP/1.1", refusedSignature},
		"another path, a whole URL": {"POST http://a/ HTTP/1.1", notFound},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, &fakeRecorder{})
			connection := p.dial(t)
			if _, err := fmt.Fprintf(connection, "%s\r\nHost: a\r\nContent-Length: 0\r\n\r\n", tc.line); err != nil {
				t.Fatal(err)
			}
			got, _ := respond(t, bufio.NewReader(connection))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}
