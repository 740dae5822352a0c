package receiver

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// forever is a drain delay that outlasts every test.
const forever = 24 * time.Hour

func TestReady(t *testing.T) {
	for name, stop := range map[string]func(p *endpoint, end context.CancelFunc){
		"until Stop":          func(p *endpoint, _ context.CancelFunc) { p.server.Stop() },
		"until the end":       func(_ *endpoint, end context.CancelFunc) { end() },
		"until a second Stop": func(p *endpoint, end context.CancelFunc) { p.server.Stop(); p.server.Stop(); end() },
	} {
		t.Run(name, func(t *testing.T) {
			log := newLogLines()
			p := &endpoint{server: NewServer("127.0.0.1:0", nil, 0, http.NotFoundHandler(), log.logger()), returned: make(chan error, 1)}
			if p.server.Ready(nil) == nil {
				t.Error("ready before it has started")
			}
			if p.server.Addr() != nil {
				t.Error("an address before it has started")
			}
			ctx, end := context.WithCancel(context.Background())
			defer end()
			go func() { p.returned <- p.server.Start(ctx) }()
			log.await(t, "Receiver is listening")
			if err := p.server.Ready(nil); err != nil {
				t.Errorf("not ready while it listens: %v", err)
			}
			stop(p, end)
			if err := receive(t, p.returned); err != nil {
				t.Errorf("Start = %v after the stop, want nil", err)
			}
			if p.server.Ready(nil) == nil {
				t.Error("ready after it has stopped")
			}
		})
	}
}

// The manager may stop before it starts the server.
func TestStopBeforeStart(t *testing.T) {
	server := NewServer("127.0.0.1:0", nil, 0, http.NotFoundHandler(), newLogLines().logger())
	server.Stop()
	if err := server.Start(context.Background()); err != nil {
		t.Errorf("Start = %v, want nil", err)
	}
	if server.Ready(nil) == nil {
		t.Error("ready, though stopped before it started")
	}
}

// Routing takes time to notice that the receiver is not ready. Until then the receiver answers Stripe's requests.
func TestDrainDelay(t *testing.T) {
	p := start(t, &fakeRecorder{}, 10, forever, secret)
	p.server.Stop()
	if p.server.Ready(nil) == nil {
		t.Error("ready after Stop")
	}
	p.log.await(t, "Receiver is draining")
	p.client.CloseIdleConnections() // the next request needs a connection of its own
	if diff := cmp.Diff(acknowledged(), p.send(t, signed(body))); diff != "" {
		t.Errorf("reply while it drains (-want +got):\n%s", diff)
	}
	select {
	case err := <-p.returned:
		t.Errorf("Start returned %v before the delay was over", err)
	default:
	}
}

// The drain does not wait for the rest of the shutdown: the pod's grace period covers both.
func TestTheDrainBeginsWithStop(t *testing.T) {
	log := newLogLines()
	server := NewServer("127.0.0.1:0", nil, time.Millisecond, http.NotFoundHandler(), log.logger())
	returned := make(chan error, 1)
	go func() { returned <- server.Start(context.Background()) }()
	log.await(t, "Receiver is listening")
	server.Stop()
	log.await(t, "Receiver stopped")
	if err := receive(t, returned); err != nil {
		t.Errorf("Start = %v, want nil", err)
	}
	if err := server.Drain(); err != nil {
		t.Errorf("Drain = %v, want nil", err)
	}
}

// A request in flight is neither dropped nor cut short.
func TestStopFinishesRequestsInFlight(t *testing.T) {
	p := start(t, blocked(), 10, time.Millisecond, secret)
	shutdown := make(chan struct{})
	p.server.http.RegisterOnShutdown(func() { close(shutdown) })
	answer := p.background(t, signed(body))
	receive(t, p.recorder.entered)
	p.server.Stop()
	receive(t, shutdown)
	select {
	case err := <-p.returned:
		t.Fatalf("Start returned %v with a request in flight", err)
	default:
	}

	close(p.recorder.release)
	if diff := cmp.Diff(acknowledged(), receive(t, answer)); diff != "" {
		t.Errorf("reply to the request in flight (-want +got):\n%s", diff)
	}
	if err := receive(t, p.returned); err != nil {
		t.Errorf("Start = %v, want nil", err)
	}
	if diff := cmp.Diff([]string{"evt_1"}, p.recorder.recorded()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	if connection, err := net.DialTCP("tcp", nil, p.server.Addr()); err == nil {
		_ = connection.Close()
		t.Error("still listens after it has stopped")
	}
}

func TestAddressTaken(t *testing.T) {
	taken, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	server := NewServer(address, nil, 0, http.NotFoundHandler(), newLogLines().logger())
	err = server.Start(context.Background())
	if err == nil || !strings.HasPrefix(err.Error(), "the receiver cannot listen on "+address) {
		t.Errorf("Start = %v, want that it cannot listen on %s", err, address)
	}
	if server.Ready(nil) == nil {
		t.Error("ready without an address")
	}
}

// A server that fails must not look healthy.
func TestServingFails(t *testing.T) {
	p := open(t, &fakeRecorder{})
	_ = p.server.http.Close()
	if err := receive(t, p.returned); err == nil || !strings.HasPrefix(err.Error(), "the receiver stopped: ") {
		t.Errorf("Start = %v, want that it stopped", err)
	}
	if p.server.Ready(nil) == nil {
		t.Error("ready, though it does not serve")
	}
	drained := make(chan error, 1)
	go func() { drained <- p.server.Drain() }()
	if err := receive(t, drained); err != nil {
		t.Errorf("Drain = %v, want nil: there is nothing to end", err)
	}
}

func TestEveryReplicaReceives(t *testing.T) {
	if NewServer("", nil, 0, nil, newLogLines().logger()).NeedLeaderElection() {
		t.Error("the server needs leader election")
	}
}

// Every wait for a client has a timeout, and the timeouts fit together.
func TestServerIsBounded(t *testing.T) {
	server := NewServer("", nil, 0, nil, newLogLines().logger()).http
	for name, limit := range map[string]time.Duration{
		"reading the header": server.ReadHeaderTimeout,
		"reading a request":  server.ReadTimeout,
		"answering":          server.WriteTimeout,
		"being idle":         server.IdleTimeout,
	} {
		if limit <= 0 {
			t.Errorf("no limit on %s", name)
		}
	}
	if server.MaxHeaderBytes <= 0 {
		t.Error("no limit on the header's size")
	}
	if server.WriteTimeout <= server.ReadTimeout+recordTimeout {
		t.Error("a request may be recorded and then not answered: there is no time left to write")
	}
	if ShutdownTimeout < server.WriteTimeout {
		t.Error("a request that is within its limits may be cut off by the shutdown")
	}
	if server.Protocols.HTTP2() || server.Protocols.UnencryptedHTTP2() || !server.Protocols.HTTP1() {
		t.Errorf("protocols are %s, want HTTP/1 only: the limits are designed for it", server.Protocols)
	}
}
