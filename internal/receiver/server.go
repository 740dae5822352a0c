package receiver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
)

// Server runs the handler on every replica. The manager starts it once the caches are synced.
type Server struct {
	address    string
	drainDelay time.Duration
	http       *http.Server
	log        logr.Logger

	ready atomic.Bool
	bound atomic.Pointer[net.TCPAddr]

	stop     chan struct{}
	stopOnce sync.Once
}

// NewServer returns a server for the address. When it is told to stop it reports that it is not ready, goes on answering for
// drainDelay, so that whoever routes to it can take notice, and then ends what is in flight.
func NewServer(address string, drainDelay time.Duration, handler http.Handler, log logr.Logger) *Server {
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	bound(server)
	return &Server{address: address, drainDelay: drainDelay, http: server, log: log, stop: make(chan struct{})}
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

// Stop starts the drain, without waiting for it: the manager ends other things before it ends Start's context.
func (s *Server) Stop() {
	s.stopOnce.Do(func() { s.ready.Store(false); close(s.stop) })
}

// Start serves until ctx ends or Stop is called, then drains.
func (s *Server) Start(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("the receiver cannot listen on %s: %w", s.address, err)
	}
	address, _ := listener.Addr().(*net.TCPAddr)
	s.bound.Store(address)
	s.ready.Store(true)
	select {
	case <-s.stop:
		s.ready.Store(false)
	default:
	}
	s.log.Info("Receiver listens", "address", address.String(), "path", Path)

	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(listener) }()
	select {
	case err := <-failed:
		s.ready.Store(false)
		return fmt.Errorf("the receiver stopped: %w", err)
	case <-s.stop:
	case <-ctx.Done():
	}
	return s.drain()
}

func (s *Server) drain() error {
	s.ready.Store(false)
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
