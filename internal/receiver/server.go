package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// Server runs the handler on every replica. The manager starts it once the caches are synced. Told to stop it drains, while what runs
// beside it ends and leadership is handed over: both have to be done before the pod is killed.
type Server struct {
	address     string
	drainDelay  time.Duration
	http        *http.Server
	connections *connections
	log         logr.Logger

	ready atomic.Bool
	bound atomic.Pointer[net.TCPAddr]

	stop     chan struct{}
	stopOnce sync.Once
	drained  chan error // what the drain came to, once it has ended
}

// NewServer returns a server for the address, with HTTPS if certificate is not nil. When it is told to stop it reports that it is not
// ready, goes on answering for drainDelay, so that whoever routes to it can take notice, and then ends what is in flight.
func NewServer(
	address string, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), drainDelay time.Duration, handler http.Handler, log logr.Logger,
) *Server {
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.ErrorLog = errorLog(log)
	bound(server)
	connections := newConnections(maxConnections)
	connections.attach(server)
	if certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate}
	}
	return &Server{
		address: address, drainDelay: drainDelay, http: server, connections: connections, log: log,
		stop: make(chan struct{}), drained: make(chan error, 1),
	}
}

// NeedLeaderElection is false: every replica receives.
func (s *Server) NeedLeaderElection() bool { return false }

// Ready is a readiness check: an error while the server is not listening yet, or is draining.
func (s *Server) Ready(*http.Request) error {
	if !s.ready.Load() {
		return errors.New("the receiver is not serving")
	}
	return nil
}

// Addr is where the server listens; nil before it does.
func (s *Server) Addr() *net.TCPAddr { return s.bound.Load() }

// Stop says that the server is about to end: it is not ready from now on, and drains.
func (s *Server) Stop() {
	s.stopOnce.Do(func() { s.ready.Store(false); close(s.stop) })
}

// Start serves. It returns when ctx ends or Stop is called; the server goes on answering until it has drained.
func (s *Server) Start(ctx context.Context) error {
	if s.stopped() {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("the receiver cannot listen on %s: %w", s.address, err)
	}
	address, _ := listener.Addr().(*net.TCPAddr)
	s.bound.Store(address)
	s.ready.Store(true)
	s.log.Info("Receiver listens", "address", address.String(), "path", Path, "tls", s.http.TLSConfig != nil)

	failed := make(chan error, 1)
	go func() { failed <- s.serve(listener) }()
	defer func() { go func() { s.drained <- s.drain() }() }()
	select {
	case err := <-failed:
		s.ready.Store(false)
		return fmt.Errorf("the receiver stopped: %w", err)
	case <-s.stop:
	case <-ctx.Done():
	}
	s.Stop()
	s.ready.Store(false) // Stop may have come before it was set
	return nil
}

func (s *Server) serve(listener net.Listener) error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(listener, "", "")
	}
	return s.http.Serve(listener)
}

func (s *Server) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// drain ends the server: after the delay it takes no new request, and those in flight are answered.
func (s *Server) drain() error {
	s.log.Info("Receiver drains", "delay", s.drainDelay.String())
	<-time.After(s.drainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), ShutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests in flight did not end: %w", err)
	}
	s.log.Info("Receiver stopped")
	return nil
}

// Drain stops the server if nobody has yet, and returns when it has drained. It is called once, after Start has returned.
func (s *Server) Drain() error {
	s.Stop()
	if s.Addr() == nil {
		return nil
	}
	return <-s.drained
}
