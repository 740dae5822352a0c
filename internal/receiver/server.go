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

// Server runs the handler on every replica. The manager starts it once the caches are synced. The drain runs beside the
// shutdown of the controllers and the leader's handover: all three must end before the pod is killed.
type Server struct {
	bindAddress string
	drainDelay  time.Duration
	http        *http.Server
	connections *connections
	log         logr.Logger

	ready     atomic.Bool
	listensOn atomic.Pointer[net.TCPAddr]

	stop     chan struct{}
	stopOnce sync.Once
	drained  chan error // gets the result of the drain
}

// NewServer returns a server for the address, with HTTPS if certificate is not nil. A stopped server reports that it is
// not ready, answers for drainDelay until no requests are routed to it, and then finishes the requests in flight.
func NewServer(
	bindAddress string, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), drainDelay time.Duration, handler http.Handler, log logr.Logger,
) *Server {
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.ErrorLog = errorLog(log)
	setLimits(server)
	if certificate != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate}
	}
	return &Server{
		bindAddress: bindAddress, drainDelay: drainDelay, http: server, log: log,
		connections: limitConnections(server, maxConnections), stop: make(chan struct{}), drained: make(chan error, 1),
	}
}

// NeedLeaderElection is false: every replica receives.
func (s *Server) NeedLeaderElection() bool { return false }

// Start serves until ctx ends or Stop is called, and returns. The server goes on answering until it has drained.
func (s *Server) Start(ctx context.Context) error {
	select {
	case <-s.stop:
		return nil
	default:
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.bindAddress)
	if err != nil {
		return fmt.Errorf("the receiver cannot listen on %s: %w", s.bindAddress, err)
	}
	address, _ := listener.Addr().(*net.TCPAddr)
	s.listensOn.Store(address)
	s.ready.Store(true)
	s.log.Info("Receiver is listening", "address", address.String(), "path", Path, "tls", s.http.TLSConfig != nil)

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
	s.ready.Store(false) // a Stop before ready was set leaves it true
	return nil
}

func (s *Server) serve(listener net.Listener) error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(listener, "", "")
	}
	return s.http.Serve(listener)
}

// Drain stops the server if it still runs, and returns once it has drained. Call it once, after Start has returned.
func (s *Server) Drain() error {
	s.Stop()
	if s.Addr() == nil {
		return nil
	}
	return <-s.drained
}

// drain waits for the delay, closes the listener and lets the requests in flight finish.
func (s *Server) drain() error {
	s.log.Info("Receiver is draining", "delay", s.drainDelay.String())
	<-time.After(s.drainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), ShutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests in flight did not end: %w", err)
	}
	s.log.Info("Receiver stopped")
	return nil
}

// Stop starts the drain. The server is not ready from now on.
func (s *Server) Stop() {
	s.stopOnce.Do(func() { s.ready.Store(false); close(s.stop) })
}

// Ready is a readiness check. It returns an error before the server listens and from Stop on.
func (s *Server) Ready(*http.Request) error {
	if !s.ready.Load() {
		return errors.New("the receiver is not serving")
	}
	return nil
}

// Addr is the address that the server listens on; nil before it does.
func (s *Server) Addr() *net.TCPAddr { return s.listensOn.Load() }
